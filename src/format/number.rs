//! Writes numbers and booleans as all layouts do. What JSON alone does differently stands in `json/value.rs`.

use crate::line_buffer::LineBuffer;

/// Appends an integer.
#[inline]
pub(super) fn push_integer(out: &mut LineBuffer, number: impl Integer) {
    match number.small() {
        Some(small) => push_small(out, small),
        None => push_long(out, number),
    }
}

// Out of line, so that what calls this saves no registers for it.
#[cold]
#[inline(never)]
fn push_long(out: &mut LineBuffer, number: impl Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// An integer that `itoa` can write.
pub(super) trait Integer: itoa::Integer + Copy {
    /// Returns the number, if it is not negative and has eight digits at most.
    fn small(self) -> Option<u32>;
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl Integer for $type {
            #[inline]
            fn small(self) -> Option<u32> {
                u32::try_from(self).ok().filter(|number| *number < 100_000_000)
            }
        }
    )*};
}

integers!(u32, u64, usize, i64, i128, u128);

#[inline]
fn push_small(out: &mut LineBuffer, number: u32) {
    if number < 10 {
        return out.push(b'0' + number as u8);
    }
    let digits = u64::from_le_bytes(eight_digits(number));
    // The first digit is the lowest byte. The last one is written even if it is a zero.
    let zeros = ((digits ^ ZEROS) | (1 << 63)).trailing_zeros() / 8;
    out.extend_from_block(&(digits >> (zeros * 8)).to_le_bytes(), 8 - zeros as usize);
}

/// Eight times the digit 0.
const ZEROS: u64 = u64::from_ne_bytes([b'0'; 8]);

/// Returns the last eight decimal digits of `number`.
///
/// All of them at once: the number is split into two numbers of four digits in a half of a word each, these into two of two digits, and these
/// into digits. `x * 10_486 >> 20` is `x / 100` for all numbers of four digits, and `x * 103 >> 10` is `x / 10` for all of two.
#[inline]
pub(super) fn eight_digits(number: u32) -> [u8; 8] {
    let number = u64::from(number);
    let fours = (number / 10_000 % 10_000) | ((number % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x7f_0000_007f;
    let twos = hundreds | ((fours - hundreds * 100) << 16);
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    let ones = tens | ((twos - tens * 10) << 8);
    (ones | ZEROS).to_le_bytes()
}

/// Appends a boolean.
#[inline]
pub(super) fn push_bool(out: &mut LineBuffer, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Appends a float with the fewest digits that read back as the same float, and always with a point or an exponent, as
/// `serde_json` does. A float that is not finite is `NaN`, `inf` or `-inf`.
#[inline]
pub(super) fn push_float(out: &mut LineBuffer, number: f64) {
    match thousandths(number) {
        Some(thousandths) => push_thousandths(out, number.is_sign_negative(), thousandths),
        None => push_long_float(out, number),
    }
}

#[cold]
#[inline(never)]
fn push_long_float(out: &mut LineBuffer, number: f64) {
    out.extend_from_slice(zmij::Buffer::new().format(number).as_bytes());
}

/// Returns the size of `number` in thousandths, if it is the float nearest to a whole number of them, as most logged numbers are, and not too
/// large. Its decimal digits are then the fewest that read back as it: a number below 2³⁹ has at most 15 digits in thousandths, and no two
/// decimals of 15 digits or fewer are the same float.
///
/// A normal float is m / 2ᵏ, where m has 53 bits. For whole t, t / 1000 is nearer to it than to any other float if the two are less than half
/// of 1 / 2ᵏ apart, that is if t · 2ᵏ and 1000 · m are less than 500 apart. For k from 14 to 62, that is for numbers from 2⁻¹⁰ to 2³⁹, all of
/// this fits into 64 bits: 1000 · m is less than 2⁶³. There are two cases to look at:
///
/// - They are exactly 500 apart. Then 1000 · m ± 500 is a multiple of 2ᵏ, but it is 4 · 125 · (2 · m ± 1), and a multiple of 4 only.
/// - m is 2⁵². The floats below such a number are half as far apart. But then 1000 · m is 125 · 2⁵⁵, and either a multiple of 2ᵏ, or at least
///   2⁵⁵ away from the next one.
#[inline]
fn thousandths(number: f64) -> Option<u64> {
    let bits = number.to_bits() & (u64::MAX >> 1);
    // The sign of this is 0.
    let exponent = (bits >> 52) as u32;
    let k = 1_075_u32.wrapping_sub(exponent);
    if !(14..=62).contains(&k) {
        return (bits == 0).then_some(0);
    }
    let m = (bits & ((1 << 52) - 1)) | (1 << 52);
    let scaled = m * 1_000;
    let thousandths = (scaled + (1 << (k - 1))) >> k;
    let apart = scaled.wrapping_sub(thousandths << k);
    (apart.wrapping_add(500) <= 1_000).then_some(thousandths)
}

#[inline]
fn push_thousandths(out: &mut LineBuffer, is_negative: bool, thousandths: u64) {
    if is_negative {
        out.push(b'-');
    }
    push_integer(out, thousandths / 1_000);
    // Of eight digits the last four, the first of which becomes the point.
    let digits = (u64::from_le_bytes(eight_digits((thousandths % 1_000) as u32)) >> 32) as u32 ^ u32::from(b'0' ^ b'.');
    let length = match digits >> 16 {
        0x3030 => 2,
        0x3000..0x3100 => 3,
        _ => 4,
    };
    out.extend_from_block(&digits.to_le_bytes(), length);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(number: f64) -> String {
        let mut out = LineBuffer::new();
        push_float(&mut out, number);
        String::from_utf8(out.into()).unwrap()
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

    #[test]
    fn numbers_of_up_to_eight_digits_and_longer_ones_are_written_alike() {
        let powers = (0..20).map(|power| 10_u64.saturating_pow(power));
        let numbers = powers.flat_map(|power| [power - 1, power, power + 1, power / 3 * 2]).chain(0..20_000);
        for number in numbers.chain((0..100_000_000).step_by(7_919)) {
            let mut out = LineBuffer::new();
            push_integer(&mut out, number);
            assert_eq!(out[..], *number.to_string().as_bytes());
            assert_eq!(
                eight_digits((number % (1 << 32)) as u32),
                *format!("{:08}", number % (1 << 32) % 100_000_000).as_bytes()
            );
        }
        for number in [0, -1, 5, i64::MIN, i64::MAX] {
            let mut out = LineBuffer::new();
            push_integer(&mut out, number);
            assert_eq!(out[..], *number.to_string().as_bytes());
        }
    }

    /// Compares the quick way with the general one, on numbers with few decimals of each size and on their neighbours.
    fn compare_floats(count: u64) {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut quick = 0;
        for _ in 0..count {
            // The xorshift of Marsaglia.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let size = state >> 58;
            let decimal = (state >> size.min(63) >> 6) as f64 / [1.0, 10.0, 100.0, 1e3, 1e4, 1e5][(state % 6) as usize];
            for number in [decimal, decimal.next_up(), -decimal.next_down(), f64::from_bits(state)] {
                quick += u64::from(thousandths(number).is_some());
                let (mut out, mut buffer) = (LineBuffer::new(), zmij::Buffer::new());
                push_float(&mut out, number);
                assert_eq!(str::from_utf8(&out).unwrap(), buffer.format(number));
            }
        }
        assert!(quick > count / 4, "{quick} of {count} were written the quick way");
    }

    #[test]
    fn floats_are_written_alike_both_ways() {
        compare_floats(20_000);
    }

    #[test]
    #[ignore = "takes long without optimisation"]
    fn millions_of_floats_are_written_alike_both_ways() {
        compare_floats(3_000_000);
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
