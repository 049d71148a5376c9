//! The fields that a bridge from the `log` crate puts on its events.

use std::fmt;

use tracing::field::{Field, Visit};

/// Passes on all fields but those in which a bridge from the `log` crate carries the metadata.
pub(super) struct SkipLogFields<'a>(pub(super) &'a mut dyn Visit);

macro_rules! skip_log_fields {
    ($($method:ident: $type:ty),* $(,)?) => {$(
        fn $method(&mut self, field: &Field, value: $type) {
            if !field.name().starts_with("log.") {
                self.0.$method(field, value);
            }
        }
    )*};
}

impl Visit for SkipLogFields<'_> {
    skip_log_fields! {
        record_f64: f64,
        record_i64: i64,
        record_u64: u64,
        record_i128: i128,
        record_u128: u128,
        record_bool: bool,
        record_str: &str,
        record_bytes: &[u8],
        record_error: &(dyn std::error::Error + 'static),
        record_debug: &dyn fmt::Debug,
    }
}
