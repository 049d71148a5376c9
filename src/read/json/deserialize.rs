//! `serde::Deserialize` for owned records, from the shape that [`Format::json`](crate::Format::json) writes.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::time::{Duration, SystemTime};

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use tracing::Level;

use crate::format::reserved::{FIELD_PREFIX, is_reserved_in_flat_json, is_reserved_in_spans};
use crate::format::timestamp::EXACT_MICROS;
use crate::read::time::parse_rfc3339;
use crate::record::{ContextBuf, RecordBuf, SpanBuf, Value};

/// Takes the scalars that a field can have.
macro_rules! visit_scalars {
    ($made:ty, $make:expr, $($method:ident: $type:ty),* $(,)?) => {$(
        fn $method<E: de::Error>(self, value: $type) -> Result<$made, E> {
            Ok($make(Value::from(value)))
        }
    )*};
}

impl<'de> Deserialize<'de> for RecordBuf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let line = JsonRecord::deserialize(deserializer)?;
        let mut record = RecordBuf::new(line.level.0, line.target);
        let fields = line.fields.map_or_else(|| line.others.into_fields(), |fields| fields.0);
        for (name, value) in fields {
            if name == "message" {
                record.message = value.into_text();
            } else {
                record.fields.push((name, value));
            }
        }
        // Other programs may write the innermost span alone.
        record.spans = line.spans.unwrap_or_else(|| line.span.into_iter().collect());
        record.name = line.name;
        record.context = line.context;
        record.elapsed = line.elapsed.map(|elapsed| elapsed.0);
        record.timestamp = line.timestamp.map(|timestamp| timestamp.0);
        record.seq = line.seq;
        record.file = line.filename;
        record.line = line.line_number;
        line.thread_name.into_iter().for_each(|name| record.set_thread(name));
        record.thread_id = line.thread_id.or(record.thread_id);
        Ok(record)
    }
}

/// The object of a line: its keys, and which of them may be missing.
#[derive(serde::Deserialize)]
struct JsonRecord {
    timestamp: Option<JsonTimestamp>,
    level: LevelName,
    fields: Option<Members>,
    #[serde(default)]
    target: String,
    name: Option<String>,
    filename: Option<String>,
    line_number: Option<u32>,
    span: Option<SpanBuf>,
    spans: Option<Vec<SpanBuf>>,
    #[serde(rename = "threadName")]
    thread_name: Option<String>,
    #[serde(rename = "threadId")]
    thread_id: Option<String>,
    context: Option<ContextBuf>,
    elapsed: Option<Seconds>,
    seq: Option<u64>,
    /// The keys that are none of these. They are the fields of the record if it has no object for them: see `Format::flatten`.
    #[serde(flatten)]
    others: Others,
}

/// The members of an object that may be fields.
struct Others(Vec<(String, Value)>);

impl Others {
    /// Returns them as fields: without the prefix of a field that is called like a key.
    fn into_fields(self) -> Vec<(String, Value)> {
        let unprefixed = |name: String| match is_reserved_in_flat_json(&name) {
            true => name[FIELD_PREFIX.len()..].to_owned(),
            false => name,
        };
        self.0.into_iter().map(|(name, value)| (unprefixed(name), value)).collect()
    }
}

impl<'de> Deserialize<'de> for Others {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OthersVisitor;

        impl<'de> Visitor<'de> for OthersVisitor {
            type Value = Others;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Others, A::Error> {
                let mut others = Vec::new();
                while let Some((name, MaybeField(value))) = map.next_entry()? {
                    others.extend(value.map(|value| (name, value)));
                }
                Ok(Others(others))
            }
        }

        deserializer.deserialize_map(OthersVisitor)
    }
}

/// The value of a key that is not known; `None` if no field has such a value.
struct MaybeField(Option<Value>);

impl<'de> Deserialize<'de> for MaybeField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MaybeFieldVisitor)
    }
}

struct MaybeFieldVisitor;

impl<'de> Visitor<'de> for MaybeFieldVisitor {
    type Value = MaybeField;

    visit_scalars! {
        MaybeField,
        |value| MaybeField(Some(value)),
        visit_bool: bool,
        visit_i64: i64,
        visit_u64: u64,
        visit_f64: f64,
        visit_str: &str,
        visit_string: String,
    }

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<MaybeField, E> {
        Ok(MaybeField(Some(Value::Null)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<MaybeField, A::Error> {
        let mut texts = Some(Vec::new());
        while let Some(MaybeField(element)) = elements.next_element()? {
            texts = match (texts, element) {
                (Some(mut texts), Some(Value::Str(text))) => {
                    texts.push(text);
                    Some(texts)
                }
                _ => None,
            };
        }
        Ok(MaybeField(texts.map(Value::List)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<MaybeField, A::Error> {
        while map.next_entry::<de::IgnoredAny, de::IgnoredAny>()?.is_some() {}
        Ok(MaybeField(None))
    }
}

struct LevelName(Level);

impl<'de> Deserialize<'de> for LevelName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const LEVELS: &[&str] = &["ERROR", "WARN", "INFO", "DEBUG", "TRACE"];
        let name = Cow::<'de, str>::deserialize(deserializer)?;
        let level = match &*name {
            "ERROR" => Level::ERROR,
            "WARN" => Level::WARN,
            "INFO" => Level::INFO,
            "DEBUG" => Level::DEBUG,
            "TRACE" => Level::TRACE,
            other => return Err(de::Error::unknown_variant(other, LEVELS)),
        };
        Ok(LevelName(level))
    }
}

struct JsonTimestamp(SystemTime);

impl<'de> Deserialize<'de> for JsonTimestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let expected = &"a time such as 2026-11-21T09:08:00.123456Z";
        parse_rfc3339(&text)
            .map(JsonTimestamp)
            .ok_or_else(|| de::Error::invalid_value(de::Unexpected::Str(&text), expected))
    }
}

struct Seconds(Duration);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        let micros = (seconds * 1e6).round();
        if (0.0..EXACT_MICROS as f64).contains(&micros) {
            // The cast is exact: `micros` is a whole number below 2^53.
            Ok(Seconds(Duration::from_micros(micros as u64)))
        } else if (0.0..=u64::MAX as f64).contains(&seconds) {
            // The longest durations round up to 2^64 seconds, which no duration has.
            Ok(Seconds(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)))
        } else {
            let expected = "a number of seconds, not negative, and less than 2^64";
            Err(de::Error::invalid_value(de::Unexpected::Float(seconds), &expected))
        }
    }
}

/// Up to this number of fields, each name is compared with each.
const FEW_FIELDS: usize = 16;

/// The members of an object, in order. A repeated name is an error.
#[derive(Default)]
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of fields")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut fields = Vec::<(String, Value)>::new();
                let mut many = HashSet::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    // Comparing the few names of an ordinary record is faster than hashing them. Hashing bounds the time for a line of
                    // many thousand fields, which another program may have written.
                    let is_known = if fields.len() < FEW_FIELDS {
                        fields.iter().any(|(known, _)| *known == name)
                    } else {
                        if many.is_empty() {
                            many.extend(fields.iter().map(|(known, _)| known.clone()));
                        }
                        !many.insert(name.clone())
                    };
                    if is_known {
                        return Err(de::Error::custom(format_args!("the field `{name}` is there twice")));
                    }
                    fields.push((name, value));
                }
                Ok(Members(fields))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}

impl<'de> Deserialize<'de> for SpanBuf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut span = SpanBuf::default();
        let mut named = false;
        for (name, value) in Members::deserialize(deserializer)?.0 {
            if name == "name" {
                named = true;
                span.name = value.into_text();
            } else if is_reserved_in_spans(&name) {
                span.fields.push((name[FIELD_PREFIX.len()..].to_owned(), value));
            } else {
                span.fields.push((name, value));
            }
        }
        if named { Ok(span) } else { Err(de::Error::missing_field("name")) }
    }
}

impl<'de> Deserialize<'de> for ContextBuf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(rename = "context")]
        struct Context {
            name: String,
            id: Option<u64>,
            parent: Option<u64>,
            #[serde(default)]
            fields: Members,
        }

        let Context { name, id, parent, fields } = Context::deserialize(deserializer)?;
        Ok(ContextBuf { name, id, parent, fields: fields.0 })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, a boolean, a number, a string or an array of strings")
    }

    visit_scalars! {
        Value,
        |value| value,
        visit_bool: bool,
        visit_i64: i64,
        visit_u64: u64,
        visit_i128: i128,
        visit_u128: u128,
        visit_f64: f64,
        visit_str: &str,
        visit_string: String,
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = elements.next_element()? {
            texts.push(text);
        }
        Ok(Value::List(texts))
    }
}
