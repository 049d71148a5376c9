//! The `build` layout, for people who watch a build.
//!
//! Elapsed time, the message and its fields; the level from WARN:
//!
//! ```text
//! 00:01.23 configured env=uno
//! 00:01.30 WARNING: unused variable line=3
//! ```
//!
//! An event of any level may be a word of the *build vocabulary*: one that has a field `build` with the name of a kind,
//! and what that kind needs. `logscope::build`'s macros make them; any event with these fields is one.
//!
//! | `build` | needs | may have | looks like |
//! |---|---|---|---|
//! | `header` | `name` | `version` | `Build System v1.2.4`, and an empty line |
//! | `phase` | `phase` | `phases` | `[1/9] ` and the message |
//! | `detail` | | | six blanks and the message |
//! | `unit` | `unit` | `group`, `cached` | `      [core] main.cpp (cached)` |
//! | `success` | | | the message, in green |
//! | `finished` | | | an empty line, and `Build time: 12.34s` since the origin |
//!
//! These fields are then not shown once more; all others are, and so is the message, after the rest. Whatever is not of
//! this form (another kind, a missing part, a number that is a text) is an ordinary event with ordinary fields: nothing
//! that a program logs can become invisible by its names. Empty lines carry no time, and spans are not shown.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use tracing::Level;
use tracing::field::{Field, Visit};

use super::Renderer;
use super::escape::{PlainText, push_code};
use super::head::{Look, push_leading, push_place, with_look};
use super::names::Plain;
use super::pairs::{Dialect, push_gap, push_pairs};
use super::timestamp::push_elapsed_mmss_cc;
use super::value::push_integer;
use crate::record::{Record, render_debug, render_display};

/// The names of the fields that make an event a word of the build vocabulary.
pub(crate) mod field {
    /// Holds the kind.
    pub(crate) const BUILD: &str = "build";
    /// What the header names.
    pub(crate) const NAME: &str = "name";
    /// The version of what the header names, without a `v`.
    pub(crate) const VERSION: &str = "version";
    /// The number of a phase, from 1.
    pub(crate) const PHASE: &str = "phase";
    /// How many phases there are.
    pub(crate) const PHASES: &str = "phases";
    /// The group that a unit belongs to.
    pub(crate) const GROUP: &str = "group";
    /// What was built.
    pub(crate) const UNIT: &str = "unit";
    /// True if nothing had to be done for a unit.
    pub(crate) const CACHED: &str = "cached";
}

/// The kinds, as the field [`BUILD`](field::BUILD) holds them.
pub(crate) mod kind {
    /// The beginning of a build.
    pub(crate) const HEADER: &str = "header";
    /// The beginning of a phase.
    pub(crate) const PHASE: &str = "phase";
    /// Something about the phase.
    pub(crate) const DETAIL: &str = "detail";
    /// A unit that was built.
    pub(crate) const UNIT: &str = "unit";
    /// That the build succeeded.
    pub(crate) const SUCCESS: &str = "success";
    /// The end of a build.
    pub(crate) const FINISHED: &str = "finished";
}

/// What begins each line of a message after its first: below the message, and like no start of a record.
const CONTINUATION: &str = "         | ";
/// As wide as `[1/9] `.
const INDENT: &[u8] = b"      ";

/// Appends `record` as one line, with an empty one before or after it where the vocabulary has one.
pub(super) fn render(renderer: &Renderer, record: &Record<'_>, out: &mut Vec<u8>) {
    let word = Word::of(record);
    let kind = word.as_ref().map(|word| word.kind);
    if kind == Some(Kind::Finished) {
        out.push(b'\n');
    }
    let (start, plain) = (out.len(), Plain::of(record));
    push_leading(renderer, record, out, push_elapsed_mmss_cc);
    push_place(renderer, record, plain, out, start, false);
    push_gap(out, start);
    let begins_line = out.len() == start;
    let push = |out: &mut Vec<u8>| {
        let body = out.len();
        push_body(renderer, record, plain, word.as_ref(), out);
        if begins_line && renderer.format.multiline {
            keep_apart(out, body);
        }
    };
    match (record.level(), kind) {
        (Level::ERROR, _) => with_look(renderer.color, Look::Red, out, push),
        (Level::WARN, _) => with_look(renderer.color, Look::Yellow, out, push),
        (_, Some(Kind::Success)) => with_look(renderer.color, Look::Green, out, push),
        _ => push(out),
    }
    out.push(b'\n');
    if kind == Some(Kind::Header) {
        out.push(b'\n');
    }
}

/// Makes sure that a line which begins at `start`, without a time before it, does not look like one that goes on with a message
/// of several lines: like [`CONTINUATION`], blanks and a `|`.
fn keep_apart(out: &mut Vec<u8>, start: usize) {
    let line = std::str::from_utf8(&out[start..]).unwrap_or_default();
    let rest = line.trim_start();
    let blanks = line.len() - rest.len();
    if rest.starts_with('|')
        && let Some((last, blank)) = line[..blanks].char_indices().next_back()
    {
        let mut escaped = Vec::new();
        push_code(&mut escaped, blank);
        out.splice(start + last..start + blanks, escaped);
    }
}

/// Appends the level from WARN, what the vocabulary says, the message and the fields.
fn push_body(renderer: &Renderer, record: &Record<'_>, plain: Plain, word: Option<&Word>, out: &mut Vec<u8>) {
    match record.level() {
        Level::ERROR => out.extend_from_slice(b"ERROR: "),
        Level::WARN => out.extend_from_slice(b"WARNING: "),
        _ => {}
    }
    let mut start = out.len();
    if let Some(word) = word {
        word.push(record, out);
        if word.kind == Kind::Detail {
            // The indentation is the gap.
            start = out.len();
        }
    }
    let continuation = renderer.format.multiline.then_some(CONTINUATION);
    let hidden = word.map_or(0, |word| word.hidden);
    push_pairs(out, start, Dialect::Build { continuation, hidden }, record, plain);
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Header,
    Phase,
    Detail,
    Unit,
    Success,
    Finished,
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            kind::HEADER => Kind::Header,
            kind::PHASE => Kind::Phase,
            kind::DETAIL => Kind::Detail,
            kind::UNIT => Kind::Unit,
            kind::SUCCESS => Kind::Success,
            kind::FINISHED => Kind::Finished,
            _ => return None,
        })
    }
}

/// A set of fields, one bit for the index of each. Fields beyond the 64th are in no set.
type Fields = u64;

fn bit(field: &Field) -> Fields {
    u32::try_from(field.index()).ok().and_then(|index| 1_u64.checked_shl(index)).unwrap_or(0)
}

/// A word of the build vocabulary.
#[derive(Debug)]
struct Word {
    kind: Kind,
    found: Found,
    /// The fields that it says, which are not to be shown as fields.
    hidden: Fields,
}

/// What an event has of the fields that the vocabulary knows: the first of each name, and where it is.
///
/// Texts are not kept, only their places: they are borrowed for the time of a visit, and are visited again to be
/// written.
#[derive(Debug, Default)]
struct Found {
    build: Fields,
    kind: Option<Kind>,
    name: Fields,
    version: Fields,
    phase: Option<(u64, Fields)>,
    phases: Option<(u64, Fields)>,
    group: Fields,
    unit: Fields,
    cached: Option<(bool, Fields)>,
}

impl Word {
    /// The word that `record` is, if it is one.
    fn of(record: &Record<'_>) -> Option<Self> {
        record.event.metadata().fields().iter().find(|known| known.name() == field::BUILD)?;
        let mut found = Found::default();
        record.visit(&mut found);
        let place = |number: Option<(u64, Fields)>| number.map_or(0, |(_, place)| place);
        let kind = found.kind?;
        let said = match kind {
            Kind::Header if found.name != 0 => found.name | found.version,
            Kind::Phase if found.phase.is_some() => place(found.phase) | place(found.phases),
            Kind::Unit if found.unit != 0 => found.unit | found.group | found.cached.map_or(0, |(_, place)| place),
            Kind::Detail | Kind::Success | Kind::Finished => 0,
            Kind::Header | Kind::Phase | Kind::Unit => return None,
        };
        Some(Word { kind, hidden: found.build | said, found })
    }

    /// Appends what the word says besides the message.
    fn push(&self, record: &Record<'_>, out: &mut Vec<u8>) {
        let found = &self.found;
        match self.kind {
            Kind::Header => {
                push_field(record, found.name, out);
                if found.version != 0 {
                    out.extend_from_slice(b" v");
                    push_field(record, found.version, out);
                }
            }
            Kind::Phase => {
                out.push(b'[');
                push_integer(out, found.phase.map_or(0, |(phase, _)| phase));
                if let Some((phases, _)) = found.phases {
                    out.push(b'/');
                    push_integer(out, phases);
                }
                out.push(b']');
            }
            Kind::Detail => out.extend_from_slice(INDENT),
            Kind::Unit => {
                out.extend_from_slice(INDENT);
                if found.group != 0 {
                    out.push(b'[');
                    push_field(record, found.group, out);
                    out.extend_from_slice(b"] ");
                }
                push_field(record, found.unit, out);
                if matches!(found.cached, Some((true, _))) {
                    out.extend_from_slice(b" (cached)");
                }
            }
            Kind::Success => {}
            Kind::Finished => {
                out.extend_from_slice(b"Build time: ");
                push_seconds_cc(out, record.elapsed());
                out.push(b's');
            }
        }
    }
}

impl Found {
    fn number(&mut self, field: &Field, number: Option<u64>) {
        let number = number.map(|number| (number, bit(field)));
        match field.name() {
            field::PHASE if self.phase.is_none() => self.phase = number,
            field::PHASES if self.phases.is_none() => self.phases = number,
            _ => self.text(field),
        }
    }

    fn text(&mut self, field: &Field) {
        let place = match field.name() {
            field::NAME => &mut self.name,
            field::VERSION => &mut self.version,
            field::GROUP => &mut self.group,
            field::UNIT => &mut self.unit,
            _ => return,
        };
        if *place == 0 {
            *place = bit(field);
        }
    }
}

impl Visit for Found {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, u64::try_from(value).ok());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, Some(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        if field.name() == field::CACHED && self.cached.is_none() {
            self.cached = Some((value, bit(field)));
        } else {
            self.text(field);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == field::BUILD && self.build == 0 {
            self.build = bit(field);
            self.kind = Kind::of(value);
        } else {
            self.text(field);
        }
    }

    fn record_debug(&mut self, field: &Field, _: &dyn fmt::Debug) {
        self.text(field);
    }
}

/// Appends the value of the field at `place`, whatever its type, as text.
fn push_field(record: &Record<'_>, place: Fields, out: &mut Vec<u8>) {
    record.visit(&mut OneField { place, out });
}

struct OneField<'a> {
    place: Fields,
    out: &'a mut Vec<u8>,
}

impl OneField<'_> {
    fn push<R>(&mut self, field: &Field, render: impl FnOnce(&mut PlainText<'_>) -> R) {
        if bit(field) == self.place {
            let _ = render(&mut PlainText::new(self.out).keep_backslashes());
        }
    }
}

impl Visit for OneField<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, |out| out.push(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.push(field, |out| render_display(value, out));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field, |out| render_debug(value, out));
    }
}

/// Appends `elapsed` in seconds, cut to hundredths.
fn push_seconds_cc(out: &mut Vec<u8>, elapsed: Duration) {
    push_integer(out, elapsed.as_secs());
    let hundredths = elapsed.subsec_millis() / 10;
    out.extend_from_slice(&[b'.', b'0' + (hundredths / 10) as u8, b'0' + (hundredths % 10) as u8]);
}

#[cfg(test)]
mod tests;
