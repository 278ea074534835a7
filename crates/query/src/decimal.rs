//! Numbers compared by decimal value, as they are written, without a float in between.

use std::cmp::Ordering;

/// Compares two JSON numbers by value: `1`, `1.0` and `10e-1` are equal, 38 digits are told apart.
///
/// Both texts must be JSON numbers; exponents beyond 18 digits count as 18 nines.
pub fn compare(left: &str, right: &str) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    let (left, right) = (Parts::of(left), Parts::of(right));
    match (left.sign(), right.sign()) {
        (0, 0) => Ordering::Equal,
        (l, r) if l != r => l.cmp(&r),
        (-1, _) => right.compare_size(&left),
        _ => left.compare_size(&right),
    }
}

/// Appends bytes that stand in the same order to each other as the values of the numbers do; equal values give equal
/// bytes, and no number's bytes are the beginning of another's.
///
/// `text` must be a JSON number; exponents are held as in [`compare`].
pub(crate) fn write_key(text: &str, out: &mut Vec<u8>) {
    const NEGATIVE: u8 = 1;
    const ZERO: u8 = 2;
    const POSITIVE: u8 = 3;
    let parts = Parts::of(text);
    let start = match parts.sign() {
        0 => return out.push(ZERO),
        -1 => {
            out.push(NEGATIVE);
            out.len()
        }
        _ => {
            out.push(POSITIVE);
            out.len()
        }
    };
    write_magnitude(parts.magnitude, out);
    // Two digits a byte, one higher than they are: 0 is left for the end, and a pair of zeros at the end is no digits.
    let mut digits = parts.digits().map(|digit| digit - b'0');
    let mut last = out.len();
    while let Some(tens) = digits.next() {
        let pair = tens * 10 + digits.next().unwrap_or(0);
        out.push(pair + 1);
        if pair > 0 {
            last = out.len();
        }
    }
    out.truncate(last);
    out.push(0);
    if parts.negative {
        for byte in &mut out[start..] {
            *byte = !*byte;
        }
    }
}

/// One byte for the usual powers of ten; beyond them a byte that says so and eight more.
fn write_magnitude(magnitude: i64, out: &mut Vec<u8>) {
    const LOWEST: i64 = -60;
    const BELOW: u8 = 1;
    const ABOVE: u8 = 0xFF;
    match u8::try_from(magnitude - LOWEST) {
        Ok(small) if small < 0xF0 => out.push(BELOW + 1 + small),
        _ => {
            out.push(if magnitude < LOWEST { BELOW } else { ABOVE });
            // The sign bit turned over makes two's complement sort as bytes.
            out.extend_from_slice(&(magnitude ^ i64::MIN).to_be_bytes());
        }
    }
}

/// A number taken apart: sign, digits without zeros at the front, and where the point is.
struct Parts<'a> {
    negative: bool,
    /// Digits before the point.
    whole: &'a [u8],
    /// Digits behind it.
    fraction: &'a [u8],
    /// How many of all digits, from the front, are zeros.
    zeros: usize,
    /// The power of ten of the first digit that is not zero.
    magnitude: i64,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], exponent(&text[at + 1..])),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let (whole, fraction) = (whole.as_bytes(), fraction.as_bytes());
        let zeros = whole.iter().chain(fraction).take_while(|&&digit| digit == b'0').count();
        let place = i64::try_from(whole.len()).unwrap_or(i64::MAX / 4) - i64::try_from(zeros).unwrap_or(i64::MAX / 4);
        Self { negative, whole, fraction, zeros, magnitude: exponent + place }
    }

    fn sign(&self) -> i8 {
        if self.zeros == self.whole.len() + self.fraction.len() {
            0
        } else if self.negative {
            -1
        } else {
            1
        }
    }

    /// The digits from the first that is not zero on.
    fn digits(&self) -> impl Iterator<Item = u8> {
        self.whole.iter().chain(self.fraction).copied().skip(self.zeros)
    }

    /// Compares without regard to signs; neither is zero.
    fn compare_size(&self, other: &Self) -> Ordering {
        self.magnitude.cmp(&other.magnitude).then_with(|| {
            let (mut left, mut right) = (self.digits(), other.digits());
            loop {
                match (left.next(), right.next()) {
                    (None, None) => return Ordering::Equal,
                    (l, r) => match l.unwrap_or(b'0').cmp(&r.unwrap_or(b'0')) {
                        Ordering::Equal => {}
                        unequal => return unequal,
                    },
                }
            }
        })
    }
}

/// An exponent, held within 18 digits.
fn exponent(text: &str) -> i64 {
    const MOST: i64 = 999_999_999_999_999_999;
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let size = digits
        .bytes()
        .try_fold(0_i64, |size, digit| size.checked_mul(10)?.checked_add(i64::from(digit.wrapping_sub(b'0'))))
        .map_or(MOST, |size| size.min(MOST));
    if negative { -size } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn writings_of_one_value_are_equal() {
        for group in [
            &["1", "1.0", "1e0", "10E-1", "0.1e+1", "1.000e00"][..],
            &["0", "-0", "0.0", "0e5", "-0.00E-7"],
            &["-120", "-1.2e2", "-0.12e3"],
        ] {
            for left in group {
                for right in group {
                    assert_eq!(compare(left, right), Ordering::Equal, "{left} {right}");
                }
            }
        }
    }

    #[test]
    fn neighbours_that_a_float_fuses_are_told_apart() {
        assert_eq!(
            compare("12345678901234567890123456789012345678", "12345678901234567890123456789012345679"),
            Ordering::Less
        );
        assert_eq!(compare("1e400", "1e401"), Ordering::Less);
        assert_eq!(compare("-1e99999999999999999999", "1"), Ordering::Less);
        assert_eq!(compare("0.1", "0.1000000000000000000001"), Ordering::Less);
    }

    proptest! {
        #[test]
        fn agrees_with_scaled_integers(a in -99_999_i64..99_999, b in -99_999_i64..99_999, point in 0_usize..8, zeros in 0_usize..3) {
            let write = |n: i64, shift: usize| {
                let sign = if n < 0 { "-" } else { "" };
                let digits = format!("{:09}", n.abs());
                let (whole, fraction) = digits.split_at(9 - shift);
                let whole = whole.trim_start_matches('0');
                let whole = if whole.is_empty() { "0" } else { whole };
                let fraction = format!("{fraction}{}", "0".repeat(zeros));
                if fraction.is_empty() { format!("{sign}{whole}e{shift}") } else { format!("{sign}{whole}.{fraction}e{shift}") }
            };
            prop_assert_eq!(compare(&write(a, point), &write(b, 0)), a.cmp(&b));
        }
    }
}
