//! The names of the files of a log that rolls, and the list of those files.
//!
//! What the log `logs/uno.log` rolls by decides the names of its files:
//!
//! | rolls by | files |
//! |---|---|
//! | size | `uno.1.log`, `uno.2.log`, … |
//! | day, hour, minute | `uno.2026-11-26Z.log`, `uno.2026-11-26T00Z.log`, `uno.2026-11-26T00-36Z.log` |
//! | both | `uno.2026-11-26Z.1.log`, `uno.2026-11-26Z.2.log`, … |
//!
//! A compressed file has `.gz` at the end. Otherwise a file keeps its first name: no record moves to another file while somebody reads it,
//! and programs that ship logs, and operators who write a name down, need not know about renaming. The extension stays at the end,
//! so programs that go by extensions still work.
//!
//! A file belongs to a log only if it has exactly such a name, as the log rolls now, with its numbers written in exactly this way.
//! `uno.debug.log` and `uno.1.debug.log` belong to other logs. So do files of the same log from when it rolled by something else.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::period::{Interval, Period};
use crate::file::descriptors::retry_after_parking;

/// The directory of a log, and how its files are named.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::file) struct RolledNames {
    pub(in crate::file) directory: PathBuf,
    stem: OsString,
    extension: Option<OsString>,
    pub(in crate::file) interval: Option<Interval>,
    /// Whether names have an index: the log rolls by size, so a period can have several files.
    pub(in crate::file) indexed: bool,
}

/// Identifies a file of a log. A later file is greater.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(in crate::file) struct FileId {
    pub(in crate::file) period: Option<Period>,
    /// 0 if names have no index.
    pub(in crate::file) index: u64,
}

/// The form that a file of a log has on disk.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(in crate::file) enum FileForm {
    Compressed,
    /// The temporary file of a compression that is under way or was interrupted.
    Partial,
    Plain,
}

/// A file of a log, as it was when the directory was listed.
#[derive(Clone, Debug)]
pub(in crate::file) struct LogFile {
    pub(in crate::file) id: FileId,
    pub(in crate::file) form: FileForm,
    pub(in crate::file) path: PathBuf,
    pub(in crate::file) length: u64,
}

impl RolledNames {
    /// Returns the names for the log `path`. None if `path` has no file name.
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

    /// Returns the name of the file `id`.
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

    /// Returns the path of the log itself, as if it did not roll.
    pub(in crate::file) fn log(&self) -> PathBuf {
        let mut name = self.stem.clone();
        if let Some(extension) = &self.extension {
            name.push(".");
            name.push(extension);
        }
        self.directory.join(name)
    }

    /// Returns the path of the file `id`.
    pub(in crate::file) fn path(&self, id: FileId) -> PathBuf {
        self.directory.join(self.name(id))
    }

    /// Returns the path of the file `id` in another form, such as compressed.
    #[cfg(any(test, fuzzing, feature = "gzip"))]
    pub(in crate::file) fn path_as(&self, id: FileId, form: FileForm) -> PathBuf {
        let mut name = self.name(id);
        name.push(match form {
            FileForm::Plain => "",
            FileForm::Compressed => ".gz",
            FileForm::Partial => ".gz.tmp",
        });
        self.directory.join(name)
    }

    /// Returns the file of this log that has this name.
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

    /// Returns true if a file of this log has this name, or would have it if the log rolled in another way.
    pub(in crate::file) fn ever_named(&self, name: &OsStr) -> bool {
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

    /// Lists the regular files of this log, the oldest first. Links are left out.
    pub(in crate::file) fn list(&self) -> io::Result<Vec<LogFile>> {
        let mut files = Vec::new();
        for entry in retry_after_parking(|| fs::read_dir(&self.directory))? {
            let entry = entry?;
            let Some((id, form)) = self.parse(&entry.file_name()) else { continue };
            // Skip a file that has been removed since: another process removes old files too.
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_file() {
                files.push(LogFile { id, form, path: entry.path(), length: metadata.len() });
            }
        }
        files.sort_unstable_by_key(|file| (file.id, file.form));
        Ok(files)
    }
}

/// Returns the names of all files that the log `name` could have, whatever it rolls by, for one instant and one index.
#[cfg(any(test, fuzzing))]
pub(in crate::file) fn files_of(name: &str, instant: i64, index: u64) -> Vec<String> {
    let intervals = [None, Some(Interval::Minute), Some(Interval::Hour), Some(Interval::Day)];
    let ways = intervals.into_iter().flat_map(|interval| [(interval, false), (interval, true)]);
    let mut files = vec![name.to_owned()];
    for (interval, indexed) in ways.filter(|(interval, indexed)| *indexed || interval.is_some()) {
        let Some(names) = RolledNames::new(Path::new(name), interval, indexed) else { continue };
        let period = interval.map(|interval| Period::at(interval, instant, 0));
        let id = FileId { period, index: if indexed { index } else { 0 } };
        let paths = [FileForm::Plain, FileForm::Compressed, FileForm::Partial].map(|form| names.path_as(id, form));
        files.extend(paths.map(|path| path.to_string_lossy().into_owned()));
    }
    files
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
    fn names_parse_back() {
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
                let full_name = format!("{name}{suffix}");
                assert_eq!(names.parse(OsStr::new(&full_name)), Some((id, form)), "{full_name}");
                assert_eq!(names.path_as(id, form), names.directory.join(full_name));
            }
        }
    }

    #[test]
    fn files_of_other_logs_are_left_out() {
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
