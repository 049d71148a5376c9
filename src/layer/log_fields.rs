//! The key-values of a record of the `log` crate, as fields.
//!
//! A field of `tracing` has a static name, and a key is any text. So each name is kept for the life of the process, when it is first seen. A
//! program that makes names up (one for each user, say) would keep more and more of them: there are [`LOG_NAMES`] at most, of
//! [`LONGEST_LOG_NAME`] bytes. Pairs whose names are not kept become one more field, called `log.kv`, with the text `name=value name=value`.
//!
//! A visitor may tell the fields of a record apart by what they are equal to, or by their index. So each name has an index of its own in one
//! callsite, beginning after that of the message. A field takes its name from the place of its index in a list, which nobody can make longer
//! later; so each field has a list of its own, in which only the last name counts. (All of them together take up about 8 MiB at most.)
//!
//! The map of names is replaced, never changed, so that a log call takes no lock here, and an allocator that logs does no harm.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use log::kv::{Error, Key, Source, Value, VisitSource, VisitValue};
use tracing::field::{Field, FieldSet, Visit};
use tracing_core::callsite::{DefaultCallsite, Identifier};
use tracing_core::metadata::Kind;
use tracing_core::{Level, Metadata};

use crate::limits::{LOG_NAMES, LONGEST_LOG_NAME};
use crate::record::{BoundedText, KeyValues, ValueWriter as _, drop_quietly, max_record_bytes, render_display};
use crate::sync::{Arc, ArcSwapOption};

/// The field for pairs whose names are not kept, and for a source that fails.
const REST: &str = "log.kv";

/// The key-values of a record.
pub(super) struct LogFields<'a>(pub(super) &'a dyn Source);

impl LogFields<'_> {
    /// Returns true if there are none. A source that fails is not empty: the record says so.
    pub(super) fn is_empty(&self) -> bool {
        struct First;
        impl<'kvs> VisitSource<'kvs> for First {
            fn visit_pair(&mut self, _: Key<'kvs>, _: Value<'kvs>) -> Result<(), Error> {
                Err(Error::msg("one is enough"))
            }
        }
        catch_unwind(AssertUnwindSafe(|| self.0.visit(&mut First).is_ok())).unwrap_or_else(|payload| {
            drop_quietly(payload);
            false
        })
    }
}

impl KeyValues for LogFields<'_> {
    fn visit(&self, visitor: &mut dyn Visit) {
        let mut pairs = Pairs { visitor, rest: BoundedText::new(max_record_bytes()), is_visiting: false };
        // Unwind safety: the source is only asked again to be visited, and `pairs` is consistent wherever the source's code runs.
        match catch_unwind(AssertUnwindSafe(|| self.0.visit(&mut pairs))) {
            Ok(Ok(())) => {}
            Ok(Err(_)) => pairs.rest.push_marker("<format error>"),
            // The panic of the visitor, which is for its caller.
            Err(payload) if pairs.is_visiting => resume_unwind(payload),
            Err(payload) => {
                drop_quietly(payload);
                pairs.rest.push_marker("<panicked>");
            }
        }
        if !pairs.rest.text.is_empty()
            && let Some(field) = field(REST)
        {
            pairs.visitor.record_str(&field, &pairs.rest.text);
        }
    }
}

struct Pairs<'a> {
    visitor: &'a mut dyn Visit,
    rest: BoundedText,
    /// True while the visitor is called.
    is_visiting: bool,
}

impl<'kvs> VisitSource<'kvs> for Pairs<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        self.is_visiting = true;
        let result = match field(key.as_str()) {
            Some(field) => value.visit(OneValue { field: &field, visitor: self.visitor }),
            None => {
                let separator = if self.rest.text.is_empty() { "" } else { " " };
                if !self.rest.is_cut() {
                    render_display(&format_args!("{separator}{key}={value:?}"), &mut self.rest);
                }
                Ok(())
            }
        };
        self.is_visiting = false;
        result
    }
}

/// Passes one value to a visitor of `tracing`.
struct OneValue<'a> {
    field: &'a Field,
    visitor: &'a mut dyn Visit,
}

macro_rules! visit_values {
    ($($method:ident $record:ident $type:ty),* $(,)?) => {$(
        fn $method(&mut self, value: $type) -> Result<(), Error> {
            self.visitor.$record(self.field, value);
            Ok(())
        }
    )*};
}

impl<'v> VisitValue<'v> for OneValue<'_> {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), Error> {
        self.visitor.record_debug(self.field, &value);
        Ok(())
    }

    /// Nothing is recorded, as `tracing` does with `None`.
    fn visit_null(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn visit_borrowed_error(&mut self, error: &'v (dyn StdError + 'static)) -> Result<(), Error> {
        self.visit_error(error)
    }

    visit_values! {
        visit_error record_error &(dyn StdError + 'static),
        visit_u64 record_u64 u64,
        visit_i64 record_i64 i64,
        visit_u128 record_u128 u128,
        visit_i128 record_i128 i128,
        visit_f64 record_f64 f64,
        visit_bool record_bool bool,
        visit_str record_str &str,
    }
}

/// The fields by name. `None` before the first one.
static FIELDS: ArcSwapOption<BTreeMap<&'static str, Field>> = ArcSwapOption::const_empty();

/// Returns the field called `name`. `None` if the name is new, and is not kept.
fn field(name: &str) -> Option<Field> {
    let known = FIELDS.load();
    if let Some(field) = known.as_ref().and_then(|known| known.get(name)) {
        return Some(field.clone());
    }
    let count = known.as_ref().map_or(0, |known| known.len());
    (name == REST || (name.len() <= LONGEST_LOG_NAME && count < LOG_NAMES)).then(|| keep(name)).flatten()
}

#[cold]
fn keep(name: &str) -> Option<Field> {
    let name: &'static str = String::leak(name.to_owned());
    FIELDS.rcu(|known| {
        let mut fields = known.as_ref().map_or_else(BTreeMap::new, |known| BTreeMap::clone(known));
        if !fields.contains_key(name) {
            fields.extend(nth_field(1 + fields.len(), name).map(|field| (name, field)));
        }
        Some(Arc::new(fields))
    });
    FIELDS.load().as_ref().and_then(|known| known.get(name).cloned())
}

/// Returns a field called `name` with this index.
fn nth_field(index: usize, name: &'static str) -> Option<Field> {
    let mut names = vec![""; index];
    names.push(name);
    FieldSet::new(names.leak(), Identifier(&CALLSITE)).iter().last()
}

/// What the fields name as the callsite that they belong to.
static CALLSITE: DefaultCallsite = DefaultCallsite::new(&METADATA);
static METADATA: Metadata<'static> = tracing_core::metadata! {
    name: "log key-values",
    target: "log",
    level: Level::TRACE,
    fields: &[],
    callsite: &CALLSITE,
    kind: Kind::EVENT,
};

impl fmt::Debug for LogFields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogFields").finish_non_exhaustive()
    }
}
