//! The files of a log that rolls, by their names.
//!
//! The log `logs/uno.log` is in files that are called, by what it rolls by,
//!
//! | rolls by | files |
//! |---|---|
//! | size | `uno.1.log`, `uno.2.log`, … |
//! | day, hour, minute | `uno.2026-11-26Z.log`, `uno.2026-11-26T00Z.log`, `uno.2026-11-26T00-36Z.log` |
//! | both | `uno.2026-11-26Z.1.log`, `uno.2026-11-26Z.2.log`, … |
//!
//! and with `.gz` behind that when they are compressed. A file has its name from the beginning and keeps it: no record moves
//! from file to file while somebody reads, and a program that ships logs, or an operator who writes a name down, never has to
//! know about renaming. The extension stays at the end, so what goes by extensions goes on doing so.
//!
//! What is of this log is what is called exactly so: as the log rolls now, with no number written in another way. `uno.debug.log`
//! and `uno.1.debug.log` are others', and so is what the same log had when it rolled by something else.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::period::{Interval, Period};
use crate::file::descriptors::or_park;

/// A log's place, and how its files are called.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::file) struct RolledNames {
    pub(in crate::file) directory: PathBuf,
    stem: OsString,
    extension: Option<OsString>,
    pub(in crate::file) interval: Option<Interval>,
    /// Whether there can be several in a period.
    pub(in crate::file) indexed: bool,
}

/// Which file of a log; a later one is greater.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(in crate::file) struct FileId {
    pub(in crate::file) period: Option<Period>,
    /// 0 where there is no index in the name.
    pub(in crate::file) index: u64,
}

/// What a file of a log is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(in crate::file) enum FileForm {
    Compressed,
    /// What a compression has that did not come to its end.
    Partial,
    Plain,
}

/// A file of a log, as it was found.
#[derive(Clone, Debug)]
pub(in crate::file) struct LogFile {
    pub(in crate::file) id: FileId,
    pub(in crate::file) form: FileForm,
    pub(in crate::file) path: PathBuf,
    pub(in crate::file) length: u64,
}

impl RolledNames {
    /// The names of the log `path`; none if that is not a path of a file.
    pub(in crate::file) fn new(path: &Path, interval: Option<Interval>, indexed: bool) -> Option<Self> {
        path.file_name()?;
        Some(RolledNames {
            directory: path.parent()?.to_owned(),
            stem: path.file_stem()?.to_owned(),
            extension: path.extension().map(OsStr::to_owned),
            interval,
            indexed,
        })
    }

    /// What the file `id` is called.
    pub(in crate::file) fn name(&self, id: FileId) -> OsString {
        let mut name = self.stem.clone();
        if let (Some(interval), Some(period)) = (self.interval, id.period) {
            name.push(".");
            name.push(period.name(interval));
        }
        if self.indexed {
            name.push(format!(".{}", id.index));
        }
        if let Some(extension) = &self.extension {
            name.push(".");
            name.push(extension);
        }
        name
    }

    /// The path by which the log is known.
    pub(in crate::file) fn log(&self) -> PathBuf {
        let mut name = self.stem.clone();
        if let Some(extension) = &self.extension {
            name.push(".");
            name.push(extension);
        }
        self.directory.join(name)
    }

    /// Where the file `id` is.
    pub(in crate::file) fn path(&self, id: FileId) -> PathBuf {
        self.directory.join(self.name(id))
    }

    /// Where the file `id` is when it is compressed, or while it is being compressed.
    #[cfg(any(test, feature = "gzip"))]
    pub(in crate::file) fn path_as(&self, id: FileId, form: FileForm) -> PathBuf {
        let mut name = self.name(id);
        name.push(match form {
            FileForm::Plain => "",
            FileForm::Compressed => ".gz",
            FileForm::Partial => ".gz.tmp",
        });
        self.directory.join(name)
    }

    /// Which file of this log is called so.
    pub(in crate::file) fn parse(&self, name: &OsStr) -> Option<(FileId, FileForm)> {
        let name = name.as_encoded_bytes();
        let (name, form) = match (name.strip_suffix(b".gz"), name.strip_suffix(b".gz.tmp")) {
            // A log whose own extension is `gz` is compressed to `.gz.gz`.
            _ if self.parse_plain(name).is_some() => (name, FileForm::Plain),
            (Some(name), _) => (name, FileForm::Compressed),
            (_, Some(name)) => (name, FileForm::Partial),
            _ => return None,
        };
        self.parse_plain(name).map(|id| (id, form))
    }

    /// True if a file of this log is called so, or was when it rolled in another way.
    pub(in crate::file) fn was_ever(&self, name: &OsStr) -> bool {
        [None, Some(Interval::Minute), Some(Interval::Hour), Some(Interval::Day)].into_iter().any(|interval| {
            [false, true].into_iter().any(|indexed| {
                (indexed || interval.is_some())
                    && RolledNames { interval, indexed, ..self.clone() }.parse(name).is_some()
            })
        })
    }

    fn parse_plain(&self, name: &[u8]) -> Option<FileId> {
        let name = name.strip_prefix(self.stem.as_encoded_bytes())?.strip_prefix(b".")?;
        let middle = match &self.extension {
            Some(extension) => name.strip_suffix(extension.as_encoded_bytes())?.strip_suffix(b".")?,
            None => name,
        };
        let middle = str::from_utf8(middle).ok()?;
        let (period, index) = match (self.interval, self.indexed) {
            (Some(_), true) => middle.rsplit_once('.').map(|(period, index)| (Some(period), Some(index)))?,
            (Some(_), false) => (Some(middle), None),
            (None, _) => (None, Some(middle)),
        };
        let period = match (self.interval, period) {
            (Some(interval), Some(period)) => Some(Period::parse(interval, period)?),
            _ => None,
        };
        let index = match index {
            Some(text) => text.parse::<u64>().ok().filter(|index| *index > 0 && index.to_string() == text)?,
            None => 0,
        };
        Some(FileId { period, index })
    }

    /// The files of this log that there are, the oldest first: regular ones, no links.
    pub(in crate::file) fn list(&self) -> io::Result<Vec<LogFile>> {
        let mut members = Vec::new();
        for entry in or_park(|| fs::read_dir(&self.directory))? {
            let entry = entry?;
            let Some((id, form)) = self.parse(&entry.file_name()) else { continue };
            // It may be gone by now: another process removes old ones too.
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_file() {
                members.push(LogFile { id, form, path: entry.path(), length: metadata.len() });
            }
        }
        members.sort_unstable_by_key(|member| (member.id, member.form));
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Option<Interval> = Some(Interval::Day);

    fn names(path: &str, interval: Option<Interval>, indexed: bool) -> RolledNames {
        RolledNames::new(Path::new(path), interval, indexed).unwrap()
    }

    fn id(day: Option<&str>, index: u64) -> FileId {
        FileId { period: day.map(|day| Period::parse(Interval::Day, day).unwrap()), index }
    }

    #[test]
    fn names_are_read_back() {
        let day = Some("2026-11-26Z");
        for (path, interval, indexed, id, name) in [
            ("logs/uno.log", None, true, id(None, 1), "uno.1.log"),
            ("logs/uno.log", DAY, false, id(day, 0), "uno.2026-11-26Z.log"),
            ("logs/uno.log", DAY, true, id(day, 12), "uno.2026-11-26Z.12.log"),
            ("uno", None, true, id(None, u64::MAX), "uno.18446744073709551615"),
            (".uno", DAY, false, id(day, 0), ".uno.2026-11-26Z"),
            ("uno.tar.gz", None, true, id(None, 3), "uno.tar.3.gz"),
        ] {
            let names = names(path, interval, indexed);
            assert_eq!(names.name(id), name);
            for (suffix, form) in [("", FileForm::Plain), (".gz", FileForm::Compressed), (".gz.tmp", FileForm::Partial)]
            {
                let called = format!("{name}{suffix}");
                assert_eq!(names.parse(OsStr::new(&called)), Some((id, form)), "{called}");
                assert_eq!(names.path_as(id, form), names.directory.join(called));
            }
        }
    }

    #[test]
    fn others_files_are_not_ours() {
        let (sized, daily, both) =
            (names("uno.log", None, true), names("uno.log", DAY, false), names("uno.log", DAY, true));
        for (names, others) in [
            (
                &sized,
                &[
                    "uno.log",
                    "uno.0.log",
                    "uno.01.log",
                    "uno.+1.log",
                    "uno.1.debug.log",
                    "uno.debug.1.log",
                    "due.1.log",
                    "uno.1.log.bak",
                    "uno.1.log.gz.gz",
                    "uno.1.txt",
                    "uno.18446744073709551616.log",
                    "uno..log",
                    "uno1.log",
                    "uno.2026-11-26Z.log",
                    "uno.2026-11-26Z.1.log",
                    "UNO.1.log",
                    "uno.1 .log",
                ][..],
            ),
            (
                &daily,
                &[
                    "uno.log",
                    "uno.1.log",
                    "uno.2026-11-26.log",
                    "uno.2026-11-26T00Z.log",
                    "uno.2026-11-26Z.1.log",
                    "uno.debug.2026-11-26Z.log",
                ],
            ),
            (&both, &["uno.1.log", "uno.2026-11-26Z.log", "uno.2026-11-26Z.0.log", "uno.2026-11-26Z.1.1.log"]),
        ] {
            for other in others {
                assert_eq!(names.parse(OsStr::new(other)), None, "{other}");
            }
        }
    }

    #[test]
    fn later_files_are_greater() {
        let mut ids = [
            id(Some("2026-11-26Z"), 2),
            id(Some("2026-11-26Z"), 10),
            id(Some("2026-11-26+0200"), 3),
            id(Some("2026-11-25Z"), 11),
            id(Some("2026-11-26-0100"), 1),
        ];
        ids.sort_unstable();
        let indices: Vec<_> = ids.iter().map(|id| id.index).collect();
        assert_eq!(indices, [11, 3, 2, 10, 1]);
    }

    #[test]
    fn a_path_without_a_file_name_has_no_names() {
        for path in ["/", "..", "logs/.."] {
            assert_eq!(RolledNames::new(Path::new(path), DAY, false), None, "{path}");
        }
    }
}
