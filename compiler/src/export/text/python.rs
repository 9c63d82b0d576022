//! Constants as Python's `repr` writes them.

use std::fmt::Write;

use expc_dialects::Constant;

/// A constant in printed code. Graphs and operands are no constants there; they print as their names.
pub fn constant(constant: &Constant) -> String {
    let join = |items: Vec<String>| format!("[{}]", items.join(", "));
    match constant {
        Constant::None => "None".to_owned(),
        Constant::Int(value) => value.to_string(),
        Constant::Float(value) => float(*value),
        Constant::Bool(value) => boolean(*value).to_owned(),
        Constant::Complex(re, im) => complex(*re, *im),
        Constant::Str(value) => string(value),
        Constant::Dtype(dtype) => format!("torch.{}", dtype.torch_name()),
        Constant::Device(value) => device(value),
        Constant::Layout(value) | Constant::MemoryFormat(value) => format!("torch.{value}"),
        Constant::Ints(values) => join(values.iter().map(i64::to_string).collect()),
        Constant::Floats(values) => join(values.iter().map(|value| float(*value)).collect()),
        Constant::Bools(values) => join(
            values
                .iter()
                .map(|value| boolean(*value).to_owned())
                .collect(),
        ),
        Constant::List(values) => join(values.iter().map(self::constant).collect()),
        Constant::Dict(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| format!("{}: {}", string(key), self::constant(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Constant::Operator(target) => target.clone(),
        Constant::Graph(symbol) => symbol.clone(),
        Constant::Operand => "...".to_owned(),
    }
}

pub fn boolean(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

/// The shortest digits that read back as the number, with an exponent outside of 1e-4 to 1e16.
pub fn float(value: f64) -> String {
    let text = float_digits(value);
    let is_number = text.ends_with(|c: char| c.is_ascii_digit());
    if is_number && !text.contains(['.', 'e']) {
        text + ".0"
    } else {
        text
    }
}

/// [`float`] without `.0` at the end of whole numbers.
fn float_digits(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = shortest(value);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs());
    }
    let decimals = mantissa
        .split_once('.')
        .map_or(0, |(_, decimals)| decimals.len());
    let decimals = i64::try_from(decimals).unwrap_or(0) - i64::from(exponent);
    format!("{value:.*}", usize::try_from(decimals).unwrap_or(0))
}

/// The fewest digits that read back as the number, in the form `1.5e-7`. Of several such, Python takes
/// the nearest one, and the even one if two are equally near.
fn shortest(value: f64) -> String {
    let any = format!("{value:e}");
    let n_digits = any
        .bytes()
        .take_while(|byte| *byte != b'e')
        .filter(u8::is_ascii_digit)
        .count();
    let nearest = format!("{value:.*e}", n_digits.saturating_sub(1));
    if nearest.parse() == Ok(value) {
        nearest
    } else {
        any
    }
}

fn complex(re: f64, im: f64) -> String {
    let imaginary = float_digits(im);
    if re == 0.0 && re.is_sign_positive() {
        return format!("{imaginary}j");
    }
    let sign = if imaginary.starts_with('-') { "" } else { "+" };
    format!("({}{sign}{imaginary}j)", float_digits(re))
}

/// A string in the quotes that need fewer escapes.
pub fn string(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if is_printable(c) => out.push(c),
            c => escape(&mut out, u32::from(c)),
        }
    }
    out.push(quote);
    out
}

fn escape(out: &mut String, code: u32) {
    // Writing to a string does not fail.
    let _ = match code {
        0..=0xff => write!(out, "\\x{code:02x}"),
        0x100..=0xffff => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}

/// Python's `str.isprintable`. Rust's debug form escapes the same characters, and beside them marks that
/// would join a quotation mark, so the character is asked for behind a letter.
fn is_printable(c: char) -> bool {
    let text: String = ['a', c].iter().collect();
    matches!(c, '\'' | '"') || text.escape_debug().nth(1) == Some(c)
}

fn device(text: &str) -> String {
    match text.split_once(':') {
        Some((kind, index)) => format!("device(type={}, index={index})", string(kind)),
        None => format!("device(type={})", string(text)),
    }
}

#[cfg(test)]
mod tests {
    use expc_dialects::ScalarType;

    use super::*;

    #[test]
    fn floats_print_as_in_python() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1.000_000_1, "1.0000001"),
            (1e-5, "1e-05"),
            (1e-4, "0.0001"),
            (1.5e-7, "1.5e-07"),
            (1e-40, "1e-40"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.234_567_890_123_456_8e17, "1.2345678901234568e+17"),
            (-1e30, "-1e+30"),
            (1e300, "1e+300"),
            (5.960_464_477_539_062e-7, "5.960464477539062e-07"),
            (-0.5, "-0.5"),
            (123.0, "123.0"),
            (9_007_199_254_740_993.0, "9007199254740992.0"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (2.5e15, "2500000000000000.0"),
            (0.000_123_45, "0.00012345"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(float(value), text);
        }
    }

    #[test]
    fn complex_numbers_print_as_in_python() {
        assert_eq!(complex(0.0, 2.0), "2j");
        assert_eq!(complex(1.0, 2.5), "(1+2.5j)");
        assert_eq!(complex(-0.0, -1.0), "(-0-1j)");
        assert_eq!(complex(0.0, -0.0), "-0j");
        assert_eq!(complex(f64::NAN, f64::INFINITY), "(nan+infj)");
        assert_eq!(complex(1e16, -1e-5), "(1e+16-1e-05j)");
    }

    #[test]
    fn strings_print_as_in_python() {
        assert_eq!(string("sum"), "'sum'");
        assert_eq!(string("on node 'ge_1'"), "\"on node 'ge_1'\"");
        assert_eq!(string("both ' and \""), "'both \\' and \"'");
        assert_eq!(
            string("a\\b\n\t\r\u{0}\u{7f}"),
            "'a\\\\b\\n\\t\\r\\x00\\x7f'"
        );
        assert_eq!(string("bhwc→é e\u{301}"), "'bhwc→é e\u{301}'");
        assert_eq!(
            string("\u{a0}\u{2028}\u{e0001}"),
            "'\\xa0\\u2028\\U000e0001'"
        );
    }

    #[test]
    fn torch_values_print_as_in_python() {
        for (value, text) in [
            (Constant::Dtype(ScalarType::BFloat16), "torch.bfloat16"),
            (Constant::Device("cpu".to_owned()), "device(type='cpu')"),
            (
                Constant::Device("cuda:1".to_owned()),
                "device(type='cuda', index=1)",
            ),
            (Constant::Layout("strided".to_owned()), "torch.strided"),
            (
                Constant::MemoryFormat("channels_last".to_owned()),
                "torch.channels_last",
            ),
            (Constant::Ints(vec![]), "[]"),
            (Constant::Floats(vec![2.0, 0.5]), "[2.0, 0.5]"),
            (Constant::Bools(vec![true, false]), "[True, False]"),
            (
                Constant::List(vec![Constant::None, Constant::Str("a".to_owned())]),
                "[None, 'a']",
            ),
            (
                Constant::Dict(vec![("k".to_owned(), Constant::Int(-1))]),
                "{'k': -1}",
            ),
            (
                Constant::Operator("torch.ops.aten.add_.Tensor".to_owned()),
                "torch.ops.aten.add_.Tensor",
            ),
        ] {
            assert_eq!(constant(&value), text);
        }
    }
}
