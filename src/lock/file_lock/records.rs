//! The folder with the records of those who hold a lock: a file for each, which has the holder's token as its name.
//!
//! A record is written under another name and then renamed, so nobody ever reads a part of one. At its release a holder renames its own record to
//! `last`, where whoever held the lock at the same time still finds it.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::at::At;
use super::holder::Holder;
use super::identity::Identity;
use super::lock_file::{beside, careful_options};
use super::mode::Mode;
use super::record::{RECORD_BYTES, Record};
use crate::lock::folders;
use crate::lock::token::Token;

/// Behind the name of a record that is being written.
const UNFINISHED: &str = ".new";

/// The records of one lock.
pub(super) struct Records {
    folder: PathBuf,
}

/// A record, or something else that has the name of one.
pub(super) struct Found {
    pub(super) name: Token,
    /// `None` for what is no record, or cannot be read.
    pub(super) record: Option<Record>,
}

impl Records {
    /// Returns the records of the lock at `path`.
    pub(super) fn of(path: &Path) -> Self {
        Records { folder: beside(path, ".holders") }
    }

    /// Adds a record. Fails with `NotFound` if somebody has removed it meanwhile.
    pub(super) fn write(&self, record: &Record) -> io::Result<()> {
        self.try_write(record).map_err(|error| At::path(&self.folder, error))
    }

    fn try_write(&self, record: &Record) -> io::Result<()> {
        let (path, text) = (self.path(record.token), record.to_text());
        let unfinished = beside(&path, UNFINISHED);
        let written = match write_new(&unfinished, &text) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                folders::create(&self.folder)?;
                write_new(&unfinished, &text)
            }
            result => result,
        };
        let written = written.and_then(|()| fs::rename(&unfinished, &path));
        if written.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        written
    }

    /// Returns all records. With `clear`, which only who holds the lock alone may give, removes those that were never finished.
    pub(super) fn read(&self, clear: bool) -> io::Result<Vec<Found>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|error| At::path(&self.folder, error))?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            // What has another name is not ours.
            let Some(name) = name.to_str() else { continue };
            if let Ok(name) = name.parse() {
                match read_record(&self.path(name)) {
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    record => {
                        // A record says whose it is itself, or it is a copy.
                        let record = record.unwrap_or_default().filter(|record| record.token == name);
                        found.push(Found { name, record });
                    }
                }
            } else if clear && name.strip_suffix(UNFINISHED).is_some_and(|name| name.parse::<Token>().is_ok()) {
                let _ = fs::remove_file(self.folder.join(name));
            }
        }
        Ok(found)
    }

    /// Returns true if the record of `token` is there.
    pub(super) fn has(&self, token: Token) -> io::Result<bool> {
        Identity::at(&self.path(token)).map(|identity| identity.is_some())
    }

    /// Removes a record. Returns true for one caller alone, if several do so at once.
    pub(super) fn remove(&self, token: Token) -> bool {
        fs::remove_file(self.path(token)).is_ok()
    }

    /// Takes away the record of a holder that releases its lock.
    pub(super) fn retire(&self, token: Token) {
        // Who has lost the lock has no record any more. `last` may be that of whoever got it, which others want to read.
        if matches!(self.has(token), Ok(false)) {
            return;
        }
        // ext4 writes a file to the disk at once when it is renamed over another one, which takes ten times as long as all else here.
        let _ = fs::remove_file(self.last());
        if fs::rename(self.path(token), self.last()).is_err() {
            self.remove(token);
        }
    }

    /// Returns who holds the lock on the file that is at `path`, but for `token`.
    pub(super) fn holder(&self, path: &Path, but_for: Option<Token>) -> io::Result<Option<Holder>> {
        let file = Identity::at(path)?;
        let mut holders: Vec<Record> = self.read(false)?.into_iter().filter_map(|found| found.record).collect();
        holders.retain(|record| file.is_some_and(|file| record.is_of(file)));
        holders.retain(|record| Some(record.token) != but_for && !record.is_of_the_dead());
        let alone = holders.iter().find(|record| record.mode == Mode::Exclusive);
        let holder = alone.or_else(|| holders.iter().min_by_key(|record| record.since));
        Ok(holder.map(|record| Holder::new(record, holders.len())))
    }

    /// Returns who got the lock while `held` held it, if its record is still there.
    pub(super) fn successor(&self, path: &Path, held: &Record) -> Option<Holder> {
        let holder = self.holder(path, Some(held.token)).unwrap_or_default();
        holder.or_else(|| {
            let last = read_record(&self.last()).ok()??;
            (!last.is_of(held.file) && last.is_later_than(held)).then(|| Holder::new(&last, 1))
        })
    }

    fn path(&self, token: Token) -> PathBuf {
        self.folder.join(token.to_string())
    }

    fn last(&self) -> PathBuf {
        self.folder.join("last")
    }
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o644);
    options.open(path)?.write_all(text.as_bytes())
}

fn read_record(path: &Path) -> io::Result<Option<Record>> {
    let mut text = String::new();
    match careful_options().read(true).open(path)?.take(RECORD_BYTES).read_to_string(&mut text) {
        Err(error) if error.kind() == ErrorKind::InvalidData => Ok(None),
        read => read.map(|_| Record::parse(&text)),
    }
}
