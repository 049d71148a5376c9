//! Values as text and logfmt write them. JSON has its own in [`json`](super::json).

use super::escape::{is_bare, push_quoted};
use crate::record::Value;

/// Appends an integer.
#[inline]
pub(super) fn push_integer(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends a float with the fewest digits that read back as the same, and always with a point or an exponent: as
/// `serde_json` does; `NaN`, `inf` and `-inf` if it is not finite.
#[inline]
pub(super) fn push_float(out: &mut Vec<u8>, number: f64) {
    if !push_thousandths(out, number) {
        out.extend_from_slice(zmij::Buffer::new().format(number).as_bytes());
    }
}

/// Appends a number of at most three decimal places, as most that people log are; five times faster than the general way. Or
/// appends nothing and returns false.
///
/// Below 10¹² such a number has at most 15 digits, and no two decimals of 15 digits or fewer are the same float: if the nearest
/// float of a whole number of thousandths is this one, then its digits are the fewest that read back as it.
fn push_thousandths(out: &mut Vec<u8>, number: f64) -> bool {
    let magnitude = number.abs();
    if magnitude.is_nan() || magnitude >= 1e12 {
        return false;
    }
    // Signed, because that is what processors convert.
    let thousandths = (magnitude * 1e3 + 0.5) as i64;
    if thousandths as f64 / 1e3 != magnitude {
        return false;
    }
    let thousandths = thousandths.unsigned_abs();
    if number.is_sign_negative() {
        out.push(b'-');
    }
    push_integer(out, thousandths / 1_000);
    let rest = (thousandths % 1_000) as u16;
    let digits = [b'.', b'0' + (rest / 100) as u8, b'0' + (rest / 10 % 10) as u8, b'0' + (rest % 10) as u8];
    let length = match (rest % 100, rest % 10) {
        (0, _) => 2,
        (_, 0) => 3,
        _ => 4,
    };
    out.extend_from_slice(&digits[..length]);
    true
}

/// Appends a boolean.
#[inline]
pub(super) fn push_bool(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Appends a text as a value: bare if it needs no quotes and cannot be taken for a value of another type, else quoted.
#[inline]
pub(super) fn push_text(out: &mut Vec<u8>, text: &str) {
    if is_bare(text) && !reads_as_other(text) {
        out.extend_from_slice(text.as_bytes());
    } else {
        push_quoted(out, text);
    }
}

/// Appends texts as `["a", "b"]`.
pub(super) fn push_list(out: &mut Vec<u8>, texts: &[String]) {
    out.push(b'[');
    for (place, text) in texts.iter().enumerate() {
        if place > 0 {
            out.extend_from_slice(b", ");
        }
        push_quoted(out, text);
    }
    out.push(b']');
}

/// Appends any value.
pub(super) fn push_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(value) => push_bool(out, *value),
        Value::I64(number) => push_integer(out, *number),
        Value::U64(number) => push_integer(out, *number),
        Value::I128(number) => push_integer(out, *number),
        Value::U128(number) => push_integer(out, *number),
        Value::F64(number) => push_float(out, *number),
        Value::Str(text) => push_text(out, text),
        Value::List(texts) => push_list(out, texts),
    }
}

/// True if a bare `text` would read back as a number, a boolean or nothing.
#[inline]
pub(super) fn reads_as_other(text: &str) -> bool {
    // Every such text begins with one of these; most texts are let through here.
    let may_be =
        matches!(text.as_bytes(), [b'0'..=b'9' | b'+' | b'-' | b'.' | b't' | b'f' | b'n' | b'i' | b'N' | b'I', ..]);
    // Integers of any width read as floats too.
    may_be && (matches!(text, "true" | "false" | "null") || text.parse::<f64>().is_ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(value: impl Into<Value>) -> String {
        let mut out = Vec::new();
        push_value(&mut out, &value.into());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_text_that_looks_like_another_type_is_quoted() {
        for look in
            ["1", "-1", "+1", "1.5", ".5", "1e9", "true", "false", "null", "NaN", "nan", "inf", "-inf", "Infinity"]
        {
            assert_eq!(text(look), format!("\"{look}\""));
        }
        for look in ["1a", "truer", "e9", "-", "v1.2.3", "1.2.3", "nano"] {
            assert_eq!(text(look), look);
        }
        assert_eq!(text(""), "\"\"");
        assert_eq!(text("a b"), "\"a b\"");
    }

    #[test]
    fn each_type_has_its_form() {
        assert_eq!(text(u128::MAX), "340282366920938463463374607431768211455");
        assert_eq!(text(i64::MIN), "-9223372036854775808");
        assert_eq!(text(1.0), "1.0");
        assert_eq!(text(f64::NAN), "NaN");
        assert_eq!(text(f64::NEG_INFINITY), "-inf");
        assert_eq!(text(true), "true");
        let mut list = Vec::new();
        push_list(&mut list, &["a".to_owned(), "\"".to_owned()]);
        assert_eq!(list, br#"["a", "\""]"#);
    }

    fn general(number: f64) -> String {
        zmij::Buffer::new().format(number).to_owned()
    }

    #[test]
    fn short_floats_are_written_as_long_ones_are() {
        let odd = [0.0, -0.0, 1e12, 999_999_999_999.999, 0.001, 0.0005, 0.000_999, 1e-7, 5e-324, f64::MAX, 1e11 + 0.1];
        for number in odd.into_iter().flat_map(|number| [number, -number, number.next_up(), number.next_down()]) {
            assert_eq!(text(number), general(number));
        }
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(text(number), general(number));
        }
    }

    proptest! {
        #[test]
        fn any_float_is_written_with_the_fewest_digits(bits in any::<u64>(), thousandths in -1_000_000_000_000_000_i64..1_000_000_000_000_000, small in -200_000_i64..200_000) {
            for number in [f64::from_bits(bits), thousandths as f64 / 1e3, small as f64 / 1e3] {
                for number in [number, number.next_up(), number.next_down()] {
                    prop_assert_eq!(text(number), general(number));
                }
            }
        }

        #[test]
        fn floats_are_written_as_serde_json_writes_them(bits in any::<u64>()) {
            let number = f64::from_bits(bits);
            if number.is_finite() {
                prop_assert_eq!(text(number), serde_json::to_string(&number).unwrap());
            }
        }
    }
}
