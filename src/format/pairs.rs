//! The message and the fields of a record, as text, build and logfmt write them.
//!
//! The message comes first, wherever the call that logged has it. `tracing`'s macros put a format string first of
//! themselves, so one visit mostly does; a record that has other fields before its message is visited twice, and each
//! value is still rendered once.

use std::error::Error;
use std::fmt::{self, Write};

use tracing::field::{Field, Visit};

use super::escape::{ByteSet, PlainText, Quoted, is_bare, is_visible_alphanumeric, push_escaped_bare};
use super::logfmt;
use super::names::{MESSAGE, Names, Plain};
use super::scratch::Buffer;
use super::value::{push_bool, push_float, push_integer, push_text, reads_as_other};
use crate::record::{Record, Value, field_name, for_each_source, render_debug, render_display};

/// How a format writes messages and fields.
#[derive(Clone, Copy, Debug)]
pub(super) enum Dialect {
    /// The message without quotes and with escapes that can be taken back.
    Text {
        /// What begins each line of a message after its first; without it, messages are one line.
        continuation: Option<&'static str>,
    },
    /// As `Text`, but for people only: backslashes are as they were.
    Build {
        /// As for `Text`.
        continuation: Option<&'static str>,
        /// The fields that are not shown, one bit for the index of each.
        hidden: u64,
    },
    /// The message as a field of its own; names that are the format's are written with `field.` before them.
    Logfmt,
}

/// Appends the message of `record` and then its fields, each with a blank before it unless it is the first of the line,
/// which begins at `start`.
pub(super) fn push_pairs(out: &mut Vec<u8>, start: usize, dialect: Dialect, record: &Record<'_>, plain: Plain) {
    let names = (!plain.names).then(|| Names::besides(MESSAGE));
    let mut pairs = Pairs { out, start, dialect, part: Part::All, message_seen: false, names };
    let is_message_first = || record.event.metadata().fields().iter().next().is_some_and(|field| is_message(&field));
    if plain.names || is_message_first() {
        record.visit(&mut pairs);
    } else {
        for part in [Part::Message, Part::Fields] {
            pairs.part = part;
            pairs.message_seen = false;
            record.visit(&mut pairs);
        }
    }
}

/// Appends a blank, unless the line that begins at `start` is empty.
#[inline]
pub(super) fn push_gap(out: &mut Vec<u8>, start: usize) {
    if out.len() > start {
        out.push(b' ');
    }
}

/// Appends what `render` renders as a value: bare if it needs no quotes and cannot be taken for a value of another
/// type, else quoted. What `render` returns is of no interest: a writer into a `Vec` does not fail, and a value's
/// failure is marked.
pub(super) fn push_rendered<R>(out: &mut Vec<u8>, render: impl FnOnce(&mut dyn Write) -> R) {
    let start = out.len();
    out.push(b'"');
    let _ = render(&mut Quoted(out));
    let rendered = &out[start + 1..];
    // Messages have blanks; what has one is quoted without a closer look.
    let is_bare = !rendered.contains(&b' ')
        && std::str::from_utf8(rendered).is_ok_and(|text| is_bare(text) && !reads_as_other(text));
    if is_bare {
        out.remove(start);
    } else {
        out.push(b'"');
    }
}

/// True for a character of names that stand bare before `=`: letters, digits, `_`, `-`, `.` and `#`. In text a name with
/// any other is quoted, so that few messages look as if they ended in a field.
pub(super) fn is_plain_name_char(character: char) -> bool {
    is_visible_alphanumeric(character) || matches!(character, '_' | '-' | '.' | '#')
}

/// The ASCII bytes of [such names](is_plain_name_char).
const PLAIN: ByteSet = ByteSet::of(b"-.#_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

#[inline]
fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && (PLAIN.has_all(name.as_bytes()) || name.chars().all(is_plain_name_char))
}

/// How a name is written that is not plain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum OddNames {
    /// In quotes, with escapes.
    Quoted,
    /// Bare, each odd character escaped: readers of logfmt know no quoted names.
    Escaped,
}

/// Appends the name that `[prefix, name, suffix]` make together, unique among `names`. Prefixes and suffixes are plain.
#[inline]
pub(super) fn push_name(out: &mut Vec<u8>, names: &mut Names, [prefix, name, suffix]: [&str; 3], odd: OddNames) {
    if !is_plain_name(name) {
        return push_odd_name(out, names, [prefix, name, suffix], odd);
    }
    // Prefixes and suffixes are mostly empty.
    if !prefix.is_empty() {
        out.extend_from_slice(prefix.as_bytes());
    }
    let start = out.len();
    out.extend_from_slice(name.as_bytes());
    if !suffix.is_empty() {
        out.extend_from_slice(suffix.as_bytes());
    }
    names.settle(out, start);
}

#[cold]
fn push_odd_name(out: &mut Vec<u8>, names: &mut Names, [prefix, name, suffix]: [&str; 3], odd: OddNames) {
    let quote: &[u8] = if odd == OddNames::Quoted { b"\"" } else { b"" };
    out.extend_from_slice(quote);
    out.extend_from_slice(prefix.as_bytes());
    let start = out.len();
    match odd {
        OddNames::Quoted => Quoted(out).push(name),
        OddNames::Escaped => push_escaped_bare(out, name),
    }
    out.extend_from_slice(suffix.as_bytes());
    names.settle(out, start);
    out.extend_from_slice(quote);
}

/// What a visit writes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    /// The message, which is the first field, and the other fields.
    All,
    /// The message alone.
    Message,
    /// Everything but the message.
    Fields,
}

/// Where a value goes.
enum Place {
    Message,
    Field,
    Nowhere,
}

struct Pairs<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    dialect: Dialect,
    part: Part,
    message_seen: bool,
    /// `None` where names need no care.
    names: Option<Names>,
}

fn continued<'a>(plain: PlainText<'a>, continuation: Option<&'static str>) -> PlainText<'a> {
    match continuation {
        Some(continuation) => plain.multiline(continuation),
        None => plain,
    }
}

fn is_message(field: &Field) -> bool {
    field_name(field) == MESSAGE
}

impl Pairs<'_> {
    /// Where the value of `field` goes in this visit; the name of a field is written already.
    #[inline(always)]
    fn place(&mut self, field: &Field) -> Place {
        if !self.message_seen && is_message(field) {
            self.message_seen = true;
            return if self.part == Part::Fields { Place::Nowhere } else { Place::Message };
        }
        if self.part == Part::Message || self.is_hidden(field) {
            return Place::Nowhere;
        }
        self.name(field, "");
        Place::Field
    }

    fn is_hidden(&self, field: &Field) -> bool {
        match self.dialect {
            Dialect::Build { hidden, .. } => field.index() < 64 && hidden & (1 << field.index()) != 0,
            _ => false,
        }
    }

    /// Begins a field: writes its name and `=`.
    #[inline(always)]
    fn name(&mut self, field: &Field, suffix: &str) {
        push_gap(self.out, self.start);
        if self.names.is_some() {
            self.unique_name(field, suffix);
        } else {
            self.out.extend_from_slice(field.name().as_bytes());
            if !suffix.is_empty() {
                self.out.extend_from_slice(suffix.as_bytes());
            }
        }
        self.out.push(b'=');
    }

    #[cold]
    #[inline(never)]
    fn unique_name(&mut self, field: &Field, suffix: &str) {
        let name = field_name(field);
        let (prefix, odd) = match self.dialect {
            Dialect::Logfmt if logfmt::is_reserved(name) => (logfmt::PREFIX, OddNames::Escaped),
            Dialect::Logfmt => ("", OddNames::Escaped),
            _ => ("", OddNames::Quoted),
        };
        let names = self.names.get_or_insert_with(|| Names::besides(MESSAGE));
        push_name(self.out, names, [prefix, name, suffix], odd);
    }

    fn message<R>(&mut self, render: impl FnOnce(&mut dyn Write) -> R) {
        let before = self.out.len();
        push_gap(self.out, self.start);
        let start = self.out.len();
        let is_empty = match self.dialect {
            Dialect::Text { continuation } => {
                let _ = render(&mut continued(PlainText::new(self.out), continuation));
                self.out.len() == start
            }
            Dialect::Build { continuation, .. } => {
                let _ = render(&mut continued(PlainText::new(self.out).keep_backslashes(), continuation));
                self.out.len() == start
            }
            Dialect::Logfmt => {
                self.out.extend_from_slice(b"msg=");
                push_rendered(self.out, render);
                self.out.ends_with(b"=\"\"")
            }
        };
        if is_empty {
            self.out.truncate(before);
        }
    }

    /// A value that `push` writes, without escapes or quotes.
    fn scalar<T: Into<Value>>(&mut self, field: &Field, value: T, push: impl FnOnce(&mut Vec<u8>, T)) {
        match self.place(field) {
            Place::Message => {
                let value = value.into();
                self.message(|out| write!(out, "{value}"));
            }
            Place::Field => push(self.out, value),
            Place::Nowhere => {}
        }
    }

    /// Makes sure that the value of `field`, a text that begins at `start`, is not taken for something else.
    fn keep_text(&mut self, field: &Field, start: usize) {
        if let Dialect::Logfmt = self.dialect {
            logfmt::keep_text(self.out, start, field_name(field));
        }
    }

    fn rendered<R>(&mut self, field: &Field, render: impl FnOnce(&mut dyn Write) -> R) {
        match self.place(field) {
            Place::Message => self.message(render),
            Place::Field => {
                let start = self.out.len();
                push_rendered(self.out, render);
                self.keep_text(field, start);
            }
            Place::Nowhere => {}
        }
    }
}

impl Visit for Pairs<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.scalar(field, value, push_float);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.scalar(field, value, push_integer);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.scalar(field, value, push_integer);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.scalar(field, value, push_integer);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.scalar(field, value, push_integer);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.scalar(field, value, push_bool);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match self.place(field) {
            Place::Message => self.message(|out| out.write_str(value)),
            Place::Field => {
                let start = self.out.len();
                push_text(self.out, value);
                self.keep_text(field, start);
            }
            Place::Nowhere => {}
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.rendered(field, |out| render_display(value, out));
        if self.part == Part::Message || self.is_hidden(field) {
            return;
        }
        let mut listed = false;
        let mut list = Buffer::take();
        for_each_source(value, |source| {
            list.extend_from_slice(if listed { b", \"" } else { b"[\"" });
            listed = true;
            render_display(source, &mut Quoted(&mut list));
            list.push(b'"');
        });
        if listed {
            list.push(b']');
            self.name(field, ".sources");
            match self.dialect {
                Dialect::Logfmt => logfmt::push_list(self.out, &list),
                _ => self.out.extend_from_slice(&list),
            }
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.rendered(field, |out| render_debug(value, out));
    }
}
