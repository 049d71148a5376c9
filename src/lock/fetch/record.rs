//! The record beside an entry: how many times it was begun to be made, and what is there.
//!
//! # Who is served by whose work
//!
//! `FetchPolicy::Always` wants an entry that began to be made after the call. No clock tells that, so the makes of a key have numbers, which
//! rise. Whoever makes takes the next number under the lock of the key, and writes it down *before* it begins. A call reads the number before it
//! waits for the lock. A make with a greater number has begun after that.
//!
//! Somebody may delete the record, together with the cache or alone, and then the numbers begin again. So each series has a name, its `line`,
//! and no record of an older line is ever written over a newer one:
//!
//! | the call has read | later there is | the entry |
//! |---|---|---|
//! | line L, number n | line L, the entry's number is above n | began after the call |
//! | no record | an entry of any line | began after the call: so did the line |
//! | something that could not be read | an entry of any line | may have begun before |
//! | line L, number n | line L, the entry's number is n or less; or another line | may have begun before |
//! | anything | no record, or a line without entry | may have begun before |
//!
//! The record is replaced by `rename`, but not synced. If a power cut leaves no record, or none that can be read, then the entry is made again
//! where its number or age matters.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::fmt::Write as _;
use std::fs::{self, File, Metadata};
use std::hash::BuildHasher as _;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::digest::Digest;
use super::moment::{Moment, Run};
use crate::lock::publish::Temporary;

/// The first line of the file.
const FORMAT: &str = "logscope-fetch 1";

/// The most bytes of a record that are read.
const LONGEST: u64 = 4 << 10;

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Record {
    /// The name of the series of numbers.
    line: u64,
    /// The number of the last make that has begun.
    begun: u64,
    entry: Option<Entry>,
}

/// What is known of an entry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Entry {
    /// The number of the make that it is of.
    number: u64,
    pub(super) made: Moment,
    pub(super) verified: Option<Verified>,
}

/// A digest that the entry had while it looked like this. What looks the same is taken to be the same.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Verified {
    pub(super) digest: Digest,
    length: u64,
    /// Nanoseconds since 1970.
    modified: u128,
}

impl Verified {
    pub(super) fn new(digest: Digest, metadata: &Metadata) -> Option<Self> {
        let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
        Some(Verified { digest, length: metadata.len(), modified })
    }
}

/// What a call has read before it waited for the lock.
#[derive(Clone, Copy, Debug)]
pub(super) enum Seen {
    /// There was no record, or none that says anything.
    Nothing,
    /// The number of the last make that had begun.
    Begun(Number),
    /// Nobody knows: reading failed.
    Unknown,
}

/// The number of a make.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Number {
    line: u64,
    number: u64,
}

impl Seen {
    pub(super) fn read(path: &Path) -> Self {
        match Record::try_read(path) {
            Ok(None) => Seen::Nothing,
            Ok(Some(record)) => Seen::Begun(Number { line: record.line, number: record.begun }),
            Err(_) => Seen::Unknown,
        }
    }

    /// Returns true if what was made with the number `made` began to be made after this was read.
    fn is_before(self, made: Number) -> bool {
        match self {
            Seen::Nothing => true,
            Seen::Begun(seen) => seen.line == made.line && seen.number < made.number,
            Seen::Unknown => false,
        }
    }
}

impl Record {
    /// Reads the record. None if there is none that can be read: then nothing is known of the entry.
    pub(super) fn read(path: &Path) -> Option<Self> {
        Record::try_read(path).unwrap_or_default()
    }

    /// Reads the record. None if there certainly is none.
    fn try_read(path: &Path) -> io::Result<Option<Self>> {
        let mut text = String::new();
        match File::open(path).and_then(|file| file.take(LONGEST).read_to_string(&mut text)) {
            Ok(_) => Ok(Record::parse(&text)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidData) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the entry, if it began to be made after `seen` was read.
    pub(super) fn is_entry_after(&self, seen: Seen) -> bool {
        self.entry.as_ref().is_some_and(|entry| seen.is_before(Number { line: self.line, number: entry.number }))
    }

    pub(super) fn entry(&self) -> Option<&Entry> {
        self.entry.as_ref()
    }

    /// Takes the next number, and writes it down. Call it under the lock of the key, before the make begins.
    pub(super) fn begin(path: &Path) -> io::Result<Number> {
        let mut record = Record::read(path).unwrap_or_else(|| Record { line: new_line(), begun: 0, entry: None });
        record.begun += 1;
        record.write(path)?;
        Ok(Number { line: record.line, number: record.begun })
    }

    /// Writes down that the entry is that of the make `number`. Call it under the lock of the key, after the entry is in place. Nothing is written if
    /// the record is of another line, or if another make has begun: somebody has deleted the record or the lock meanwhile.
    pub(super) fn finish(path: &Path, number: Number, made: Moment, verified: Option<Verified>) -> io::Result<()> {
        match Record::read(path) {
            Some(mut record) if (record.line, record.begun) == (number.line, number.number) => {
                record.entry = Some(Entry { number: number.number, made, verified });
                record.write(path)
            }
            _ => Ok(()),
        }
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut temporary = Temporary::new_in(folder, None)?;
        temporary.file().write_all(self.to_text().as_bytes())?;
        temporary.publish_as(path)
    }

    fn to_text(&self) -> String {
        let mut text = format!("{FORMAT}\nline {:016x}\nbegun {}\n", self.line, self.begun);
        // Writing to a `String` does not fail.
        if let Some(entry) = &self.entry {
            let _ = writeln!(text, "entry {}\nmade {}", entry.number, entry.made.wall);
            if let Some(run) = &entry.made.run {
                let _ = writeln!(text, "run {} {}", run.name, run.at);
            }
            if let Some(Verified { digest, length, modified }) = &entry.verified {
                let _ = writeln!(text, "sha256 {digest} {length} {modified}");
            }
        }
        text.push_str("end\n");
        text
    }

    fn parse(text: &str) -> Option<Self> {
        // The last line says that nothing is missing.
        let text = text.strip_prefix(FORMAT)?.strip_prefix('\n')?.strip_suffix("end\n")?;
        let fields: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once(' ')).collect();
        let number = |name: &str| fields.get(name)?.parse::<u64>().ok();
        let entry = match fields.get("entry") {
            None => None,
            Some(_) => Some(Entry {
                number: number("entry")?,
                made: Moment { wall: number("made")?, run: fields.get("run").and_then(|text| parse_run(text)) },
                verified: fields.get("sha256").and_then(|text| parse_verified(text)),
            }),
        };
        Some(Record { line: u64::from_str_radix(fields.get("line")?, 16).ok()?, begun: number("begun")?, entry })
    }
}

fn parse_run(text: &str) -> Option<Run> {
    let (name, at) = text.split_once(' ')?;
    Some(Run { name: name.to_owned(), at: at.parse().ok()? })
}

fn parse_verified(text: &str) -> Option<Verified> {
    let mut parts = text.split(' ');
    let mut part = || parts.next();
    Some(Verified { digest: part()?.parse().ok()?, length: part()?.parse().ok()?, modified: part()?.parse().ok()? })
}

/// Returns a number that no other line has.
fn new_line() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // Its keys are random, once for each process, and differ from call to call.
    RandomState::new().hash_one((std::process::id(), since))
}

/// Returns the digest of the file at `path`, and what it looks like.
pub(super) fn verify(path: &Path) -> io::Result<(Digest, Option<Verified>)> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let digest = Digest::of(&file)?;
    Ok((digest, Verified::new(digest, &metadata)))
}

/// Returns true if the file at `path` looks as it did when `verified` was noted.
pub(super) fn looks_as(path: &Path, verified: &Verified) -> bool {
    fs::metadata(path).is_ok_and(|metadata| Verified::new(verified.digest, &metadata).as_ref() == Some(verified))
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;
