//! Names of fields that are unique: no two fields of one object may have the same name, whatever a program calls them.

use std::io::Write as _;
use std::ptr;

use tracing::Metadata;
use tracing::field::Field;

use super::buffer::Buffer;
use super::callsites::Callsites;
use super::quote::{is_bare, reads_as_other_type};
use super::reserved::{MESSAGE, SOURCES, is_reserved_in_logfmt};
use crate::line_buffer::LineBuffer;
use crate::record::{Record, event_name, field_name};
use crate::verbosity::Decisions;

/// What the names and the target of an event need before they are written. It depends on the callsite alone, and is computed
/// once for each.
#[derive(Debug)]
pub(super) struct CallsiteNames {
    pub(super) fields: FieldNames,
    /// True if every layout writes the target of the callsite as it is, without quotes or escapes.
    plain_target: bool,
    /// The target with a colon, ready to be written.
    target: Ready,
    /// True if the event may have a name of its own.
    pub(super) named: bool,
    /// The names of its fields by their index, ready to be written. Empty if some are not plain, or there are too many callsites.
    pub(super) ready: Vec<ReadyName>,
}

/// A plain name of a field, as it is written before its value.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReadyName {
    name: &'static str,
    is_message: bool,
    pair: Ready,
    member: Ready,
}

/// A text, in a block that is copied as a whole. One that is too long for it is longer than the block, and so never finds room.
#[derive(Clone, Copy, Debug)]
struct Ready {
    block: [u8; 32],
    len: usize,
}

impl Ready {
    /// Never finds room.
    const NONE: Ready = Ready { block: [0; 32], len: usize::MAX };

    fn new(text: &str) -> Self {
        let mut block = [0; 32];
        if let Some(place) = block.get_mut(..text.len()) {
            place.copy_from_slice(text.as_bytes());
        }
        Ready { block, len: text.len() }
    }
}

impl ReadyName {
    fn new(name: &'static str) -> Self {
        let (pair, member) = (Ready::new(&format!("{name}=")), Ready::new(&format!("\"{name}\":")));
        // An event whose names are plain has no other field that may be called so.
        ReadyName { name, is_message: name == MESSAGE, pair, member }
    }

    /// Returns true if the field is the message.
    #[inline]
    pub(super) fn is_message(&self) -> bool {
        self.is_message
    }

    #[inline]
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// Appends a blank and `name=`, if there is room, and returns whether there was.
    #[inline]
    pub(super) fn try_push_pair_after_blank(&self, out: &mut LineBuffer) -> bool {
        out.try_extend_after(b' ', &self.pair.block, self.pair.len)
    }

    /// Appends `name=`, if there is room, and returns whether there was.
    #[inline]
    pub(super) fn try_push_pair(&self, out: &mut LineBuffer) -> bool {
        out.try_extend_from_block(&self.pair.block, self.pair.len)
    }

    /// Appends `"name":`, if there is room, and returns whether there was.
    #[inline]
    pub(super) fn try_push_member(&self, out: &mut LineBuffer) -> bool {
        out.try_extend_from_block(&self.member.block, self.member.len)
    }

    /// The same, after a comma.
    #[inline]
    pub(super) fn try_push_member_after_comma(&self, out: &mut LineBuffer) -> bool {
        out.try_extend_after(b',', &self.member.block, self.member.len)
    }
}

/// What the names of an event's fields need.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum FieldNames {
    /// Nothing: every layout writes each name as it is. The message is the first field, if there is one. Nearly all callsites
    /// are like this.
    Plain,
    /// Quotes, escapes or a prefix, but no number: no two are equal.
    Unique,
    /// A number for a name that another field has, or may have: see [`UniqueNames`].
    Repeated,
}

impl CallsiteNames {
    #[inline(always)]
    pub(super) fn of(record: &Record<'_>) -> &'static Self {
        static KEPT: Callsites<CallsiteNames> = Callsites::new();
        // They have any names, also that of the message.
        static KEY_VALUES: CallsiteNames = CallsiteNames::new(FieldNames::Repeated, false, false);
        if record.metadata.key_values.is_some() {
            return &KEY_VALUES;
        }
        let callsite = record.event.metadata();
        match KEPT.of(callsite, CallsiteNames::to_keep) {
            Some(kept) => kept,
            None => CallsiteNames::of_callsite(callsite),
        }
    }

    const fn new(fields: FieldNames, plain_target: bool, named: bool) -> Self {
        CallsiteNames { fields, plain_target, target: Ready::NONE, named, ready: Vec::new() }
    }

    fn to_keep(callsite: &'static Metadata<'static>) -> Self {
        let &CallsiteNames { fields, plain_target, named, .. } = CallsiteNames::of_callsite(callsite);
        let is_plain = fields == FieldNames::Plain;
        let ready = callsite.fields().iter().filter(|_| is_plain).map(|field| ReadyName::new(field.name())).collect();
        let target = Ready::new(&format!("{}:", callsite.target()));
        CallsiteNames { fields, plain_target, target, named, ready }
    }

    /// Returns true if every layout writes the target of `record` as it is, without quotes or escapes.
    #[inline]
    pub(super) fn has_plain_target(&self, record: &Record<'_>) -> bool {
        // The target of a record of the crate `log`, and of a span, is not that of its callsite.
        self.plain_target && ptr::eq(record.metadata.target, record.event.metadata().target())
    }

    /// Appends a blank, the target of the callsite and a colon, if there is room, and returns whether there was.
    #[inline]
    pub(super) fn try_push_target_after_blank(&self, out: &mut LineBuffer) -> bool {
        out.try_extend_after(b' ', &self.target.block, self.target.len)
    }

    /// Works out the facts; most are remembered, even if there are so many callsites that they are not kept.
    #[inline(never)]
    fn of_callsite(callsite: &'static Metadata<'static>) -> &'static Self {
        static PLAIN: Decisions = Decisions::new();
        static NAMES: CallsiteNames = CallsiteNames::new(FieldNames::Plain, true, false);
        // Nearly all events have no name, so they are the ones that are asked about once.
        match PLAIN.of(callsite, |callsite| is_plain(callsite) && event_name(callsite).is_none()) {
            true => &NAMES,
            false => CallsiteNames::of_odd(callsite),
        }
    }

    #[cold]
    fn of_odd(callsite: &'static Metadata<'static>) -> &'static Self {
        static PLAIN_BUT_NAMED: Decisions = Decisions::new();
        static UNIQUE: Decisions = Decisions::new();
        static NAMES: [CallsiteNames; 3] = [
            CallsiteNames::new(FieldNames::Plain, true, true),
            CallsiteNames::new(FieldNames::Unique, false, true),
            CallsiteNames::new(FieldNames::Repeated, false, true),
        ];
        let [plain, unique, repeated] = &NAMES;
        match PLAIN_BUT_NAMED.of(callsite, is_plain) {
            true => plain,
            false if UNIQUE.of(callsite, has_unique_names) => unique,
            false => repeated,
        }
    }
}

fn is_plain(callsite: &Metadata<'static>) -> bool {
    let target = callsite.target();
    target.is_ascii()
        && is_bare(target)
        && !reads_as_other_type(target)
        && has_unique_names(callsite)
        && callsite.fields().iter().enumerate().all(|(index, field)| {
            let name = field.name();
            // No `#`: raw names contain it, and are written without it.
            let is_word = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
            is_word && !is_reserved_in_logfmt(name) && (name != MESSAGE || index == 0)
        })
}

fn has_unique_names(callsite: &Metadata<'static>) -> bool {
    callsite.fields().iter().enumerate().all(|(index, field)| {
        let name = field_name(&field);
        // An error in the field `x` adds a field `x.sources`.
        !name.contains(SOURCES) && callsite.fields().iter().skip(index + 1).all(|later| field_name(&later) != name)
    })
}

/// Returns true if `field` is called `message`. The first such field of an event is its message.
pub(super) fn is_message(field: &Field) -> bool {
    field_name(field) == MESSAGE
}

/// The names that were written into one object, each followed by LF, which no escaped name contains.
///
/// Names are compared as they were written: escaping is injective, so escaped names are equal where names are.
#[derive(Debug)]
pub(super) struct UniqueNames(Buffer);

impl UniqueNames {
    pub(super) fn new() -> Self {
        UniqueNames(Buffer::take())
    }

    /// The names of the fields beside a message, none of which may be called `message`.
    pub(super) fn beside_message() -> Self {
        let mut names = UniqueNames::new();
        names.add(MESSAGE.as_bytes());
        names
    }

    /// Makes the name that was just written to `out`, from `start` to its end, unique: appends `#2`, or the first number that
    /// gives a new name.
    pub(super) fn make_unique(&mut self, out: &mut LineBuffer, start: usize) {
        let end = out.len();
        let mut number = 2_usize;
        while self.contains(&out[start..]) {
            out.truncate(end);
            // Writing to a `Vec` cannot fail.
            let _ = write!(out, "#{number}");
            number += 1;
        }
        self.add(&out[start..]);
    }

    fn add(&mut self, name: &[u8]) {
        self.0.extend_from_slice(name);
        self.0.push(b'\n');
    }

    fn contains(&self, name: &[u8]) -> bool {
        self.0.split_inclusive(|byte| *byte == b'\n').any(|known| known.strip_suffix(b"\n") == Some(name))
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_support::{MadeEvent, MadeValue};
    use super::*;

    fn made_unique(names: &[&str]) -> Vec<String> {
        let (mut out, mut known) = (LineBuffer::new(), UniqueNames::new());
        let write = |name: &&str| {
            let start = out.len();
            out.extend_from_slice(name.as_bytes());
            known.make_unique(&mut out, start);
            String::from_utf8(out[start..].to_vec()).unwrap()
        };
        names.iter().map(write).collect()
    }

    #[test]
    fn a_repeated_name_takes_the_next_free_number() {
        assert_eq!(made_unique(&["x", "y", "x", "x"]), ["x", "y", "x#2", "x#3"]);
        assert_eq!(made_unique(&["x#2", "x", "x"]), ["x#2", "x", "x#3"]);
        assert_eq!(made_unique(&["x", "x", "x#2"]), ["x", "x#2", "x#2#2"]);
        assert_eq!(made_unique(&["", ""]), ["", "#2"]);
    }

    #[test]
    fn many_names_are_unique() {
        let names: Vec<String> = (0..40).map(|number| number.to_string()).collect();
        let twice: Vec<&str> = names.iter().chain(&names).map(String::as_str).collect();
        let mut unique = made_unique(&twice);
        assert_eq!(unique[40 + 36], "36#2");
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), twice.len());
    }

    /// Whether a callsite is plain, and whether its names are unique.
    fn facts(target: &str, names: &[&str]) -> (bool, bool) {
        let field = |name: &&str| (name.to_string(), MadeValue::Plain(true.into()));
        let event = MadeEvent { name: None, target: target.to_owned(), fields: names.iter().map(field).collect() };
        event.with_event(|event| (is_plain(event.metadata()), has_unique_names(event.metadata())))
    }

    #[test]
    fn plain_names_are_written_as_they_are() {
        assert_eq!(facts("my_crate::module", &["message", "size", "a.b", "a-b", "x1"]), (true, true));
        assert_eq!(facts("linker", &["size"]), (true, true));
        for target in ["", "a b", "a=b", "\"", "größe", "1", "true"] {
            assert_eq!(facts(target, &["size"]), (false, true), "{target:?}");
        }
    }

    #[test]
    fn odd_names_need_a_number_only_if_two_can_be_equal() {
        for names in [
            &["size", "message"][..],
            &["r#type"],
            &["x#2"],
            &["level"],
            &["context.env"],
            &["field.x"],
            &["größe"],
            &["a b"],
            &["a=b"],
            &["\""],
            &[""],
        ] {
            assert_eq!(facts("linker", names), (false, true), "{names:?}");
        }
        for names in
            [&["x", "x"][..], &["message", "message"], &["r#type", "type"], &["err", "err.sources"], &["x.sources"]]
        {
            assert_eq!(facts("linker", names), (false, false), "{names:?}");
        }
    }
}
