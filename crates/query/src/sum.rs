//! Sums of decimal numbers without rounding: whichever way numbers are grouped, their sum is the same.

use std::collections::BTreeMap;

/// Decimal digits of a limb.
const LIMB_DIGITS: i64 = 9;
const LIMB_WIDTH: usize = 9;
const LIMB: i64 = 1_000_000_000;
/// How many digits before or behind the point a number may reach to be added.
const MAX_PLACES: i64 = 1200;
/// Additions after which carries are resolved: a limb then holds less than 2^63.
const MAX_PENDING: u32 = 1 << 30;
/// Significant digits of a quotient (those of IEEE 754 decimal128).
const QUOTIENT_DIGITS: usize = 34;

/// A number that reaches further than 1200 digits to either side of its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a number reaches too far from its decimal point to be added up")]
pub struct OutOfRange;

/// An exact sum.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sum {
    /// Limbs by their place: limb `n` counts 10^(9n).
    limbs: BTreeMap<i64, i64>,
    pending: u32,
}

impl Sum {
    /// Adds a JSON number, or takes it away.
    pub(crate) fn add(&mut self, number: &str, negate: bool) -> Result<(), OutOfRange> {
        let (negative, text) = match number.strip_prefix('-') {
            Some(rest) => (!negate, rest),
            None => (negate, number),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.trim_start_matches('+').parse::<i64>().ok()),
            None => (text, Some(0)),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|digit| digit - b'0').collect();
        while digits.last() == Some(&0) && digits.len() > whole.len() {
            digits.pop();
        }
        if digits.iter().all(|digit| *digit == 0) {
            return Ok(());
        }
        let count = |digits: usize| i64::try_from(digits).unwrap_or(i64::MAX / 4);
        // The power of ten of the first digit.
        let first = exponent.and_then(|exponent| exponent.checked_add(count(whole.len()) - 1)).ok_or(OutOfRange)?;
        if first > MAX_PLACES || first - count(digits.len()) < -MAX_PLACES {
            return Err(OutOfRange);
        }
        for (power, digit) in (first - count(digits.len()) + 1..=first).rev().zip(&digits) {
            if *digit == 0 {
                continue;
            }
            let (limb, place) = (power.div_euclid(LIMB_DIGITS), power.rem_euclid(LIMB_DIGITS));
            let value = i64::from(*digit) * POWERS[usize::try_from(place).unwrap_or(0)];
            *self.limbs.entry(limb).or_default() += if negative { -value } else { value };
        }
        self.pending += 1;
        if self.pending >= MAX_PENDING {
            self.carry();
        }
        Ok(())
    }

    /// Resolves carries: then all limbs are from 0 to 10^9 - 1, but the highest of a negative sum, which is -1.
    fn carry(&mut self) {
        self.pending = 0;
        let (mut carried, mut carry) = (BTreeMap::new(), 0);
        let mut limbs = std::mem::take(&mut self.limbs);
        while let Some((place, limb)) = limbs.pop_first() {
            let value = limb + carry;
            carry = value.div_euclid(LIMB);
            carried.insert(place, value.rem_euclid(LIMB));
            // The last carry of a negative sum is its sign.
            if carry == -1 && limbs.is_empty() {
                carried.insert(place + 1, -1);
            } else if carry != 0 {
                limbs.entry(place + 1).or_default();
            }
        }
        carried.retain(|_, limb| *limb != 0);
        self.limbs = carried;
    }

    /// Sign and decimal digits, the first and the last not zero, and the power of ten of the last; no digits for zero.
    fn digits(&self) -> (bool, Vec<u8>, i64) {
        let mut sum = self.clone();
        sum.carry();
        let negative = sum.limbs.last_key_value().is_some_and(|(_, limb)| *limb < 0);
        if negative {
            for limb in sum.limbs.values_mut() {
                *limb = -*limb;
            }
            sum.carry();
        }
        let (Some(first), Some(last)) = (sum.limbs.last_key_value(), sum.limbs.first_key_value()) else {
            return (false, Vec::new(), 0);
        };
        let (first, last) = (*first.0, *last.0);
        let mut text = String::new();
        for place in (last..=first).rev() {
            let limb = sum.limbs.get(&place).copied().unwrap_or(0).to_string();
            text.extend(std::iter::repeat_n('0', LIMB_WIDTH.saturating_sub(limb.len())));
            text.push_str(&limb);
        }
        let trimmed = text.trim_end_matches('0');
        let zeros = i64::try_from(text.len() - trimmed.len()).unwrap_or(0);
        let digits = trimmed.trim_start_matches('0').bytes().map(|digit| digit - b'0').collect();
        (negative, digits, last * LIMB_DIGITS + zeros)
    }

    /// The sum as a JSON number.
    pub(crate) fn text(&self) -> String {
        let (negative, digits, power) = self.digits();
        written(negative, &digits, power)
    }

    /// The sum divided by `count`, which is not 0, rounded half to even to 34 significant digits.
    pub(crate) fn divided_by(&self, count: u64) -> String {
        let (negative, digits, mut power) = self.digits();
        let count = u128::from(count.max(1));
        let (mut quotient, mut rest) = (Vec::new(), 0_u128);
        let push = |quotient: &mut Vec<u8>, rest: &mut u128, digit: u8| {
            let value = *rest * 10 + u128::from(digit);
            let next = u8::try_from(value / count).unwrap_or(0);
            *rest = value % count;
            if next > 0 || !quotient.is_empty() {
                quotient.push(next);
            }
        };
        for digit in digits {
            push(&mut quotient, &mut rest, digit);
        }
        while rest > 0 && quotient.len() <= QUOTIENT_DIGITS {
            push(&mut quotient, &mut rest, 0);
            power -= 1;
        }
        if quotient.len() > QUOTIENT_DIGITS {
            let dropped = quotient.split_off(QUOTIENT_DIGITS);
            power += i64::try_from(dropped.len()).unwrap_or(0);
            let exact = rest == 0 && dropped[1..].iter().all(|digit| *digit == 0);
            let odd = quotient.last().is_some_and(|digit| digit % 2 == 1);
            if dropped[0] > 5 || dropped[0] == 5 && (!exact || odd) {
                round_up(&mut quotient);
            }
        }
        while quotient.last() == Some(&0) {
            quotient.pop();
            power += 1;
        }
        written(negative, &quotient, power)
    }
}

const POWERS: [i64; 9] = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// Adds one to the last digit; a digit more in front where all were nines.
fn round_up(digits: &mut Vec<u8>) {
    for digit in digits.iter_mut().rev() {
        *digit += 1;
        if *digit < 10 {
            return;
        }
        *digit = 0;
    }
    digits.insert(0, 1);
}

/// A JSON number of digits and the power of ten of the last one; plain unless that takes over forty characters.
fn written(negative: bool, digits: &[u8], power: i64) -> String {
    if digits.is_empty() {
        return "0".to_owned();
    }
    let digits: String = digits.iter().map(|digit| char::from(b'0' + digit)).collect();
    let sign = if negative { "-" } else { "" };
    let length = i64::try_from(digits.len()).unwrap_or(i64::MAX / 4);
    // How many digits stand before the point.
    let whole = length + power;
    if power >= 0 && whole <= 40 {
        let zeros = "0".repeat(usize::try_from(power).unwrap_or(0));
        return format!("{sign}{digits}{zeros}");
    }
    if power < 0 && whole > 0 {
        let (before, behind) = digits.split_at(usize::try_from(whole).unwrap_or(0));
        return format!("{sign}{before}.{behind}");
    }
    if power < 0 && whole > -20 {
        let zeros = "0".repeat(usize::try_from(-whole).unwrap_or(0));
        return format!("{sign}0.{zeros}{digits}");
    }
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{first}{point}{rest}e{}", whole - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sum(numbers: &[&str]) -> Sum {
        let mut sum = Sum::default();
        for number in numbers {
            sum.add(number, false).unwrap();
        }
        sum
    }

    #[test]
    fn sums_are_exact() {
        for (numbers, expected) in [
            (&["0.1", "0.2"][..], "0.3"),
            (&[], "0"),
            (&["1e20", "1", "-1e20"], "1"),
            (&["-5", "3"], "-2"),
            (&["-0.000000001", "1e9"], "999999999.999999999"),
            (&["1000000000", "-1"], "999999999"),
            (&["-1000000000", "1"], "-999999999"),
            (&["12345678901234567890123456789012345678", "1"], "12345678901234567890123456789012345679"),
            (&["1e300", "1e300"], "2e300"),
            (&["1.50", "2.5E0"], "4"),
            (&["1e-30"], "1e-30"),
            (&["-7", "7.0"], "0"),
        ] {
            assert_eq!(sum(numbers).text(), expected, "{numbers:?}");
        }
        assert_eq!(Sum::default().add("1e99999", false), Err(OutOfRange));
        assert_eq!(Sum::default().add("1e99999999999999999999", false), Err(OutOfRange));
        assert_eq!(Sum::default().add("0e99999999999999999999", false), Ok(()));
    }

    #[test]
    fn quotients_are_rounded_to_34_digits() {
        assert_eq!(sum(&["10"]).divided_by(4), "2.5");
        assert_eq!(sum(&["1"]).divided_by(3), "0.3333333333333333333333333333333333");
        assert_eq!(sum(&["-2"]).divided_by(3), "-0.6666666666666666666666666666666667");
        assert_eq!(sum(&["30"]).divided_by(3), "10");
        assert_eq!(sum(&["0"]).divided_by(3), "0");
        assert_eq!(sum(&["99999999999999999999999999999999999"]).divided_by(1), "100000000000000000000000000000000000");
    }

    proptest! {
        #[test]
        fn agrees_with_scaled_integers(parts in proptest::collection::vec((-9_999_999_999_i64..9_999_999_999, -12_i32..12), 0..20)) {
            let mut sum = Sum::default();
            let mut expected = 0_i128;
            for (mantissa, exponent) in &parts {
                sum.add(&format!("{mantissa}e{exponent}"), false).unwrap();
                expected += i128::from(*mantissa) * 10_i128.pow(u32::try_from(exponent + 12).unwrap());
            }
            let expected = format!("{expected}e-12");
            prop_assert_eq!(crate::decimal::compare(&sum.text(), &expected), std::cmp::Ordering::Equal, "{}", sum.text());
        }
    }
}
