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

use super::descriptors::or_park;
use super::period::{Period, Span};

/// A log's place, and how its files are called.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Names {
    pub(super) directory: PathBuf,
    stem: OsString,
    extension: Option<OsString>,
    pub(super) span: Option<Span>,
    /// Whether there can be several in a period.
    pub(super) indexed: bool,
}

/// Which file of a log; a later one is greater.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Id {
    pub(super) period: Option<Period>,
    /// 0 where there is no index in the name.
    pub(super) index: u64,
}

/// What a file of a log is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Form {
    Compressed,
    /// What a compression has that did not come to its end.
    Partial,
    Plain,
}

/// A file of a log, as it was found.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) id: Id,
    pub(super) form: Form,
    pub(super) path: PathBuf,
    pub(super) length: u64,
}

impl Names {
    /// The names of the log `path`; none if that is not a path of a file.
    pub(super) fn new(path: &Path, span: Option<Span>, indexed: bool) -> Option<Self> {
        path.file_name()?;
        Some(Names {
            directory: path.parent()?.to_owned(),
            stem: path.file_stem()?.to_owned(),
            extension: path.extension().map(OsStr::to_owned),
            span,
            indexed,
        })
    }

    /// What the file `id` is called.
    pub(super) fn name(&self, id: Id) -> OsString {
        let mut name = self.stem.clone();
        if let (Some(span), Some(period)) = (self.span, id.period) {
            name.push(".");
            name.push(period.name(span));
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
    pub(super) fn log(&self) -> PathBuf {
        let mut name = self.stem.clone();
        if let Some(extension) = &self.extension {
            name.push(".");
            name.push(extension);
        }
        self.directory.join(name)
    }

    /// Where the file `id` is.
    pub(super) fn path(&self, id: Id) -> PathBuf {
        self.directory.join(self.name(id))
    }

    /// Where the file `id` is when it is compressed, or while it is being compressed.
    #[cfg(any(test, feature = "gzip"))]
    pub(super) fn path_as(&self, id: Id, form: Form) -> PathBuf {
        let mut name = self.name(id);
        name.push(match form {
            Form::Plain => "",
            Form::Compressed => ".gz",
            Form::Partial => ".gz.tmp",
        });
        self.directory.join(name)
    }

    /// Which file of this log is called so.
    pub(super) fn parse(&self, name: &OsStr) -> Option<(Id, Form)> {
        let name = name.as_encoded_bytes();
        let (name, form) = match (name.strip_suffix(b".gz"), name.strip_suffix(b".gz.tmp")) {
            // A log whose own extension is `gz` is compressed to `.gz.gz`.
            _ if self.parse_plain(name).is_some() => (name, Form::Plain),
            (Some(name), _) => (name, Form::Compressed),
            (_, Some(name)) => (name, Form::Partial),
            _ => return None,
        };
        self.parse_plain(name).map(|id| (id, form))
    }

    /// True if a file of this log is called so, or was when it rolled in another way.
    pub(super) fn was_ever(&self, name: &OsStr) -> bool {
        [None, Some(Span::Minute), Some(Span::Hour), Some(Span::Day)].into_iter().any(|span| {
            [false, true].into_iter().any(|indexed| {
                (indexed || span.is_some()) && Names { span, indexed, ..self.clone() }.parse(name).is_some()
            })
        })
    }

    fn parse_plain(&self, name: &[u8]) -> Option<Id> {
        let name = name.strip_prefix(self.stem.as_encoded_bytes())?.strip_prefix(b".")?;
        let middle = match &self.extension {
            Some(extension) => name.strip_suffix(extension.as_encoded_bytes())?.strip_suffix(b".")?,
            None => name,
        };
        let middle = str::from_utf8(middle).ok()?;
        let (period, index) = match (self.span, self.indexed) {
            (Some(_), true) => middle.rsplit_once('.').map(|(period, index)| (Some(period), Some(index)))?,
            (Some(_), false) => (Some(middle), None),
            (None, _) => (None, Some(middle)),
        };
        let period = match (self.span, period) {
            (Some(span), Some(period)) => Some(Period::parse(span, period)?),
            _ => None,
        };
        let index = match index {
            Some(text) => text.parse::<u64>().ok().filter(|index| *index > 0 && index.to_string() == text)?,
            None => 0,
        };
        Some(Id { period, index })
    }

    /// The files of this log that there are, the oldest first: regular ones, no links.
    pub(super) fn list(&self) -> io::Result<Vec<Member>> {
        let mut members = Vec::new();
        for entry in or_park(|| fs::read_dir(&self.directory))? {
            let entry = entry?;
            let Some((id, form)) = self.parse(&entry.file_name()) else { continue };
            // It may be gone by now: another process removes old ones too.
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_file() {
                members.push(Member { id, form, path: entry.path(), length: metadata.len() });
            }
        }
        members.sort_unstable_by_key(|member| (member.id, member.form));
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Option<Span> = Some(Span::Day);

    fn names(path: &str, span: Option<Span>, indexed: bool) -> Names {
        Names::new(Path::new(path), span, indexed).unwrap()
    }

    fn id(day: Option<&str>, index: u64) -> Id {
        Id { period: day.map(|day| Period::parse(Span::Day, day).unwrap()), index }
    }

    #[test]
    fn names_are_read_back() {
        let day = Some("2026-11-26Z");
        for (path, span, indexed, id, name) in [
            ("logs/uno.log", None, true, id(None, 1), "uno.1.log"),
            ("logs/uno.log", DAY, false, id(day, 0), "uno.2026-11-26Z.log"),
            ("logs/uno.log", DAY, true, id(day, 12), "uno.2026-11-26Z.12.log"),
            ("uno", None, true, id(None, u64::MAX), "uno.18446744073709551615"),
            (".uno", DAY, false, id(day, 0), ".uno.2026-11-26Z"),
            ("uno.tar.gz", None, true, id(None, 3), "uno.tar.3.gz"),
        ] {
            let names = names(path, span, indexed);
            assert_eq!(names.name(id), name);
            for (suffix, form) in [("", Form::Plain), (".gz", Form::Compressed), (".gz.tmp", Form::Partial)] {
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
            assert_eq!(Names::new(Path::new(path), DAY, false), None, "{path}");
        }
    }
}
