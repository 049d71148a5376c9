//! The errors of documents.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::header::{Fault, Header, Stamp};
use crate::error::{Error, ErrorKind};
use crate::lock::Shown;

#[cold]
pub(super) fn misplaced(path: &Path, why: impl Display) -> Error {
    Error::new(ErrorKind::Store, format!("cannot open the document {}: {why}", path.display()))
}

/// Something is wrong with what the program gives with the document.
#[cold]
pub(super) fn not_opened(path: &Path, error: Error) -> Error {
    error.preceded_by(format_args!("cannot open the document {}", path.display()))
}

#[cold]
pub(super) fn unreadable(path: &Path, error: io::Error) -> Error {
    Error::from_io(ErrorKind::Store, format!("cannot read the document {}", path.display()), error)
}

#[cold]
pub(super) fn faulty(path: &Path, fault: Fault) -> Error {
    let path = path.display();
    let text = match fault {
        Fault::Foreign => format!(
            "{path} is no document of a store: something else has written it; name another file, or move this one away"
        ),
        Fault::Newer(format) => {
            format!("{path} was written by a later version of logscope, in format {format}; use that version")
        }
        Fault::Older(format) => format!(
            "{path} was written by an earlier version of logscope, in format {format}, which this version does not read; \
             its value is the JSON behind `\"document\":`: move the file away, and save the value anew"
        ),
        Fault::Damaged(how) => {
            format!(
                "the document {path} is damaged: {how}; it stays as it is: bring a copy back, or replace it by `open_unlocked` and a `write`"
            )
        }
    };
    Error::new(ErrorKind::Corrupt, text)
}

#[cold]
pub(super) fn other_schema(path: &Path, found: &str, expected: &str) -> Error {
    let text = format!("the document {} has the schema {found:?}, not {expected:?}", path.display());
    Error::new(ErrorKind::TypeMismatch, text)
}

#[cold]
pub(super) fn no_such_type(path: &Path, schema: &str, error: serde_json::Error) -> Error {
    let text =
        format!("the document {} has the schema {schema:?}, but its value does not fit the type", path.display());
    Error::new(ErrorKind::TypeMismatch, text).with_source(in_the_file(&error))
}

/// Says where in the file an error of the value is: the value begins on the second line.
fn in_the_file(error: &serde_json::Error) -> String {
    let (text, line, column) = (error.to_string(), error.line(), error.column());
    match text.strip_suffix(&format!(" at line {line} column {column}")) {
        Some(what) => format!("{what} at line {} column {column}", line + 1),
        None => text,
    }
}

#[cold]
pub(super) fn other_type(path: &Path, open_as: &str, wanted: &str) -> Error {
    let text = format!("the document {} is open as {open_as}; it cannot be open as {wanted} as well", path.display());
    Error::new(ErrorKind::TypeMismatch, text)
}

#[cold]
pub(super) fn other_options(path: &Path, option: &str, open: &str, given: &str) -> Error {
    let path = path.display();
    let text = format!(
        "the document {path} is open, and the {option} is {open}, not {given}; all who open it must give the same options"
    );
    Error::new(ErrorKind::OptionMismatch, text)
}

#[cold]
pub(super) fn opens_itself(path: &Path) -> Error {
    let text = format!(
        "the document {} is opened while it is read to be opened, or while the last of it is dropped, and would wait for itself",
        path.display()
    );
    Error::new(ErrorKind::Store, text)
}

#[cold]
pub(super) fn busy(path: &Path, timeout: Duration) -> Error {
    let (path, within) = (path.display(), Shown(timeout));
    let text =
        format!("cannot lock the document {path} within {within}: another thread or task of this process has it");
    Error::new(ErrorKind::TimedOut, text)
}

/// The lease was over before the document was read: nobody could do anything under it.
#[cold]
pub(super) fn read_too_late(path: &Path) -> Error {
    let path = path.display();
    let text = format!("locked the document {path} too late: the TTL of its lease was over; give it a longer one");
    Error::new(ErrorKind::Unreachable, text)
}

/// The backend of the lease has failed, or somebody else has the lease.
#[cold]
pub(super) fn not_locked(path: &Path, error: Error) -> Error {
    error.preceded_by(format_args!("cannot lock the document {}", path.display()))
}

/// Something that a save needs has failed.
#[cold]
pub(super) fn cannot_save(path: &Path, error: Error) -> Error {
    error.preceded_by(format_args!("cannot save the document {}", path.display()))
}

/// The backend of the lease has failed, so nobody knows whether the document is still locked.
#[cold]
pub(super) fn unverified(path: &Path, error: Error) -> Error {
    error.preceded_by(format_args!("cannot tell whether the document {} is still locked", path.display()))
}

#[cold]
pub(super) fn not_saved(path: &Path, what: impl Display) -> Error {
    Error::new(ErrorKind::Store, format!("cannot save the document {}: {what}", path.display()))
}

/// The header has been made by something else.
#[cold]
pub(super) fn no_next_generation(path: &Path) -> Error {
    let text = format!(
        "the document {} has the highest generation that there is, which no store gives: bring a copy back, or replace it by `open_unlocked` and a `write`",
        path.display()
    );
    Error::new(ErrorKind::Corrupt, text)
}

/// The value was not saved, because somebody else could have been there since it was read.
#[cold]
pub(super) fn lost(path: &Path, what: impl Display) -> Error {
    Error::new(ErrorKind::LockLost, format!("did not save the document {}: {what}", path.display()))
}

/// The same, for who has not asked for a save.
#[cold]
pub(super) fn unlocked(path: &Path, what: impl Display) -> Error {
    Error::new(ErrorKind::LockLost, format!("no longer has the document {} locked: {what}", path.display()))
}

#[cold]
pub(super) fn changed(path: &Path, read: Option<Stamp>, found: Option<&Header>) -> Error {
    let read = read.map_or_else(|| "no document".to_owned(), |read| format!("generation {}", read.generation));
    match found {
        Some(Header { stamp: Stamp { generation, .. }, by, fence, .. }) => {
            let fence = if *fence > 0 { format!(" (fence {fence})") } else { String::new() };
            lost(path, format_args!("this guard read {read}, and {by} has saved generation {generation}{fence} since"))
        }
        None => lost(path, format_args!("this guard read {read}, which was removed since")),
    }
}

#[cold]
pub(super) fn older_fence(path: &Path, own: u64, found: u64) -> Error {
    lost(path, format_args!("it was saved under the fencing number {found}, and the lease of this guard has {own}"))
}

/// The backend of a lease has given a number that it had given before.
#[cold]
pub(super) fn fence_given_twice(path: &Path, own: u64, found: u64, key: Option<&str>) -> Error {
    let path = path.display();
    let key = key.map_or_else(String::new, |key| {
        format!(
            ". That number comes from the cache, which has a document under the key {key:?} that the disk has not: it may be \
             another document, with the same key"
        )
    });
    let text = format!(
        "the lease for the document {path} has the fencing number {own}, but the document was saved under {found}: \
         its backend has lost its numbers, or it is another lease than before, in another backend or by another name{key}. \
         `open_unlocked` and a `write` of the document make it take them anew"
    );
    Error::new(ErrorKind::LeaseLost, text)
}

#[cold]
pub(super) fn cache_gone(path: &Path, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let text =
        format!("the cache of the document {} cannot be used, and without it the document is not", path.display());
    Error::new(ErrorKind::Unreachable, text).with_source(error)
}
