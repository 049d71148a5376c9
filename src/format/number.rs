//! Writes numbers and booleans as all layouts do. What JSON alone does differently stands in `json/value.rs`.

/// Appends an integer.
#[inline]
pub(super) fn push_integer(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends a boolean.
#[inline]
pub(super) fn push_bool(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Appends a float with the fewest digits that read back as the same float, and always with a point or an exponent, as
/// `serde_json` does. A float that is not finite is `NaN`, `inf` or `-inf`.
#[inline]
pub(super) fn push_float(out: &mut Vec<u8>, number: f64) {
    if !push_thousandths(out, number) {
        out.extend_from_slice(zmij::Buffer::new().format(number).as_bytes());
    }
}

/// Appends a number of at most three decimal places, as most logged numbers are, five times faster than the general way. For any
/// other number, appends nothing and returns false.
///
/// Below 10¹² such a number has at most 15 digits, and no two decimals of 15 digits or fewer are the same float: if the nearest
/// float of a whole number of thousandths is this one, then its digits are the fewest that read back as it.
fn push_thousandths(out: &mut Vec<u8>, number: f64) -> bool {
    let magnitude = number.abs();
    if magnitude.is_nan() || magnitude >= 1e12 {
        return false;
    }
    // Signed, because processors convert between floats and signed integers.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(number: f64) -> String {
        let mut out = Vec::new();
        push_float(&mut out, number);
        String::from_utf8(out).unwrap()
    }

    fn general(number: f64) -> String {
        zmij::Buffer::new().format(number).to_owned()
    }

    #[test]
    fn the_fast_way_writes_what_the_general_way_writes() {
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
