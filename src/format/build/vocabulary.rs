//! The build vocabulary: events that have forms of their own in the `build` layout.
//!
//! An event of any level is a *word* of the vocabulary if it has a field `build` with the name of a kind, and the fields that the kind needs.
//! The macros of `logscope::build` make such events; any event with these fields is one.
//!
//! | `build` | needs | may have | looks like |
//! |---|---|---|---|
//! | `header` | `name` | `version` | `Build System v1.2.4`, and an empty line |
//! | `phase` | `phase` | `phases` | `[1/9] ` and the message |
//! | `detail` | | | six blanks and the message |
//! | `unit` | `unit` | `group`, `cached` | `      [core] main.cpp (cached)` |
//! | `success` | | | the message, in green |
//! | `failure` | | | the message, in red |
//! | `finished` | | | an empty line, and `Build time: 12.34s` since the origin |
//!
//! These fields are then not shown again; all others are, and so is the message, after the text of the word. Any other event (of another
//! kind, without a part, with a text for a number) is an ordinary event with ordinary fields: no name can hide what a program logs.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use tracing::field::{Field, Visit};

use crate::format::escape::PlainText;
use crate::format::number::push_integer;
use crate::line_buffer::LineBuffer;
use crate::record::{Record, render_debug, render_display, render_str};

/// The names of the fields that make an event a word of the vocabulary.
mod field {
    /// Holds the kind.
    pub(super) const BUILD: &str = "build";
    /// What the header names.
    pub(super) const NAME: &str = "name";
    /// The version of what the header names, without a `v`.
    pub(super) const VERSION: &str = "version";
    /// The number of a phase, from 1.
    pub(super) const PHASE: &str = "phase";
    /// How many phases there are.
    pub(super) const PHASES: &str = "phases";
    /// The group that a unit belongs to.
    pub(super) const GROUP: &str = "group";
    /// What was built.
    pub(super) const UNIT: &str = "unit";
    /// True if nothing had to be done for a unit.
    pub(super) const CACHED: &str = "cached";
}

/// The kinds, as the field [`BUILD`](field::BUILD) holds them.
mod kind {
    /// The beginning of a build.
    pub(super) const HEADER: &str = "header";
    /// The beginning of a phase.
    pub(super) const PHASE: &str = "phase";
    /// Something about the phase.
    pub(super) const DETAIL: &str = "detail";
    /// A unit that was built.
    pub(super) const UNIT: &str = "unit";
    /// That the build succeeded.
    pub(super) const SUCCESS: &str = "success";
    /// That the build failed.
    pub(super) const FAILURE: &str = "failure";
    /// The end of a build.
    pub(super) const FINISHED: &str = "finished";
}

/// Six blanks, as wide as `[1/9] `.
const INDENT: &[u8] = b"      ";

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum WordKind {
    Header,
    Phase,
    Detail,
    Unit,
    Success,
    Failure,
    Finished,
}

impl WordKind {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            kind::HEADER => WordKind::Header,
            kind::PHASE => WordKind::Phase,
            kind::DETAIL => WordKind::Detail,
            kind::UNIT => WordKind::Unit,
            kind::SUCCESS => WordKind::Success,
            kind::FAILURE => WordKind::Failure,
            kind::FINISHED => WordKind::Finished,
            _ => return None,
        })
    }
}

/// A set of fields, one bit for the index of each. Fields beyond the 64th are in no set.
pub(super) type FieldSet = u64;

/// Returns the set that has `field` only.
pub(super) fn bit(field: &Field) -> FieldSet {
    u32::try_from(field.index()).ok().and_then(|index| 1_u64.checked_shl(index)).unwrap_or(0)
}

/// A word of the build vocabulary.
#[derive(Debug)]
pub(super) struct Word {
    pub(super) kind: WordKind,
    parts: Parts,
    /// The fields that the word shows, which are not shown again.
    pub(super) hidden: FieldSet,
}

/// The fields of an event that the vocabulary knows: the first of each name, and its index.
///
/// Of a text only the index is kept: the text is borrowed for the time of a visit, and is visited again to be written.
#[derive(Debug, Default)]
struct Parts {
    build: FieldSet,
    kind: Option<WordKind>,
    name: FieldSet,
    version: FieldSet,
    phase: Option<(u64, FieldSet)>,
    phases: Option<(u64, FieldSet)>,
    group: FieldSet,
    unit: FieldSet,
    cached: Option<(bool, FieldSet)>,
}

impl Word {
    /// Returns the word that `record` is, if it is one.
    pub(super) fn of(record: &Record<'_>) -> Option<Self> {
        record.event.metadata().fields().iter().find(|known| known.name() == field::BUILD)?;
        let mut parts = Parts::default();
        record.visit(&mut parts);
        let set = |number: Option<(u64, FieldSet)>| number.map_or(0, |(_, set)| set);
        let kind = parts.kind?;
        let shown = match kind {
            WordKind::Header if parts.name != 0 => parts.name | parts.version,
            WordKind::Phase if parts.phase.is_some() => set(parts.phase) | set(parts.phases),
            WordKind::Unit if parts.unit != 0 => parts.unit | parts.group | parts.cached.map_or(0, |(_, set)| set),
            WordKind::Detail | WordKind::Success | WordKind::Failure | WordKind::Finished => 0,
            WordKind::Header | WordKind::Phase | WordKind::Unit => return None,
        };
        Some(Word { kind, hidden: parts.build | shown, parts })
    }

    /// Appends the text of the word, without the message.
    pub(super) fn push(&self, record: &Record<'_>, out: &mut LineBuffer) {
        let parts = &self.parts;
        match self.kind {
            WordKind::Header => {
                push_field(record, parts.name, out);
                if parts.version != 0 {
                    out.extend_from_slice(b" v");
                    push_field(record, parts.version, out);
                }
            }
            WordKind::Phase => {
                out.push(b'[');
                push_integer(out, parts.phase.map_or(0, |(phase, _)| phase));
                if let Some((phases, _)) = parts.phases {
                    out.push(b'/');
                    push_integer(out, phases);
                }
                out.push(b']');
            }
            WordKind::Detail => out.extend_from_slice(INDENT),
            WordKind::Unit => {
                out.extend_from_slice(INDENT);
                if parts.group != 0 {
                    out.push(b'[');
                    push_field(record, parts.group, out);
                    out.extend_from_slice(b"] ");
                }
                push_field(record, parts.unit, out);
                if matches!(parts.cached, Some((true, _))) {
                    out.extend_from_slice(b" (cached)");
                }
            }
            WordKind::Success | WordKind::Failure => {}
            WordKind::Finished => {
                out.extend_from_slice(b"Build time: ");
                push_seconds_cc(out, record.elapsed_in_context());
                out.push(b's');
            }
        }
    }
}

impl Parts {
    fn number(&mut self, field: &Field, number: Option<u64>) {
        let number = number.map(|number| (number, bit(field)));
        match field.name() {
            field::PHASE if self.phase.is_none() => self.phase = number,
            field::PHASES if self.phases.is_none() => self.phases = number,
            _ => self.text(field),
        }
    }

    fn text(&mut self, field: &Field) {
        let set = match field.name() {
            field::NAME => &mut self.name,
            field::VERSION => &mut self.version,
            field::GROUP => &mut self.group,
            field::UNIT => &mut self.unit,
            _ => return,
        };
        if *set == 0 {
            *set = bit(field);
        }
    }
}

impl Visit for Parts {
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
            self.kind = WordKind::of(value);
        } else {
            self.text(field);
        }
    }

    fn record_debug(&mut self, field: &Field, _: &dyn fmt::Debug) {
        self.text(field);
    }
}

/// Appends the value of the one field in `set`, whatever its type, as text.
fn push_field(record: &Record<'_>, set: FieldSet, out: &mut LineBuffer) {
    record.visit(&mut OneField { set, out });
}

struct OneField<'a> {
    set: FieldSet,
    out: &'a mut LineBuffer,
}

impl OneField<'_> {
    fn push<R>(&mut self, field: &Field, render: impl FnOnce(&mut PlainText<'_>) -> R) {
        if bit(field) == self.set {
            let _ = render(&mut PlainText::new(self.out).keep_backslashes());
        }
    }
}

impl Visit for OneField<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, |out| render_str(value, out));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.push(field, |out| render_display(value, out));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field, |out| render_debug(value, out));
    }
}

/// Appends `elapsed` in seconds, cut to hundredths.
fn push_seconds_cc(out: &mut LineBuffer, elapsed: Duration) {
    push_integer(out, elapsed.as_secs());
    let hundredths = elapsed.subsec_millis() / 10;
    out.extend_from_slice(&[b'.', b'0' + (hundredths / 10) as u8, b'0' + (hundredths % 10) as u8]);
}
