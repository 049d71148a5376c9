//! The environment variable by which a child process gets a context: what it says, written and read. Knows no environment.
//!
//! ```text
//! LOGSCOPE_CONTEXT=1;name=uno;parent=7;origin=1795653377.250000000;elapsed=1.500000000;wall=1795653378.750000000;
//! mono=61234.000000000;verbosity=info,linker=trace;file=/var/log/uno.log,json,mode=600;str:env=uno;u64:jobs=8
//! ```
//!
//! (one line, broken here). Parts are separated by `;`. The first is the version of the notation; each other has a key, `=` and a value.
//! What is not printable ASCII, and what would end a part, is percent-encoded.
//!
//! | key | value | |
//! |---|---|---|
//! | `name` | the name of the context | must be there |
//! | `parent` | the id of the parent's context | must be there |
//! | `origin` | the wall-clock time of the origin, in seconds since the Unix epoch | must be there |
//! | `elapsed`, `wall`, `mono` | the time since the origin, and both clocks at that moment: see `clock` | the first two must be there |
//! | `verbosity` | directives | must be there |
//! | `trace` | a `traceparent` | |
//! | `file` | a file that the child may log to: see `offer` | any number of times |
//! | `TYPE:NAME` | a field of the context: `null`, `bool`, `i64`, `u64`, `i128`, `u128`, `f64`, `str`, `list` (each item after a comma) | each name once |
//! | `cut` | how many fields are left out, because the variable would be too long | |
//!
//! A part with another key is ignored, and a field of another type counts as left out: a later version of this library may have written it.
//! Everything else that is not as described makes the whole variable bad. It is text of an unknown writer: reading it takes time and memory
//! in proportion to its length (fields are compared with one another), which is bounded.

use super::clock::{Reading, SentTime};
#[cfg(feature = "file")]
use super::offer::OfferedFile;
use super::pairs::{
    Problem, SEPARATOR, escaped, fill, number, push_escaped, push_seconds, seconds, shortened, unescaped_text,
};
use crate::context::OutputContext;
use crate::limits::INHERITED_BYTES;
use crate::record::Value;
use crate::trace::TraceContext;
use crate::verbosity::Verbosity;

/// The name of the variable.
pub(super) const VARIABLE: &str = "LOGSCOPE_CONTEXT";

/// The field that says how many fields of the parent's context are missing in the child's.
pub(super) const LEFT_OUT: &str = "fields_left_out";

/// The version of the notation.
const VERSION: &str = "1";

/// How many bytes the part `cut` can have, with its separator.
const CUT_BYTES: usize = ";cut=".len() + 20;

/// What would end the name of a field.
const NAME_SPECIAL: &[u8] = b"=:";

/// What a child process takes over from a context of its parent.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Inherited {
    pub(super) name: String,
    pub(super) parent_id: u64,
    pub(super) time: SentTime,
    pub(super) verbosity: Verbosity,
    pub(super) trace: Option<TraceContext>,
    pub(super) fields: Vec<(String, Value)>,
    /// How many fields of the parent are not among them.
    pub(super) left_out: u64,
    #[cfg(feature = "file")]
    pub(super) files: Vec<OfferedFile>,
}

impl Inherited {
    /// What a child takes over from `context`, without its files. What is missing here already is counted with what will be missing there.
    pub(super) fn of(context: &OutputContext) -> Self {
        let mut fields = context.fields().to_vec();
        let told = fields.iter().position(|field| matches!(field, (name, Value::U64(_)) if name == LEFT_OUT));
        let left_out = match told.map(|at| fields.remove(at)) {
            Some((_, Value::U64(count))) => count,
            _ => 0,
        };
        Inherited {
            name: context.name().to_owned(),
            parent_id: context.id(),
            time: SentTime::of(context),
            verbosity: context.verbosity().without_dial(),
            trace: context.trace(),
            fields,
            left_out,
            #[cfg(feature = "file")]
            files: Vec::new(),
        }
    }

    /// Returns the value of the variable. If it would be too long, fields are left out from the end. `None` if that is not enough.
    pub(super) fn encode(&self) -> Option<String> {
        let mut out = String::from(VERSION);
        let mut push = |key: &str, push_value: &dyn Fn(&mut String)| {
            out.extend([";", key, "="]);
            push_value(&mut out);
        };
        let SentTime { origin, elapsed, sent } = self.time;
        push("name", &|out| push_escaped(out, self.name.as_bytes(), b""));
        push("parent", &|out| out.push_str(&self.parent_id.to_string()));
        push("origin", &|out| push_seconds(out, origin));
        push("elapsed", &|out| push_seconds(out, elapsed));
        push("wall", &|out| push_seconds(out, sent.wall));
        if let Some(monotonic) = sent.monotonic {
            push("mono", &|out| push_seconds(out, monotonic));
        }
        push("verbosity", &|out| push_escaped(out, self.verbosity.to_string().as_bytes(), b""));
        if let Some(trace) = self.trace {
            push("trace", &|out| out.push_str(&trace.to_string()));
        }
        #[cfg(feature = "file")]
        for file in &self.files {
            push("file", &|out| file.push(out));
        }
        self.push_fields(out)
    }

    /// Appends the fields, as many as there is room for.
    fn push_fields(&self, mut out: String) -> Option<String> {
        let fits = |out: &str, more: usize| out.len() + more <= INHERITED_BYTES;
        // The end of the last field that leaves room for saying how many follow.
        let (mut end, mut kept) = (out.len(), 0);
        for (name, value) in &self.fields {
            push_field(&mut out, name, value);
            if fits(&out, CUT_BYTES) {
                (end, kept) = (out.len(), kept + 1);
            } else if !fits(&out, 0) {
                break;
            }
        }
        let cut = self.left_out.saturating_add((self.fields.len() - kept) as u64);
        if self.left_out > 0 || !fits(&out, 0) {
            out.truncate(end);
            out.push_str(&format!(";cut={cut}"));
        }
        fits(&out, 0).then_some(out)
    }

    /// Reads the value of the variable.
    pub(super) fn decode(text: &str) -> Result<Self, Problem> {
        if text.len() > INHERITED_BYTES {
            return Err(format!("it has {} bytes, and {INHERITED_BYTES} are the most", text.len()));
        }
        let (version, rest) = text.split_once(SEPARATOR).unwrap_or((text, ""));
        if version != VERSION {
            return Err(format!("its version is {}, and this version of logscope reads {VERSION}", shortened(version)));
        }
        let mut parts = Parts::default();
        for part in rest.split(SEPARATOR) {
            let (key, value) =
                part.split_once('=').ok_or_else(|| format!("the part {} has no '='", shortened(part)))?;
            parts.take(key, value)?;
        }
        parts.finish()
    }
}

/// The parts of a variable that were read.
#[derive(Default)]
struct Parts {
    name: Option<String>,
    parent_id: Option<u64>,
    origin: Option<std::time::Duration>,
    elapsed: Option<std::time::Duration>,
    wall: Option<std::time::Duration>,
    monotonic: Option<std::time::Duration>,
    verbosity: Option<Verbosity>,
    trace: Option<TraceContext>,
    cut: Option<u64>,
    fields: Vec<(String, Value)>,
    /// How many fields have a type that is not known here.
    unknown: u64,
    #[cfg(feature = "file")]
    files: Vec<OfferedFile>,
}

impl Parts {
    fn take(&mut self, key: &str, value: &str) -> Result<(), Problem> {
        match key {
            "name" => fill(&mut self.name, key, unescaped_text(value)?),
            "parent" => match number(key, value)? {
                0 => Err(format!("its {key} is 0, which is the id of no context"))?,
                id => fill(&mut self.parent_id, key, id),
            },
            "origin" => fill(&mut self.origin, key, seconds(key, value)?),
            "elapsed" => fill(&mut self.elapsed, key, seconds(key, value)?),
            "wall" => fill(&mut self.wall, key, seconds(key, value)?),
            "mono" => fill(&mut self.monotonic, key, seconds(key, value)?),
            "cut" => fill(&mut self.cut, key, number(key, value)?),
            "verbosity" => {
                let verbosity = unescaped_text(value)?.parse();
                fill(
                    &mut self.verbosity,
                    key,
                    verbosity.map_err(|error: crate::Error| format!("its verbosity is bad: {error}"))?,
                )
            }
            "trace" => {
                let trace = value.parse();
                fill(&mut self.trace, key, trace.map_err(|error: crate::Error| format!("its trace is bad: {error}"))?)
            }
            #[cfg(feature = "file")]
            "file" => {
                self.files.push(OfferedFile::read(value)?);
                Ok(())
            }
            _ => match key.split_once(':') {
                Some((kind, name)) => self.take_field(kind, unescaped_text(name)?, value),
                None => Ok(()),
            },
        }
    }

    fn take_field(&mut self, kind: &str, name: String, text: &str) -> Result<(), Problem> {
        if self.fields.iter().any(|(known, _)| *known == name) {
            return Err(format!("its field {} is there twice", shortened(&name)));
        }
        match value_of(kind, &name, text)? {
            Some(value) => self.fields.push((name, value)),
            None => self.unknown += 1,
        }
        Ok(())
    }

    fn finish(self) -> Result<Inherited, Problem> {
        let needed = "it does not have all of name, parent, origin, elapsed, wall and verbosity";
        let (Some(name), Some(parent_id), Some(origin), Some(elapsed), Some(wall), Some(verbosity)) =
            (self.name, self.parent_id, self.origin, self.elapsed, self.wall, self.verbosity)
        else {
            return Err(needed.to_owned());
        };
        Ok(Inherited {
            name,
            parent_id,
            time: SentTime { origin, elapsed, sent: Reading { wall, monotonic: self.monotonic } },
            verbosity,
            trace: self.trace,
            fields: self.fields,
            left_out: self.cut.unwrap_or(0).saturating_add(self.unknown),
            #[cfg(feature = "file")]
            files: self.files,
        })
    }
}

fn push_field(out: &mut String, name: &str, value: &Value) {
    let (kind, text) = match value {
        Value::Null => ("null", String::new()),
        Value::Bool(value) => ("bool", value.to_string()),
        Value::I64(value) => ("i64", value.to_string()),
        Value::U64(value) => ("u64", value.to_string()),
        Value::I128(value) => ("i128", value.to_string()),
        Value::U128(value) => ("u128", value.to_string()),
        Value::F64(value) => ("f64", format!("{value:?}")),
        Value::Str(value) => ("str", escaped(value.as_bytes(), b"")),
        Value::List(values) => {
            ("list", values.iter().map(|value| format!(",{}", escaped(value.as_bytes(), b","))).collect())
        }
    };
    out.extend([";", kind, ":"]);
    push_escaped(out, name.as_bytes(), NAME_SPECIAL);
    out.extend(["=", &text]);
}

/// Reads the value of the field `name`; `None` if its type is not known here.
fn value_of(kind: &str, name: &str, text: &str) -> Result<Option<Value>, Problem> {
    Ok(Some(match kind {
        "null" if text.is_empty() => Value::Null,
        "null" => return Err(format!("its field {} is null and has a value", shortened(name))),
        "bool" => Value::Bool(number(name, text)?),
        "i64" => Value::I64(number(name, text)?),
        "u64" => Value::U64(number(name, text)?),
        "i128" => Value::I128(number(name, text)?),
        "u128" => Value::U128(number(name, text)?),
        "f64" => Value::F64(number(name, text)?),
        "str" => Value::Str(unescaped_text(text)?),
        "list" => {
            let mut items = text.split(',');
            if items.next().is_some_and(|before| !before.is_empty()) {
                return Err(format!("its field {} is a list that does not begin with a comma", shortened(name)));
            }
            Value::List(items.map(unescaped_text).collect::<Result<_, _>>()?)
        }
        _ => return Ok(None),
    }))
}

/// Reads `text` as the variable. Returns what it says, written again, or what is wrong with it.
#[cfg(fuzzing)]
pub fn inherited_for_fuzzing(text: &str) -> Result<String, String> {
    let inherited = Inherited::decode(text)?;
    let written = inherited.encode().ok_or("what was read is too long to be written")?;
    assert!(written.len() <= INHERITED_BYTES && written.bytes().all(|byte| byte.is_ascii_graphic()), "{written:?}");
    let again = Inherited::decode(&written).unwrap_or_else(|problem| panic!("{written:?} is written: {problem}"));
    assert!(again == inherited || again.left_out > inherited.left_out, "{inherited:?} became {again:?}");
    Ok(written)
}

#[cfg(test)]
mod tests;
