//! Floats as text, and rounding to decimal places as Python does it.

/// A float with so many significant digits, in the format of mpmath, on which sympy prints.
///
/// Fixed notation where the leading digit stands within `digits` places, else `1.5e-7` or `1.0e+20`.
pub(crate) fn to_text(value: f64, digits: usize, strip_zeros: bool) -> String {
    if value == 0.0 {
        // mpmath has one form of zero, whatever the number of digits.
        return "0.0".into();
    }
    let (text, exponent) = significant_digits(value.abs(), digits);
    let low = -(digits as i32 / 3).max(5);
    let (whole, fraction) = match usize::try_from(exponent) {
        _ if exponent <= low || exponent >= digits as i32 => {
            let (whole, fraction) = text.split_at(1);
            return finish(value < 0.0, whole, fraction, exponent, strip_zeros);
        }
        Ok(exponent) => {
            let (whole, fraction) = text.split_at((exponent + 1).min(text.len()));
            (whole.to_string(), fraction.to_string())
        }
        Err(_) => {
            let zeros = "0".repeat(exponent.unsigned_abs() as usize - 1);
            ("0".to_string(), format!("{zeros}{text}"))
        }
    };
    finish(value < 0.0, &whole, &fraction, 0, strip_zeros)
}

fn finish(negative: bool, whole: &str, fraction: &str, exponent: i32, strip_zeros: bool) -> String {
    let stripped = fraction.trim_end_matches('0');
    let fraction = match strip_zeros {
        true if stripped.is_empty() => "0",
        true => stripped,
        false => fraction,
    };
    let sign = if negative { "-" } else { "" };
    match exponent {
        0 => format!("{sign}{whole}.{fraction}"),
        1.. => format!("{sign}{whole}.{fraction}e+{exponent}"),
        _ => format!("{sign}{whole}.{fraction}e{exponent}"),
    }
}

/// The leading decimal digits, rounded half up, and the decimal exponent of the first.
fn significant_digits(value: f64, digits: usize) -> (String, i32) {
    // Rust prints the exact decimal expansion; more digits than asked for keep its own rounding out of the way.
    let text = format!("{value:.*e}", digits + 30);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mut exponent: i32 = exponent.parse().unwrap_or(0);
    let mut all = mantissa.bytes().filter(u8::is_ascii_digit);
    let mut kept: Vec<u8> = all.by_ref().take(digits).collect();
    if all.next().is_some_and(|digit| digit >= b'5') {
        let nines = kept
            .iter()
            .rev()
            .take_while(|digit| **digit == b'9')
            .count();
        let stays = kept.len() - nines;
        kept[stays..].fill(b'0');
        match kept[..stays].last_mut() {
            Some(digit) => *digit += 1,
            None => {
                kept[0] = b'1';
                exponent += 1;
            }
        }
    }
    (kept.into_iter().map(char::from).collect(), exponent)
}

/// Python's `round(value, places)`: to the nearest, ties of the exact value to even.
pub(crate) fn round_to(value: f64, places: i128) -> f64 {
    match usize::try_from(places) {
        Ok(places) if places > 330 => value,
        Ok(places) => format!("{value:.places$}").parse().unwrap_or(value),
        Err(_) if places < -308 => 0.0,
        Err(_) => {
            let scale = 10f64.powi(places.unsigned_abs() as i32);
            (value / scale).round_ties_even() * scale
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_mpmath_does() {
        for (value, short, long) in [
            (0.5, "0.5", "0.500000000000000"),
            (1.5, "1.5", "1.50000000000000"),
            (-0.1, "-0.1", "-0.100000000000000"),
            (1e20, "1.0e+20", "1.00000000000000e+20"),
            (1.5e-7, "1.5e-7", "1.50000000000000e-7"),
            (123456.789, "123456.789", "123456.789000000"),
            (0.001, "0.001", "0.00100000000000000"),
        ] {
            assert_eq!(to_text(value, 15, true), short);
            assert_eq!(to_text(value, 15, false), long);
        }
    }

    #[test]
    fn rounds_ties_to_even() {
        assert_eq!(round_to(2.5, 0), 2.0);
        assert_eq!(round_to(2.675, 2), 2.67);
        assert_eq!(round_to(1250.0, -2), 1200.0);
        assert_eq!(round_to(1350.0, -2), 1400.0);
    }
}
