//! What was counted, as plain data.

use std::fmt;

use tracing::Level;

use crate::format::escape::shown;

/// Lists the events that reached the process default while other contexts were alive; from [`unclaimed`](crate::unclaimed()).
///
/// Its `Display` is a table for people.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct UnclaimedReport {
    /// How many such events there were.
    pub total: u64,
    /// The events by place and thread, those with the highest count first.
    pub entries: Vec<UnclaimedEntry>,
    /// How many of the events are in no entry, because there were too many places, or a `log` record had too long a name.
    pub unlisted: u64,
}

/// Counts the unclaimed events of one place in one thread, or in threads of one name; in an [`UnclaimedReport`].
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct UnclaimedEntry {
    /// The target.
    pub target: String,
    /// The level.
    #[cfg_attr(feature = "serde", serde(with = "level"))]
    pub level: Level,
    /// The source file of the log call.
    pub file: Option<String>,
    /// The line of the log call in that file.
    pub line: Option<u32>,
    /// The name of the thread or, if it has none, its id as `ThreadId(2)`. Threads of one name have one entry. `None` for all threads that have no entry of their own.
    pub thread: Option<String>,
    /// How many events there were.
    pub count: u64,
}

#[cfg(feature = "serde")]
mod level {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};
    use tracing::Level;

    pub(super) fn serialize<S: Serializer>(level: &Level, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&level.as_str().to_ascii_lowercase())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Level, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|_| D::Error::custom("a level is error, warn, info, debug or trace"))
    }
}

impl UnclaimedReport {
    pub(super) fn new(mut entries: Vec<UnclaimedEntry>, unlisted: u64) -> Self {
        entries.sort_by(|a, b| a.place().cmp(&b.place()));
        // Threads of one name, such as the workers of a pool, are one entry: nobody could tell two of them apart.
        entries.dedup_by(|next, kept| {
            let is_same = next.place() == kept.place();
            if is_same {
                kept.count = kept.count.saturating_add(next.count);
            }
            is_same
        });
        // Stable, so entries with the same count stay in the order of their places.
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.count));
        let listed = entries.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.count));
        UnclaimedReport { total: listed.saturating_add(unlisted), entries, unlisted }
    }
}

impl UnclaimedEntry {
    /// All but the count.
    fn place(&self) -> (&str, Option<&str>, Option<u32>, Option<&str>, Level) {
        (&self.target, self.file.as_deref(), self.line, self.thread.as_deref(), self.level)
    }
}

impl fmt::Display for UnclaimedEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.count, self.level, shown(&self.target))?;
        if let Some(file) = &self.file {
            write!(f, " at {}", shown(file))?;
            if let Some(line) = self.line {
                write!(f, ":{line}")?;
            }
        }
        match &self.thread {
            Some(thread) => write!(f, " in thread {}", shown(thread)),
            None => f.write_str(" in other threads"),
        }
    }
}

impl fmt::Display for UnclaimedReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events = if self.total == 1 { "event" } else { "events" };
        write!(f, "{} unclaimed {events}", self.total)?;
        let width = self.entries.first().map_or(1, |entry| entry.count.to_string().len());
        for entry in &self.entries {
            let text = entry.to_string();
            let (count, place) = text.split_once(' ').unwrap_or((&text, ""));
            write!(f, "\n  {count:>width$} × {place}")?;
        }
        if self.unlisted > 0 {
            write!(f, "\n  {:>width$} × elsewhere", self.unlisted)?;
        }
        Ok(())
    }
}
