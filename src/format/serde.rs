//! `serde` for owned records, in the shape that [`json`](super::json) writes.
//!
//! What is written reads back equal, but for what JSON has no room for: times are cut to the microsecond, integers of 128 bits
//! are texts, and a float that is not finite is [`Value::Null`].

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::time::{Duration, SystemTime};

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use tracing::Level;

use super::spans::is_or_hides_name;
use super::timestamp::{parse_rfc3339, push_rfc3339_micros};
use crate::error::{Error, Kind};
use crate::record::{ContextBuf, RecordBuf, SpanBuf, Value};

impl RecordBuf {
    /// Reads a line that [`Format::json`](crate::Format::json) wrote.
    ///
    /// ```
    /// let line = r#"{"level":"WARN","fields":{"message":"slow","ms":12},"target":"linker"}"#;
    /// let record = logscope::RecordBuf::parse_json(line)?;
    /// assert_eq!(record.message, "slow");
    /// assert_eq!(record.field("ms").and_then(|value| value.as_u64()), Some(12));
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// Only the level must be there; unknown keys are ignored.
    ///
    /// # Errors
    ///
    /// If the line is not such an object ([`is_parse`](Error::is_parse)). The text names the column and what is wrong there.
    #[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
    pub fn parse_json(line: &str) -> Result<RecordBuf, Error> {
        parse_json_bytes(line.as_bytes())
            .map_err(|what| Error::new(Kind::Parse, format!("not a record in JSON: {what}")))
    }
}

/// Reads one line. An error is what is wrong, and in which column.
pub(crate) fn parse_json_bytes(line: &[u8]) -> Result<RecordBuf, String> {
    serde_json::from_slice(line).map_err(|error| {
        let (text, column) = (error.to_string(), error.column());
        match text.strip_suffix(&format!(" at line {} column {column}", error.line())) {
            Some(what) => format!("{what} (column {column})"),
            None => text,
        }
    })
}

impl Serialize for RecordBuf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(time) = self.timestamp {
            let mut text = Vec::new();
            push_rfc3339_micros(&mut text, time);
            map.serialize_entry("timestamp", &String::from_utf8_lossy(&text))?;
        }
        map.serialize_entry("level", self.level.as_str())?;
        map.serialize_entry("fields", &EventFields(self))?;
        if !self.target.is_empty() {
            map.serialize_entry("target", &self.target)?;
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
        if let Some(thread) = &self.thread {
            map.serialize_entry("threadName", thread)?;
        }
        if let Some(context) = &self.context {
            map.serialize_entry("context", context)?;
        }
        if let Some(elapsed) = self.elapsed {
            map.serialize_entry("elapsed", &(elapsed.as_micros() as f64 / 1e6))?;
        }
        if let Some(seq) = self.seq {
            map.serialize_entry("seq", &seq)?;
        }
        map.end()
    }
}

impl Serialize for SpanBuf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len() + 1))?;
        let names = self.fields.iter().map(|(name, _)| match is_or_hides_name(name) {
            true => Cow::Owned(format!("field.{name}")),
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

/// The `fields` object of a record: the message and the other fields.
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

/// Writes fields with unique names: a record that was put together by hand may repeat one.
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

impl<'de> Deserialize<'de> for RecordBuf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let line = Line::deserialize(deserializer)?;
        let mut record = RecordBuf::new(line.level.0, line.target);
        for (name, value) in line.fields.0 {
            if name == "message" {
                record.message = value.into_text();
            } else {
                record.fields.push((name, value));
            }
        }
        // A reader of lines that name only the innermost span is still told of that one.
        record.spans = line.spans.unwrap_or_else(|| line.span.into_iter().collect());
        record.context = line.context;
        record.elapsed = line.elapsed.map(|elapsed| elapsed.0);
        record.timestamp = line.timestamp.map(|timestamp| timestamp.0);
        record.seq = line.seq;
        record.file = line.filename;
        record.line = line.line_number;
        record.thread = line.thread;
        Ok(record)
    }
}

/// The keys of a line.
#[derive(serde::Deserialize)]
struct Line {
    timestamp: Option<Timestamp>,
    level: LevelName,
    #[serde(default)]
    fields: Fields,
    #[serde(default)]
    target: String,
    filename: Option<String>,
    line_number: Option<u32>,
    span: Option<SpanBuf>,
    spans: Option<Vec<SpanBuf>>,
    #[serde(rename = "threadName")]
    thread: Option<String>,
    context: Option<ContextBuf>,
    elapsed: Option<Seconds>,
    seq: Option<u64>,
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

struct Timestamp(SystemTime);

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let expected = &"a time such as 2026-11-21T09:08:00.123456Z";
        parse_rfc3339(&text)
            .map(Timestamp)
            .ok_or_else(|| de::Error::invalid_value(de::Unexpected::Str(&text), expected))
    }
}

struct Seconds(Duration);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        let micros = (seconds * 1e6).round();
        // The cast is exact for what passes: a whole number within the range of `u64`.
        if (0.0..u64::MAX as f64).contains(&micros) {
            Ok(Seconds(Duration::from_micros(micros as u64)))
        } else {
            Err(de::Error::invalid_value(de::Unexpected::Float(seconds), &"a number of seconds, not negative"))
        }
    }
}

/// As many names as are compared each with each.
const FEW_FIELDS: usize = 16;

/// The members of an object in their order, each name once.
#[derive(Default)]
struct Fields(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of fields")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::<(String, Value)>::new();
                let mut many = HashSet::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    // Records have few fields, which are compared faster than hashed; but somebody else may have written the line.
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
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(FieldsVisitor)
    }
}

impl<'de> Deserialize<'de> for SpanBuf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut span = SpanBuf::default();
        let mut named = false;
        for (name, value) in Fields::deserialize(deserializer)?.0 {
            if name == "name" {
                named = true;
                span.name = value.into_text();
            } else if is_or_hides_name(&name) {
                span.fields.push((name["field.".len()..].to_owned(), value));
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
        struct Members {
            name: String,
            id: Option<u64>,
            #[serde(default)]
            fields: Fields,
        }

        let Members { name, id, fields } = Members::deserialize(deserializer)?;
        Ok(ContextBuf { name, id, fields: fields.0 })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

macro_rules! visit_scalars {
    ($($method:ident: $type:ty),* $(,)?) => {$(
        fn $method<E: de::Error>(self, value: $type) -> Result<Value, E> {
            Ok(Value::from(value))
        }
    )*};
}

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, a boolean, a number, a string or an array of strings")
    }

    visit_scalars! {
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
