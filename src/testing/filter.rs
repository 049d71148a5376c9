//! Which records a query asks for: a list of conditions, each of which can say what it is and how a record misses it.

use std::fmt;

use tracing::Level;

use super::lines::value_text;
use crate::format::escape::shown;
use crate::record::{RecordBuf, Value};
use crate::sync::Arc;

/// A function of the program's that looks at something of a record.
type Check<T> = Arc<dyn Fn(&T) -> bool + Send + Sync>;

/// One thing that a record has or has not.
#[derive(Clone)]
pub(super) enum Condition {
    Level(Level),
    /// This level or a more severe one.
    AtLeast(Level),
    Target(String),
    WholeTarget(String),
    Message(String),
    MessageStart(String),
    WholeMessage(String),
    Field(String, Value),
    HasField(String),
    FieldMatches(String, Check<Value>),
    Span(String),
    SpanField(String, String, Value),
    Context(String),
    Thread(String),
    /// What it is, in words, and the check.
    Other(String, Check<RecordBuf>),
}

/// The conditions of a query. A record must fulfil all of them.
#[derive(Clone, Default)]
pub(super) struct Filter(Vec<Condition>);

impl Filter {
    pub(super) fn add(&mut self, condition: Condition) {
        self.0.push(condition);
    }

    pub(super) fn matches(&self, record: &RecordBuf) -> bool {
        self.0.iter().all(|condition| condition.is_met_by(record))
    }

    /// Returns the conditions that `record` does not fulfil.
    pub(super) fn missed_by(&self, record: &RecordBuf) -> Vec<&Condition> {
        self.0.iter().filter(|condition| !condition.is_met_by(record)).collect()
    }

    /// Returns the number of conditions.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Condition {
    fn is_met_by(&self, record: &RecordBuf) -> bool {
        match self {
            Condition::Level(level) => record.level == *level,
            Condition::AtLeast(level) => record.level <= *level,
            Condition::Target(target) => is_at_or_below(&record.target, target),
            Condition::WholeTarget(target) => record.target == *target,
            Condition::Message(part) => record.message.contains(part.as_str()),
            Condition::MessageStart(start) => record.message.starts_with(start.as_str()),
            Condition::WholeMessage(message) => record.message == *message,
            Condition::Field(name, value) => record.field(name) == Some(value),
            Condition::HasField(name) => record.field(name).is_some(),
            Condition::FieldMatches(name, check) => record.field(name).is_some_and(|value| check(value)),
            Condition::Span(name) => record.spans.iter().any(|span| span.name == *name),
            Condition::SpanField(span, name, value) => record.spans.iter().any(|known| {
                known.name == *span && known.fields.iter().any(|(field, found)| field == name && found == value)
            }),
            Condition::Context(name) => record.context.as_ref().is_some_and(|context| context.name == *name),
            Condition::Thread(name) => record.thread_name.as_deref() == Some(name),
            Condition::Other(_, check) => check(record),
        }
    }

    /// Returns what `record` has in place of what is asked for.
    pub(super) fn found_in(&self, record: &RecordBuf) -> String {
        let field = |name: &str| match record.field(name) {
            Some(Value::Str(text)) => format!("it is the text {}", value_text(&Value::Str(text.clone()))),
            Some(value) => format!("it is {}", value_text(value)),
            None => match record.fields.iter().map(|(name, _)| shown(name)).collect::<Vec<_>>().as_slice() {
                [] => String::from("it has no fields"),
                names => format!("it has only {}", names.join(", ")),
            },
        };
        match self {
            Condition::Level(_) | Condition::AtLeast(_) => format!("it is {}", record.level),
            Condition::Target(_) | Condition::WholeTarget(_) => format!("it is {}", shown(&record.target)),
            Condition::Message(_) | Condition::MessageStart(_) | Condition::WholeMessage(_) => {
                format!("it is {:?}", record.message)
            }
            Condition::Field(name, _) | Condition::HasField(name) | Condition::FieldMatches(name, _) => field(name),
            Condition::Span(_) | Condition::SpanField(..) => match record.spans.as_slice() {
                [] => String::from("it is in no span"),
                spans => format!("it is in {}", spans.iter().map(span_text).collect::<Vec<_>>().join(", ")),
            },
            Condition::Context(_) => match &record.context {
                Some(context) => format!("it is {}", shown(&context.name)),
                None => String::from("it has none"),
            },
            Condition::Thread(_) => match record.thread_name.as_ref().or(record.thread_id.as_ref()) {
                Some(thread) => format!("it is {}", shown(thread)),
                None => String::from("it is not known"),
            },
            Condition::Other(..) => String::from("it does not hold"),
        }
    }
}

fn span_text(span: &crate::record::SpanBuf) -> String {
    let fields: Vec<String> =
        span.fields.iter().map(|(name, value)| format!("{}={}", shown(name), value_text(value))).collect();
    let name = shown(&span.name);
    if fields.is_empty() { name } else { format!("{name}{{{}}}", fields.join(" ")) }
}

/// Returns true if `target` is `above`, or a module below it.
fn is_at_or_below(target: &str, above: &str) -> bool {
    target.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Condition::Level(level) => write!(f, "level {level}"),
            Condition::AtLeast(level) => write!(f, "level {level} or more severe"),
            Condition::Target(target) => write!(f, "target {}", shown(target)),
            Condition::WholeTarget(target) => write!(f, "target {} and none below it", shown(target)),
            Condition::Message(part) => write!(f, "message with {part:?}"),
            Condition::MessageStart(start) => write!(f, "message that begins with {start:?}"),
            Condition::WholeMessage(message) => write!(f, "message {message:?}"),
            Condition::Field(name, value) => write!(f, "field {}={}", shown(name), value_text(value)),
            Condition::HasField(name) => write!(f, "a field {}", shown(name)),
            Condition::FieldMatches(name, _) => write!(f, "field {} by a function", shown(name)),
            Condition::Span(name) => write!(f, "in span {}", shown(name)),
            Condition::SpanField(span, name, value) => {
                write!(f, "in span {}{{{}={}}}", shown(span), shown(name), value_text(value))
            }
            Condition::Context(name) => write!(f, "context {}", shown(name)),
            Condition::Thread(name) => write!(f, "thread {}", shown(name)),
            Condition::Other(what, _) => f.write_str(&shown(what)),
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("any record");
        }
        for (number, condition) in self.0.iter().enumerate() {
            let separator = if number == 0 { "" } else { ", " };
            write!(f, "{separator}{condition}")?;
        }
        Ok(())
    }
}
