//! `serde::Serialize` for owned records, in the shape of [`Format::json`](crate::Format::json). `read/json/` deserializes it.
//!
//! A record reads back equal, with three exceptions that JSON forces: times are cut to the microsecond, integers of 128 bits
//! become texts, and a float that is not finite becomes [`Value::Null`].

use std::borrow::Cow;
use std::collections::HashSet;
use std::time::Duration;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::format::reserved::{FIELD_PREFIX, is_reserved_in_spans};
use crate::format::timestamp::{EXACT_MICROS, Offset, push_rfc3339_micros};
use crate::line_buffer::LineBuffer;
use crate::record::{ContextBuf, RecordBuf, SpanBuf, Value};

impl Serialize for RecordBuf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(time) = self.timestamp {
            let mut text = LineBuffer::new();
            push_rfc3339_micros(&mut text, time, Offset::UTC);
            map.serialize_entry("timestamp", &String::from_utf8_lossy(&text))?;
        }
        map.serialize_entry("level", self.level.as_str())?;
        map.serialize_entry("fields", &EventFields(self))?;
        if !self.target.is_empty() {
            map.serialize_entry("target", &self.target)?;
        }
        if let Some(name) = &self.name {
            map.serialize_entry("name", name)?;
        }
        if let Some(file) = &self.file {
            map.serialize_entry("filename", file)?;
        }
        if let Some(line) = self.line {
            map.serialize_entry("line_number", &line)?;
        }
        if let Some(innermost) = self.spans.last() {
            map.serialize_entry("span", innermost)?;
            map.serialize_entry("spans", &self.spans)?;
        }
        if let Some(name) = &self.thread_name {
            map.serialize_entry("threadName", name)?;
        }
        if let Some(id) = &self.thread_id {
            map.serialize_entry("threadId", id)?;
        }
        if let Some(context) = &self.context {
            map.serialize_entry("context", context)?;
        }
        if let Some(elapsed) = self.elapsed {
            map.serialize_entry("elapsed", &seconds(elapsed))?;
        }
        if let Some(seq) = self.seq {
            map.serialize_entry("seq", &seq)?;
        }
        map.end()
    }
}

/// Returns `elapsed` in seconds, cut to the microsecond, or rounded if it is longer than a float can express to the microsecond.
fn seconds(elapsed: Duration) -> f64 {
    let micros = elapsed.as_micros();
    if micros < u128::from(EXACT_MICROS) { micros as f64 / 1e6 } else { elapsed.as_secs_f64() }
}

impl Serialize for SpanBuf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len() + 1))?;
        let names = self.fields.iter().map(|(name, _)| match is_reserved_in_spans(name) {
            true => Cow::Owned(format!("{FIELD_PREFIX}{name}")),
            false => Cow::Borrowed(name.as_str()),
        });
        serialize_fields(&mut map, &[], names.zip(self.fields.iter().map(|(_, value)| value)))?;
        map.serialize_entry("name", &self.name)?;
        map.end()
    }
}

impl Serialize for ContextBuf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &self.name)?;
        if let Some(id) = self.id {
            map.serialize_entry("id", &id)?;
        }
        if let Some(parent) = self.parent {
            map.serialize_entry("parent", &parent)?;
        }
        if !self.fields.is_empty() {
            map.serialize_entry("fields", &ContextFields(&self.fields))?;
        }
        map.end()
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::I64(number) => serializer.serialize_i64(*number),
            Value::U64(number) => serializer.serialize_u64(*number),
            Value::I128(number) => serializer.collect_str(number),
            Value::U128(number) => serializer.collect_str(number),
            Value::F64(number) if !number.is_finite() => serializer.serialize_unit(),
            Value::F64(number) => serializer.serialize_f64(*number),
            Value::Str(text) => serializer.serialize_str(text),
            Value::List(texts) => serializer.collect_seq(texts),
        }
    }
}

/// The object `fields` of a record: the message and the other fields.
struct EventFields<'a>(&'a RecordBuf);

impl Serialize for EventFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let taken: &[&str] = if self.0.message.is_empty() { &[] } else { &["message"] };
        if !taken.is_empty() {
            map.serialize_entry("message", &self.0.message)?;
        }
        serialize_fields(
            &mut map,
            taken,
            self.0.fields.iter().map(|(name, value)| (Cow::Borrowed(name.as_str()), value)),
        )?;
        map.end()
    }
}

struct ContextFields<'a>(&'a [(String, Value)]);

impl Serialize for ContextFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        serialize_fields(&mut map, &[], self.0.iter().map(|(name, value)| (Cow::Borrowed(name.as_str()), value)))?;
        map.end()
    }
}

/// Writes fields under unique names: the public fields of a [`RecordBuf`] may repeat one.
fn serialize_fields<'a, M: SerializeMap>(
    map: &mut M,
    taken: &[&'a str],
    fields: impl Iterator<Item = (Cow<'a, str>, &'a Value)>,
) -> Result<(), M::Error> {
    let mut written: HashSet<Cow<'a, str>> = taken.iter().map(|name| Cow::Borrowed(*name)).collect();
    for (name, value) in fields {
        let mut unique = name.clone();
        let mut number = 2_usize;
        while written.contains(&unique) {
            unique = Cow::Owned(format!("{name}#{number}"));
            number += 1;
        }
        map.serialize_entry(&unique, value)?;
        written.insert(unique);
    }
    Ok(())
}
