//! A list of directives as a value: one level for all targets, or a level per target.
//!
//! It decides as `tracing_subscriber::filter::Targets` does; a property test compares the two. [`parse`](super::parse) reads
//! such a list from text. A list never changes; a [`Dial`](super::Dial) replaces one by another.

use std::cmp::Ordering;
use std::fmt;

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};

use super::decisions::Decisions;
use crate::sync::Arc;

/// A level for all targets, or levels per target. Clones share the remembered decisions.
#[derive(Clone, PartialEq)]
pub(super) struct Directives {
    /// The most verbose level of any target.
    max: LevelFilter,
    /// None for a plain level, which therefore allocates nothing.
    by_target: Option<Arc<TargetLevels>>,
}

impl Directives {
    /// One level for all targets.
    pub(super) fn plain(level: LevelFilter) -> Self {
        Directives { max: level, by_target: None }
    }

    /// The directives of `list`, each a level, with a target or for all targets. Of two with the same target, the later one
    /// counts.
    pub(super) fn from_list<'a>(list: impl IntoIterator<Item = (Option<&'a str>, LevelFilter)>) -> Self {
        let (mut others, mut named) = (LevelFilter::OFF, Vec::new());
        for (target, level) in list {
            match target {
                None => others = level,
                Some(target) => insert(&mut named, TargetLevel { target: target.to_owned(), level }),
            }
        }
        if named.is_empty() {
            return Directives::plain(others);
        }
        Directives::by_target(TargetLevels { others, named, decisions: Decisions::default() })
    }

    fn by_target(levels: TargetLevels) -> Self {
        Directives { max: levels.max_level(), by_target: Some(Arc::new(levels)) }
    }

    /// These directives and one for `target` behind them; the empty target stands for all targets that are not named.
    pub(super) fn with_target(&self, target: &str, level: LevelFilter) -> Self {
        let others = std::iter::once((None, self.level_of_others()));
        let named = self.named().iter().map(|named| (Some(&*named.target), named.level));
        let new = (Some(target).filter(|target| !target.is_empty()), level);
        Directives::from_list(others.chain(named).chain([new]))
    }

    /// For each target the one of both levels that `choose` returns, in as few directives as it takes. `choose` is `Ord::max` or `Ord::min`.
    ///
    /// Between two targets that are named, on either side, the levels of both sides stay the same. So it is enough to ask both about each
    /// named target.
    pub(super) fn combine(&self, other: &Directives, choose: fn(LevelFilter, LevelFilter) -> LevelFilter) -> Self {
        let others = choose(self.level_of_others(), other.level_of_others());
        let mut targets: Vec<&str> = self.named().iter().chain(other.named()).map(|named| &*named.target).collect();
        // The shortest first, so that the directives that decide about a target without one of its own are there before it.
        targets.sort_unstable_by_key(|target| target.len());
        let mut levels = TargetLevels { others, named: Vec::new(), decisions: Decisions::default() };
        for target in targets {
            let level = choose(self.level_for(target), other.level_for(target));
            if levels.level_for(target) != level {
                insert(&mut levels.named, TargetLevel { target: target.to_owned(), level });
            }
        }
        if levels.named.is_empty() { Directives::plain(others) } else { Directives::by_target(levels) }
    }

    fn named(&self) -> &[TargetLevel] {
        self.by_target.as_ref().map_or(&[], |levels| &levels.named)
    }

    /// The level of the targets that are not named.
    fn level_of_others(&self) -> LevelFilter {
        self.by_target.as_ref().map_or(self.max, |levels| levels.others)
    }

    pub(super) fn max_level(&self) -> LevelFilter {
        self.max
    }

    pub(super) fn is_plain(&self) -> bool {
        self.by_target.is_none()
    }

    pub(super) fn level_for(&self, target: &str) -> LevelFilter {
        self.by_target.as_ref().map_or(self.max, |levels| levels.level_for(target))
    }

    #[inline]
    pub(super) fn decide_by_level(&self, level: &Level) -> Option<bool> {
        let wanted = *level <= self.max;
        (!wanted || self.by_target.is_none()).then_some(wanted)
    }

    /// The decision about a callsite whose level does not decide, if it is remembered.
    #[inline]
    pub(super) fn decide_remembered(&self, metadata: &Metadata<'_>) -> Option<bool> {
        self.by_target.as_ref()?.decisions.remembered(metadata)
    }

    #[inline]
    pub(super) fn allows(&self, metadata: &'static Metadata<'static>) -> bool {
        *metadata.level() <= self.max && self.by_target.as_ref().is_none_or(|levels| levels.allows(metadata))
    }

    #[inline]
    pub(super) fn allows_any(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.max && self.by_target.as_ref().is_none_or(|levels| levels.allows_any(metadata))
    }

    pub(super) fn allows_target(&self, level: Level, target: &str) -> bool {
        level <= self.max && level <= self.level_for(target)
    }

    pub(super) fn clamped(&self, ceiling: LevelFilter) -> Directives {
        match &self.by_target {
            _ if self.max <= ceiling => self.clone(),
            None => Directives::plain(ceiling),
            Some(levels) => Directives::by_target(levels.clamped(ceiling)),
        }
    }
}

impl fmt::Display for Directives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.by_target {
            None => self.max.fmt(f),
            Some(levels) => levels.fmt(f),
        }
    }
}

/// A level for each named target, and one for all other targets. At least one target is named.
struct TargetLevels {
    /// OFF if no plain level was in the list.
    others: LevelFilter,
    /// Longest target first, so that the first one that matches is the most specific one. Each target appears once.
    named: Vec<TargetLevel>,
    decisions: Decisions,
}

#[derive(Clone, PartialEq)]
struct TargetLevel {
    target: String,
    level: LevelFilter,
}

impl TargetLevels {
    fn max_level(&self) -> LevelFilter {
        self.named.iter().map(|named| named.level).fold(self.others, LevelFilter::max)
    }

    fn level_for(&self, target: &str) -> LevelFilter {
        let named = self.named.iter().find(|named| target.starts_with(&named.target));
        named.map_or(self.others, |named| named.level)
    }

    /// Never inlined, so that callers whose verbosity is a plain level reserve no registers for this.
    #[inline(never)]
    fn allows(&self, metadata: &'static Metadata<'static>) -> bool {
        self.decisions.of(metadata, |metadata| *metadata.level() <= self.level_for(metadata.target()))
    }

    #[inline]
    fn allows_any(&self, metadata: &Metadata<'_>) -> bool {
        self.decisions.of_any(metadata, |metadata| *metadata.level() <= self.level_for(metadata.target()))
    }

    fn clamped(&self, ceiling: LevelFilter) -> TargetLevels {
        let clamp = |named: &TargetLevel| TargetLevel { level: named.level.min(ceiling), ..named.clone() };
        TargetLevels {
            others: self.others.min(ceiling),
            named: self.named.iter().map(clamp).collect(),
            decisions: Decisions::default(),
        }
    }
}

impl PartialEq for TargetLevels {
    fn eq(&self, other: &Self) -> bool {
        self.others == other.others && self.named == other.named
    }
}

impl fmt::Display for TargetLevels {
    /// Writes the plain level unless it is OFF, then the targets, the least specific first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if self.others != LevelFilter::OFF {
            write!(f, "{}", self.others)?;
            separator = ",";
        }
        for TargetLevel { target, level } in self.named.iter().rev() {
            write!(f, "{separator}{target}={level}")?;
            separator = ",";
        }
        Ok(())
    }
}

/// Inserts `new` where the order wants it, or replaces an earlier entry for the same target.
fn insert(named: &mut Vec<TargetLevel>, new: TargetLevel) {
    match named.binary_search_by(|known| by_specificity(known, &new)) {
        Ok(index) => named[index] = new,
        Err(index) => named.insert(index, new),
    }
}

/// Orders the longest target first. Targets of one length are compared as text only to make the order total: at most one of
/// them can match.
fn by_specificity(left: &TargetLevel, right: &TargetLevel) -> Ordering {
    right.target.len().cmp(&left.target.len()).then_with(|| right.target.cmp(&left.target))
}

#[cfg(test)]
impl Directives {
    pub(super) fn remembers(&self, metadata: &'static Metadata<'static>) -> bool {
        self.by_target.as_ref().is_some_and(|levels| levels.decisions.remembers(metadata))
    }
}
