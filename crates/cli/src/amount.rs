//! Numbers and sizes as a person reads them.

/// `value` as a float; exact up to 2^53, which no size here exceeds.
pub(crate) fn float(value: u64) -> f64 {
    let half = |bits: u64| f64::from(u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(u32::MAX));
    half(value >> 32) * 4_294_967_296.0 + half(value)
}

/// A size in decimal units: `70.1 MB`.
pub(crate) fn bytes(bytes: u64) -> String {
    let mut value = float(bytes);
    for unit in ["bytes", "kB", "MB", "GB"] {
        if value < 1000.0 {
            return if unit == "bytes" { format!("{bytes} bytes") } else { format!("{value:.1} {unit}") };
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

/// A count with its digits in groups of three: `1,234,567`.
pub(crate) fn grouped_integer(value: u64) -> String {
    group(&value.to_string())
}

/// The same, of a rounded float.
pub(crate) fn grouped(value: f64) -> String {
    group(&format!("{value:.0}"))
}

fn group(digits: &str) -> String {
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        let shown = [0, 999, 1000, 1_234_567, 70_050_000, 5_000_000_000, 7_000_000_000_000].map(bytes);
        assert_eq!(shown, ["0 bytes", "999 bytes", "1.0 kB", "1.2 MB", "70.0 MB", "5.0 GB", "7.0 TB"]);
    }

    #[test]
    fn digits_are_grouped() {
        let shown = [0, 999, 1000, 28_204, 1_234_567].map(grouped_integer);
        assert_eq!(shown, ["0", "999", "1,000", "28,204", "1,234,567"]);
        assert_eq!(grouped(123_456.7), "123,457");
    }

    #[test]
    fn floats_are_exact_where_they_can_be() {
        assert_eq!(float(1 << 53).to_string(), (1_u64 << 53).to_string());
        assert_eq!(float(u64::from(u32::MAX)).to_string(), u32::MAX.to_string());
    }
}
