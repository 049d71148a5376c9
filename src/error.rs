//! The error of the whole crate: one opaque type with a kind.
//!
//! This module imports nothing of the crate. A write error of an output is no [`Error`] and reaches no caller: the sink counts
//! it.

use std::error::Error as StdError;
use std::fmt;
use std::io;

/// Reports why a call of this crate failed.
///
/// ```
/// use logscope::{ErrorKind, Verbosity};
///
/// let error = "info,hyper=loud".parse::<Verbosity>().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Parse);
/// assert!(error.to_string().contains("loud"));
/// ```
///
/// The text says what is wrong and what to do instead. The underlying error, if there is one, is the [`source`](StdError::source), and not part
/// of the text, so that a report that walks through the sources has it once. `{:#}` adds the text of each source:
///
/// ```
/// # let path = if cfg!(unix) { "/dev/null/uno.log" } else { "nul\0" };
/// let error = logscope::sink::file(path).open().unwrap_err();
/// println!("{error}");   // cannot open /dev/null/uno.log
/// println!("{error:#}"); // cannot open /dev/null/uno.log: Not a directory (os error 20)
/// println!("{error:?}"); // Open: cannot open /dev/null/uno.log: Not a directory (os error 20)
/// # if cfg!(unix) {
/// # assert_eq!(error.to_string(), "cannot open /dev/null/uno.log");
/// # assert_eq!(format!("{error:#}"), "cannot open /dev/null/uno.log: Not a directory (os error 20)");
/// # assert_eq!(format!("{error:?}"), "Open: cannot open /dev/null/uno.log: Not a directory (os error 20)");
/// # }
/// ```
pub struct Error(Box<Details>);

struct Details {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// Says what kind of call failed; from [`Error::kind`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A text (a verbosity, a line of a log) has the wrong syntax.
    Parse,
    /// An output could not be opened. If the operating system refused, the source is its `io::Error`.
    Open,
    /// A file is already open with other options.
    OptionMismatch,
    /// The process already has a global `tracing` subscriber or `log` logger.
    AlreadyInstalled,
    /// A log could not be read back because of an I/O error.
    Read,
    /// A file or folder could not be published. What was there before is still there.
    Publish,
    /// What a cache lacks could not be made. What it has is still there. The source is the error of the function that makes it.
    Make,
    /// A file has not the digest that is expected of it.
    DigestMismatch,
    /// After a flush or sync, some records are not with the operating system or on the storage device.
    Incomplete,
    /// A lock, or a folder for it, cannot be made or used. If the operating system refused, the source is its `io::Error`.
    Lock,
    /// The time was over before what was waited for came: a lock, for example.
    TimedOut,
    /// Others can have got a lock while it was held, because its file was deleted or replaced. Or others could save a document since it was read.
    LockLost,
    /// A lease was not kept: its time was over, or somebody broke it.
    LeaseLost,
    /// A server or a file system did not answer. Whether it has done what it was asked for is not known.
    Unreachable,
    /// A lock was to be released by somebody who does not hold it.
    NotHolder,
    /// A semaphore is closed.
    Closed,
    /// A document of a store cannot be opened, read or saved. If the operating system refused, the source is its `io::Error`.
    Store,
    /// A file is not what a store has written: it is damaged, or something else has written it. It stays as it is.
    Corrupt,
    /// A document has another type or schema than it is opened as.
    TypeMismatch,
}

impl Error {
    #[cold]
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error(Box::new(Details { kind, message: message.into(), source: None }))
    }

    #[cold]
    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Puts before the text what could not be done because of the error.
    #[cfg(feature = "store")]
    #[cold]
    pub(crate) fn preceded_by(mut self, what: impl fmt::Display) -> Self {
        self.0.message = format!("{what}: {}", self.0.message);
        self
    }

    /// Returns an error for `error`: its source if the operating system made it, and else a part of the text, because then its text is ours and
    /// has the advice.
    #[cold]
    pub(crate) fn from_io(kind: ErrorKind, message: impl fmt::Display, error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(_) => Error::new(kind, message.to_string()).with_source(error),
            None => Error::new(kind, format!("{message}: {error}")),
        }
    }

    /// Returns the kind, by which a program tells cases apart.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns true if a text has the wrong syntax: [`ErrorKind::Parse`].
    #[must_use]
    pub fn is_parse(&self) -> bool {
        self.kind() == ErrorKind::Parse
    }

    /// Returns true if a file or folder could not be published: [`ErrorKind::Publish`].
    #[must_use]
    pub fn is_publish_failed(&self) -> bool {
        self.kind() == ErrorKind::Publish
    }

    /// Returns true if what a cache lacks could not be made: [`ErrorKind::Make`].
    #[must_use]
    pub fn is_make_failed(&self) -> bool {
        self.kind() == ErrorKind::Make
    }

    /// Returns true if a file has not the digest that is expected of it: [`ErrorKind::DigestMismatch`].
    #[must_use]
    pub fn is_digest_mismatch(&self) -> bool {
        self.kind() == ErrorKind::DigestMismatch
    }

    /// Returns true if a lock, or a folder for it, cannot be made or used: [`ErrorKind::Lock`].
    #[must_use]
    pub fn is_lock_failed(&self) -> bool {
        self.kind() == ErrorKind::Lock
    }

    /// Returns true if the time was over: [`ErrorKind::TimedOut`].
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.kind() == ErrorKind::TimedOut
    }

    /// Returns true if a lock was not kept: [`ErrorKind::LockLost`].
    #[must_use]
    pub fn is_lock_lost(&self) -> bool {
        self.kind() == ErrorKind::LockLost
    }

    /// Returns true if a lease was not kept: [`ErrorKind::LeaseLost`].
    #[must_use]
    pub fn is_lease_lost(&self) -> bool {
        self.kind() == ErrorKind::LeaseLost
    }

    /// Returns true if a server or a file system did not answer: [`ErrorKind::Unreachable`].
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        self.kind() == ErrorKind::Unreachable
    }

    /// Returns true if a file is not what a store has written: [`ErrorKind::Corrupt`].
    #[must_use]
    pub fn is_corrupt(&self) -> bool {
        self.kind() == ErrorKind::Corrupt
    }

    /// Returns true if a document has another type or schema: [`ErrorKind::TypeMismatch`].
    #[must_use]
    pub fn is_type_mismatch(&self) -> bool {
        self.kind() == ErrorKind::TypeMismatch
    }

    /// Returns true if a lock is not held by who was to release it: [`ErrorKind::NotHolder`].
    #[must_use]
    pub fn is_not_holder(&self) -> bool {
        self.kind() == ErrorKind::NotHolder
    }

    /// Returns true if a semaphore is closed: [`ErrorKind::Closed`].
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.kind() == ErrorKind::Closed
    }

    fn write_with_sources(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        let mut source = self.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match f.alternate() {
            true => self.write_with_sources(f),
            false => f.write_str(&self.0.message),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One line to read, without quotes: a `main` that returns an error prints its `Debug`, and so does `unwrap`.
        write!(f, "{:?}: ", self.0.kind)?;
        self.write_with_sources(f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Predicate = fn(&Error) -> bool;

    #[test]
    fn each_predicate_is_true_of_one_kind_alone() {
        let predicates: [(ErrorKind, Predicate); 9] = [
            (ErrorKind::Parse, Error::is_parse),
            (ErrorKind::Publish, Error::is_publish_failed),
            (ErrorKind::Make, Error::is_make_failed),
            (ErrorKind::DigestMismatch, Error::is_digest_mismatch),
            (ErrorKind::Lock, Error::is_lock_failed),
            (ErrorKind::TimedOut, Error::is_timeout),
            (ErrorKind::LockLost, Error::is_lock_lost),
            (ErrorKind::NotHolder, Error::is_not_holder),
            (ErrorKind::Closed, Error::is_closed),
        ];
        for (kind, _) in predicates {
            let error = Error::new(kind, "it fails");
            let true_of_it = predicates.iter().filter(|(_, is)| is(&error)).map(|(kind, _)| *kind);
            assert_eq!(true_of_it.collect::<Vec<_>>(), [kind]);
        }
    }
}
