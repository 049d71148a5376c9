//! The value of a field, borrowed from a log call, a span or a context.

use std::error::Error;
use std::fmt;

use super::{Value, for_each_source};

/// Holds the value of a field while a layout renders it; [`LayoutWriter::push_value`](crate::LayoutWriter::push_value) writes it.
///
/// Its `Display` is the text of the value without quotes, as [`LayoutWriter::push_display`](crate::LayoutWriter::push_display) writes it. A
/// value that was logged by its `Debug` or `Display` runs that code then.
#[derive(Clone, Copy)]
pub struct FieldValue<'a>(pub(crate) Kind<'a>);

#[derive(Clone, Copy)]
pub(crate) enum Kind<'a> {
    F64(f64),
    I64(i64),
    U64(u64),
    I128(i128),
    U128(u128),
    Bool(bool),
    Str(&'a str),
    Error(&'a (dyn Error + 'static)),
    /// The causes of an error, as a list of texts.
    Sources(&'a (dyn Error + 'static)),
    Debug(&'a dyn fmt::Debug),
    /// A value of a span or a context, and whether its `Debug` has rendered it.
    Owned(&'a Value, bool),
}

impl<'a> FieldValue<'a> {
    /// Returns the text, if the value was logged as a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&'a str> {
        match self.0 {
            Kind::Str(text) => Some(text),
            Kind::Owned(value, false) => value.as_str(),
            _ => None,
        }
    }

    /// Returns the number, if the value is an integer that `i64` can hold.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self.0 {
            Kind::I64(number) => Some(number),
            Kind::U64(number) => number.try_into().ok(),
            Kind::I128(number) => number.try_into().ok(),
            Kind::U128(number) => number.try_into().ok(),
            Kind::Owned(value, _) => value.as_i64(),
            _ => None,
        }
    }

    /// Returns the number, if the value is an integer that `u64` can hold.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match self.0 {
            Kind::I64(number) => number.try_into().ok(),
            Kind::U64(number) => Some(number),
            Kind::I128(number) => number.try_into().ok(),
            Kind::U128(number) => number.try_into().ok(),
            Kind::Owned(value, _) => value.as_u64(),
            _ => None,
        }
    }

    /// Returns the number, if the value is one; for an integer of more than 53 bits, the nearest float.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self.0 {
            Kind::F64(number) => Some(number),
            Kind::I64(number) => Some(number as f64),
            Kind::U64(number) => Some(number as f64),
            Kind::I128(number) => Some(number as f64),
            Kind::U128(number) => Some(number as f64),
            Kind::Owned(value, _) => value.as_f64(),
            _ => None,
        }
    }

    /// Returns the boolean, if the value is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self.0 {
            Kind::Bool(value) => Some(value),
            Kind::Owned(Value::Bool(value), _) => Some(*value),
            _ => None,
        }
    }
}

impl fmt::Display for FieldValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::F64(number) => fmt::Display::fmt(&Value::F64(number), f),
            Kind::I64(number) => fmt::Display::fmt(&number, f),
            Kind::U64(number) => fmt::Display::fmt(&number, f),
            Kind::I128(number) => fmt::Display::fmt(&number, f),
            Kind::U128(number) => fmt::Display::fmt(&number, f),
            Kind::Bool(value) => fmt::Display::fmt(&value, f),
            Kind::Str(text) => f.write_str(text),
            Kind::Error(error) => fmt::Display::fmt(error, f),
            Kind::Sources(error) => {
                let (mut result, mut before) = (Ok(()), "");
                for_each_source(error, |source| {
                    result = result.and_then(|()| write!(f, "{before}{source}"));
                    before = ", ";
                });
                result
            }
            Kind::Debug(value) => fmt::Debug::fmt(value, f),
            Kind::Owned(value, _) => fmt::Display::fmt(value, f),
        }
    }
}

impl fmt::Debug for FieldValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
