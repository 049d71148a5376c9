//! Unique names: no two fields of one object may have the same, whatever a program calls them.

use std::io::Write as _;

use tracing::Metadata;

use super::escape::is_bare;
use super::logfmt;
use super::value::reads_as_other;
use crate::record::Record;
use crate::verbosity::Decisions;

/// The name of the field that is the message, and so of no other field.
pub(super) const MESSAGE: &str = "message";

/// What of a record needs no care, because of how the callsite is written; as good as all callsites are written so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain {
    /// Every field is written under its own name, bare, in every format: no two are alike, and none is like a name that a
    /// format adds or reserves. The message is the first field, if there is one.
    pub(super) names: bool,
    /// The target is written as it is in every format.
    pub(super) target: bool,
}

impl Plain {
    /// Decided once for each callsite.
    #[inline]
    pub(super) fn of(record: &Record<'_>) -> Self {
        static CALLSITES: Decisions = Decisions::new();
        let names = CALLSITES.of(record.event.metadata(), is_plain);
        Plain { names, target: names && !record.metadata.from_log }
    }
}

fn is_plain(callsite: &Metadata<'static>) -> bool {
    let names = || callsite.fields().iter().map(|field| field.name());
    let target = callsite.target();
    target.is_ascii()
        && is_bare(target)
        && !reads_as_other(target)
        && names().enumerate().all(|(place, name)| {
            // No `#`: it stands in raw names, which are written without it, and before the number of a repeated name.
            let is_word = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
            let is_single = names().filter(|other| *other == name).count() == 1;
            let is_own = !name.contains(logfmt::LIST_NAME) && !logfmt::is_reserved(name);
            is_word && !name.is_empty() && is_single && is_own && (name != MESSAGE || place == 0)
        })
}

/// How many names are remembered without an allocation. `tracing`'s macros allow 32 fields.
const INLINE: usize = 32;

/// The names that were written into one object, by their places in the output.
///
/// They are compared as they were written: escaping is injective, so escaped names are equal where names are.
#[derive(Debug)]
pub(super) struct Names {
    count: usize,
    inline: [(u32, u32); INLINE],
    more: Vec<(u32, u32)>,
    /// A bit for the [mark](Names::mark) of each name. Names of different marks differ, so most are never compared.
    marks: u64,
    /// A name that is used elsewhere in the line.
    taken: &'static str,
}

impl Names {
    /// No names yet.
    pub(super) fn new() -> Self {
        Names::besides("")
    }

    /// No names yet but one that is not in the output, unless it is empty.
    #[inline]
    pub(super) fn besides(taken: &'static str) -> Self {
        let marks = if taken.is_empty() { 0 } else { Names::mark(taken.as_bytes()) };
        Names { count: 0, inline: [(0, 0); INLINE], more: Vec::new(), marks, taken }
    }

    /// Makes the name that was just written to `out`, from `start` to its end, unique: appends `#2`, or the next number
    /// that gives a name that was not written yet.
    #[inline]
    pub(super) fn settle(&mut self, out: &mut Vec<u8>, start: usize) {
        let mark = Names::mark(&out[start..]);
        if self.marks & mark != 0 {
            self.number(out, start);
        }
        self.marks |= mark;
        self.remember(start, out.len());
    }

    /// One bit of 64, by the length and the last byte.
    #[inline]
    fn mark(name: &[u8]) -> u64 {
        let last = name.last().copied().unwrap_or_default();
        1 << ((name.len() * 27 + usize::from(last)) % 64)
    }

    /// Appends numbers to the name from `start` until there is no other like it.
    #[cold]
    fn number(&mut self, out: &mut Vec<u8>, start: usize) {
        let end = out.len();
        let mut number = 2_usize;
        while self.written(&out[start..], out) {
            out.truncate(end);
            // Writing to a `Vec` cannot fail.
            let _ = write!(out, "#{number}");
            number += 1;
        }
        self.marks |= Names::mark(&out[start..]);
    }

    fn written(&self, name: &[u8], out: &[u8]) -> bool {
        let is_it = |&(from, to): &(u32, u32)| out.get(from as usize..to as usize) == Some(name);
        (!self.taken.is_empty() && name == self.taken.as_bytes())
            || self.inline[..self.count.min(INLINE)].iter().any(is_it)
            || self.more.iter().any(is_it)
    }

    #[inline]
    fn remember(&mut self, start: usize, end: usize) {
        // A line beyond 4 GiB is not remembered: its later names may repeat.
        let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(end)) else {
            return;
        };
        match self.inline.get_mut(self.count) {
            Some(place) => *place = (start, end),
            None => self.more.push((start, end)),
        }
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_support::{MadeEvent, MadeValue};
    use super::*;

    fn settled(names: &[&str]) -> Vec<String> {
        let (mut out, mut known) = (Vec::new(), Names::new());
        let settle = |name: &&str| {
            let start = out.len();
            out.extend_from_slice(name.as_bytes());
            known.settle(&mut out, start);
            String::from_utf8(out[start..].to_vec()).unwrap()
        };
        names.iter().map(settle).collect()
    }

    #[test]
    fn a_repeated_name_takes_the_next_free_number() {
        assert_eq!(settled(&["x", "y", "x", "x"]), ["x", "y", "x#2", "x#3"]);
        assert_eq!(settled(&["x#2", "x", "x"]), ["x#2", "x", "x#3"]);
        assert_eq!(settled(&["x", "x", "x#2"]), ["x", "x#2", "x#2#2"]);
        assert_eq!(settled(&["", ""]), ["", "#2"]);
    }

    #[test]
    fn names_beyond_the_inline_ones_count_too() {
        let names: Vec<String> = (0..INLINE + 5).map(|number| number.to_string()).collect();
        let twice: Vec<&str> = names.iter().chain(&names).map(String::as_str).collect();
        let mut settled = settled(&twice);
        assert_eq!(settled[INLINE + 5 + 36], "36#2");
        settled.sort();
        settled.dedup();
        assert_eq!(settled.len(), twice.len());
    }

    fn plain(target: &str, names: &[&str]) -> bool {
        let field = |name: &&str| (name.to_string(), MadeValue::Plain(true.into()));
        let event = MadeEvent { target: target.to_owned(), fields: names.iter().map(field).collect() };
        event.with_event(|event| is_plain(event.metadata()))
    }

    #[test]
    fn plain_callsites_are_those_that_need_no_care() {
        assert!(plain("my_crate::module", &["message", "size", "a.b", "a-b", "x1"]));
        assert!(plain("linker", &["size"]));
        for names in [
            &["x", "x"][..],
            &["size", "message"],
            &["message", "message"],
            &["r#type"],
            &["x#2"],
            &["err.sources"],
            &["level"],
            &["context.env"],
            &["field.x"],
            &["größe"],
            &["a b"],
            &["a=b"],
            &["\""],
            &[""],
        ] {
            assert!(!plain("linker", names), "{names:?}");
        }
        for target in ["", "a b", "a=b", "\"", "größe", "1", "true"] {
            assert!(!plain(target, &["size"]), "{target:?}");
        }
    }
}
