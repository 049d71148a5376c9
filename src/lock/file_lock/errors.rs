//! The errors of file locks.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::at::At;
use super::holder::Holder;
use super::record::Record;
use super::text::Shown;
use crate::error::{Error, ErrorKind};
use crate::lock::token::Token;

fn from_io(message: String, error: io::Error) -> Error {
    match error.downcast() {
        // The source is the error of the operating system.
        Ok(At { path, error }) => Error::from_io(ErrorKind::Lock, format!("{message}: {}", path.display()), error),
        Err(error) => Error::from_io(ErrorKind::Lock, message, error),
    }
}

#[cold]
pub(super) fn refused(path: &Path, error: io::Error) -> Error {
    from_io(format!("cannot lock {}", path.display()), error)
}

#[cold]
pub(super) fn unknown(path: &Path, error: io::Error) -> Error {
    from_io(format!("cannot tell who holds {}", path.display()), error)
}

#[cold]
pub(super) fn not_unlocked(path: &Path, error: io::Error) -> Error {
    from_io(format!("cannot unlock {}", path.display()), error)
}

#[cold]
pub(super) fn timed_out(path: &Path, timeout: Duration, holder: Option<&Holder>) -> Error {
    let within = Shown(timeout);
    Error::new(ErrorKind::TimedOut, format!("cannot lock {} within {within}: {}", path.display(), named(holder)))
}

/// `what` has happened to the lock that `held` held.
#[cold]
pub(super) fn lost(path: &Path, what: &str, held: &Record, successor: Option<&Holder>) -> Error {
    let held = Holder::new(held, 1);
    let successor = match successor {
        Some(successor) => format!("the lock was then {successor}"),
        None => "nobody else is known to have got it".to_owned(),
    };
    Error::new(ErrorKind::LockLost, format!("lost {}: {what} while it was {held}; {successor}", path.display()))
}

/// The lock is not one that this process can release: `why`.
#[cold]
pub(super) fn not_holder(path: &Path, token: Token, why: impl Display) -> Error {
    Error::new(ErrorKind::NotHolder, format!("cannot release {} with the token {token}: {why}", path.display()))
}

/// Says who holds a lock that is held by somebody.
pub(super) fn named(holder: Option<&Holder>) -> String {
    holder.map_or_else(|| "held by somebody who left no record of it".to_owned(), Holder::to_string)
}
