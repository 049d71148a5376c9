//! Owned field values.

use std::borrow::Cow;
use std::fmt;

/// Holds the value of a field: of a context, of a span, or of a record that was read back from a log.
///
/// ```
/// use logscope::Value;
///
/// assert_eq!(Value::from("blink.cpp").as_str(), Some("blink.cpp"));
/// assert_eq!(Value::from(5_u8), Value::from(5_i64));
/// ```
///
/// Integers are equal if their numbers are, whatever their width. A NaN is equal to a NaN, so that records can be compared.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Value {
    /// No value. JSON also renders a float that is not finite as this.
    Null,
    /// A boolean.
    Bool(bool),
    /// A signed integer.
    I64(i64),
    /// An unsigned integer.
    U64(u64),
    /// A signed integer of 128 bits.
    I128(i128),
    /// An unsigned integer of 128 bits.
    U128(u128),
    /// A float.
    F64(f64),
    /// A text: a string, or the rendering of a `Debug` or `Display` value, an error or bytes.
    Str(String),
    /// A list of texts: the sources of an error, nearest first.
    List(Vec<String>),
}

impl Value {
    /// Returns the text, if this is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the boolean, if this is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match *self {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the number, if this is an integer that fits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match *self {
            Value::I64(number) => Some(number),
            Value::U64(number) => i64::try_from(number).ok(),
            Value::I128(number) => i64::try_from(number).ok(),
            Value::U128(number) => i64::try_from(number).ok(),
            _ => None,
        }
    }

    /// Returns the number, if this is an integer that fits.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match *self {
            Value::U64(number) => Some(number),
            Value::I64(number) => u64::try_from(number).ok(),
            Value::I128(number) => u64::try_from(number).ok(),
            Value::U128(number) => u64::try_from(number).ok(),
            _ => None,
        }
    }

    /// Returns the number, if this is one; for an integer of more than 53 bits, the nearest float.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            Value::F64(number) => Some(number),
            Value::I64(number) => Some(number as f64),
            Value::U64(number) => Some(number as f64),
            Value::I128(number) => Some(number as f64),
            Value::U128(number) => Some(number as f64),
            _ => None,
        }
    }

    /// The value as text.
    pub(crate) fn into_text(self) -> String {
        match self {
            Value::Str(text) => text,
            value => value.to_string(),
        }
    }

    /// The sign and the magnitude of an integer, to compare integers of different widths.
    fn integer(&self) -> Option<(bool, u128)> {
        match *self {
            Value::I64(number) => Some((number < 0, u128::from(number.unsigned_abs()))),
            Value::U64(number) => Some((false, u128::from(number))),
            Value::I128(number) => Some((number < 0, number.unsigned_abs())),
            Value::U128(number) => Some((false, number)),
            _ => None,
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::F64(a), Value::F64(b)) => a == b || (a.is_nan() && b.is_nan()),
            (Value::Str(a), Value::Str(b)) => a == b,
            (Value::List(a), Value::List(b)) => a == b,
            (a, b) => a.integer().is_some() && a.integer() == b.integer(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Bool(value) => fmt::Display::fmt(value, f),
            Value::I64(value) => fmt::Display::fmt(value, f),
            Value::U64(value) => fmt::Display::fmt(value, f),
            Value::I128(value) => fmt::Display::fmt(value, f),
            Value::U128(value) => fmt::Display::fmt(value, f),
            Value::F64(value) => fmt::Debug::fmt(value, f),
            Value::Str(value) => f.write_str(value),
            Value::List(values) => f.debug_list().entries(values).finish(),
        }
    }
}

macro_rules! value_from {
    ($($type:ty => $variant:ident as $into:ty),* $(,)?) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Value::$variant(<$into>::from(value))
            }
        }
    )*};
}

value_from! {
    bool => Bool as bool,
    i8 => I64 as i64, i16 => I64 as i64, i32 => I64 as i64, i64 => I64 as i64, i128 => I128 as i128,
    u8 => U64 as u64, u16 => U64 as u64, u32 => U64 as u64, u64 => U64 as u64, u128 => U128 as u128,
    f32 => F64 as f64, f64 => F64 as f64,
    char => Str as String, &str => Str as String, &String => Str as String, String => Str as String,
    Cow<'_, str> => Str as String,
}

impl From<isize> for Value {
    fn from(value: isize) -> Self {
        Value::I64(value as i64)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Value::U64(value as u64)
    }
}

/// `None` becomes [`Value::Null`].
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_compare_by_number() {
        assert_eq!(Value::from(5_i64), Value::from(5_u128));
        assert_ne!(Value::from(-5_i64), Value::from(5_u64));
        assert_ne!(Value::from(1_u64), Value::from(1.0));
        assert_eq!(Value::from(f64::NAN), Value::from(f64::NAN));
        assert_ne!(Value::from("1"), Value::from(1_u64));
    }

    #[test]
    fn common_types_convert_into_values() {
        let name = String::from("x");
        for text in [Value::from(&name), Cow::Borrowed("x").into(), 'x'.into(), Some("x").into()] {
            assert_eq!(text.as_str(), Some("x"));
        }
        assert_eq!(Value::from(-1_isize), Value::I64(-1));
        assert_eq!(Value::from(None::<u8>), Value::Null);
    }

    #[test]
    fn a_value_is_read_only_as_a_type_that_it_fits() {
        let values =
            [Value::from(true), (-1).into(), u64::MAX.into(), (1_i128 << 64).into(), 5_u128.into(), 0.5.into()];
        let read = |read: fn(&Value) -> bool| values.iter().map(read).collect::<Vec<_>>();
        assert_eq!(read(|value| value.as_bool() == Some(true)), [true, false, false, false, false, false]);
        assert_eq!(read(|value| value.as_i64().is_some()), [false, true, false, false, true, false]);
        assert_eq!(read(|value| value.as_u64().is_some()), [false, false, true, false, true, false]);
        assert_eq!(
            values.each_ref().map(Value::as_f64),
            [None, Some(-1.0), Some(u64::MAX as f64), Some(2.0_f64.powi(64)), Some(5.0), Some(0.5)]
        );
        assert_eq!((Value::from(-7).as_i64(), Value::from("1").as_f64()), (Some(-7), None));
    }
}
