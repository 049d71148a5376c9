//! Directives: a level per target, as text and as decisions.
//!
//! The reading is that of `tracing_subscriber::filter::Targets`, and a property test holds the two together: whatever is
//! accepted here decides as it does there. What `Targets` accepts and reads as nobody means it is refused instead.

use std::cmp::Ordering;
use std::fmt;

use tracing::Metadata;
use tracing::level_filters::LevelFilter;

use super::decisions::Decisions;
use super::fixed::Fixed;
use crate::error::{Error, Kind};

/// A level for each of some targets, and one for all others. At least one target is named.
pub(super) struct Directives {
    /// For the targets that none names: OFF if no plain level was among the directives.
    others: LevelFilter,
    /// Longest target first, so that the first one that matches is the most specific one; each target once.
    named: Vec<Directive>,
    decisions: Decisions,
}

#[derive(Clone, PartialEq)]
struct Directive {
    target: String,
    level: LevelFilter,
}

impl Directives {
    pub(super) fn max_level(&self) -> LevelFilter {
        self.named.iter().map(|directive| directive.level).fold(self.others, LevelFilter::max)
    }

    pub(super) fn level_for(&self, target: &str) -> LevelFilter {
        let named = self.named.iter().find(|directive| target.starts_with(&directive.target));
        named.map_or(self.others, |directive| directive.level)
    }

    /// Out of line, so that a plain level costs its callers no registers.
    #[inline(never)]
    pub(super) fn allows(&self, metadata: &'static Metadata<'static>) -> bool {
        self.decisions.of(metadata, |metadata| *metadata.level() <= self.level_for(metadata.target()))
    }

    #[inline]
    pub(super) fn allows_any(&self, metadata: &Metadata<'_>) -> bool {
        self.decisions.of_any(metadata, |metadata| *metadata.level() <= self.level_for(metadata.target()))
    }

    pub(super) fn clamped(&self, ceiling: LevelFilter) -> Directives {
        let clamp = |directive: &Directive| Directive { level: directive.level.min(ceiling), ..directive.clone() };
        Directives {
            others: self.others.min(ceiling),
            named: self.named.iter().map(clamp).collect(),
            decisions: Decisions::default(),
        }
    }
}

impl PartialEq for Directives {
    fn eq(&self, other: &Self) -> bool {
        self.others == other.others && self.named == other.named
    }
}

impl fmt::Display for Directives {
    /// The plain level, if it is not OFF, then the targets, the least specific first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if self.others != LevelFilter::OFF {
            write!(f, "{}", self.others)?;
            separator = ",";
        }
        for Directive { target, level } in self.named.iter().rev() {
            write!(f, "{separator}{target}={level}")?;
            separator = ",";
        }
        Ok(())
    }
}

/// Reads a list of directives.
pub(super) fn parse(text: &str) -> Result<Fixed, Error> {
    if text.trim().is_empty() {
        return Err(Error::new(Kind::Parse, format!("the verbosity is empty; {LEVEL}, as in `info,hyper=warn`")));
    }
    let mut plain = None;
    let mut named = Vec::new();
    for (index, part) in text.split(',').enumerate() {
        match parse_part(part.trim()) {
            Ok((None, level)) => plain = Some(level),
            Ok((Some(target), level)) => insert(&mut named, Directive { target: target.to_owned(), level }),
            Err(problem) => return Err(in_part(text, index, part.trim(), &problem)),
        }
    }
    let others = plain.unwrap_or(LevelFilter::OFF);
    Ok(if named.is_empty() {
        Fixed::plain(others)
    } else {
        Fixed::with_directives(Directives { others, named, decisions: Decisions::default() })
    })
}

/// Reads one directive: its target, if it names one, and its level.
fn parse_part(part: &str) -> Result<(Option<&str>, LevelFilter), String> {
    if part.is_empty() {
        return Err("nothing stands there; remove the comma, or give a directive such as `hyper=warn`".to_owned());
    }
    if part.contains(['[', ']', '{', '}']) {
        return Err("spans and fields cannot be named, only targets, as in `hyper=warn`".to_owned());
    }
    let Some((target, level)) = part.split_once('=') else {
        return match part.parse() {
            Ok(level) => Ok((None, level)),
            Err(_) if part.bytes().all(|byte| byte.is_ascii_digit()) => Err(not_a_level(part)),
            Err(_) => lone_target(part).map(|target| (Some(target), LevelFilter::TRACE)),
        };
    };
    let (target, level) = (target.trim_end(), level.trim_start());
    if target.is_empty() {
        return Err("no target stands before the `=`; for all targets, give the level alone, as in `info`".to_owned());
    }
    if target.contains(';') {
        return Err("a `;` separates nothing; separate directives with commas".to_owned());
    }
    if level.contains('=') {
        return Err("there is more than one `=`; separate directives with commas".to_owned());
    }
    // The parser of `LevelFilter` takes the empty text for ERROR.
    match level.parse() {
        Ok(level_filter) if !level.is_empty() => Ok((Some(target), level_filter)),
        _ => Err(not_a_level(level)),
    }
}

/// A target that stands alone, for all of its levels. Refused where it looks like something else: read as a target, a slip would
/// silence everything that it does not name.
fn lone_target(part: &str) -> Result<&str, String> {
    let odd = |c: char| c.is_whitespace() || matches!(c, ';' | '/' | '*' | '|' | '"' | '\'');
    if part.contains(odd) || part.starts_with('-') || part.replace("::", "").contains(':') {
        return Err(format!(
            "{part:?} is neither a level nor a target; {LEVEL}, or a target and its level, as in `hyper=warn`"
        ));
    }
    match meant_level(&part.to_ascii_lowercase()) {
        Some(level) => Err(format!(
            "{part:?} is not a level; did you mean `{level}`? (For a target that is called so, give its level: `{part}=trace`)"
        )),
        None => Ok(part),
    }
}

/// The level that `word` is one slip from, or another word for.
fn meant_level(word: &str) -> Option<&'static str> {
    match word {
        "err" | "errors" | "fatal" | "critical" => return Some("error"),
        "warning" | "warnings" => return Some("warn"),
        "information" | "notice" | "normal" | "default" => return Some("info"),
        "verbose" => return Some("debug"),
        "all" | "max" | "everything" => return Some("trace"),
        "quiet" | "silent" | "none" | "no" | "false" | "disabled" => return Some("off"),
        _ => {}
    }
    ["error", "warn", "info", "debug", "trace"].into_iter().find(|level| is_one_slip_from(word, level))
}

/// True if a character was left out, put in, exchanged, or swapped with its neighbour.
fn is_one_slip_from(word: &str, meant: &str) -> bool {
    let (word, meant) = (word.as_bytes(), meant.as_bytes());
    let same = word.iter().zip(meant).take_while(|(a, b)| a == b).count();
    let (word, meant) = (&word[same..], &meant[same..]);
    match (word, meant) {
        ([], [_]) | ([_], []) => true,
        ([a, b, rest @ ..], [c, d, others @ ..]) if a == d && b == c && rest == others => true,
        ([_, rest @ ..], [_, others @ ..]) if rest == others => true,
        ([_, rest @ ..], others) if rest == others => true,
        (rest, [_, others @ ..]) if rest == others => true,
        _ => false,
    }
}

/// What a level is, in the texts of errors.
const LEVEL: &str = "give a level: off, error, warn, info, debug or trace, or a number from 0 (off) to 5 (trace)";

fn not_a_level(text: &str) -> String {
    format!("{text:?} is not a level; {LEVEL}")
}

#[cold]
fn in_part(text: &str, index: usize, part: &str, problem: &str) -> Error {
    Error::new(Kind::Parse, format!("in the verbosity {text:?}, directive {} ({part:?}): {problem}", index + 1))
}

/// Puts `directive` in its place, or in that of an earlier one for the same target.
fn insert(named: &mut Vec<Directive>, directive: Directive) {
    match named.binary_search_by(|other| by_specificity(other, &directive)) {
        Ok(index) => named[index] = directive,
        Err(index) => named.insert(index, directive),
    }
}

/// The longest target first. The text decides between targets of one length only so that the order is total: at most one
/// of them can match.
fn by_specificity(left: &Directive, right: &Directive) -> Ordering {
    let key = |directive: &Directive| directive.target.len();
    key(right).cmp(&key(left)).then_with(|| right.target.cmp(&left.target))
}

#[cfg(test)]
impl Directives {
    pub(super) fn remembers(&self, metadata: &'static Metadata<'static>) -> bool {
        self.decisions.remembers(metadata)
    }
}
