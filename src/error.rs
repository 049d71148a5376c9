//! The error of the whole crate: one opaque type, with predicates instead of public variants.
//!
//! This module imports nothing of the crate. A write error of an output is no [`Error`] and reaches no caller: the sink counts
//! it.

use std::error::Error as StdError;
use std::fmt;

/// Reports why a call of this crate failed.
///
/// ```
/// let error = "info,hyper=loud".parse::<logscope::Verbosity>().unwrap_err();
/// assert!(error.is_parse());
/// assert!(error.to_string().contains("loud"));
/// ```
///
/// The text says what is wrong and what to do instead. A program distinguishes cases by the predicates
/// ([`is_parse`](Error::is_parse),
/// [`is_open`](Error::is_open), …). [`source`](StdError::source) returns the underlying error, if there is one.
pub struct Error(Box<Details>);

struct Details {
    kind: Kind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// A text has the wrong syntax.
    Parse,
    /// An output could not be opened.
    Open,
    /// A file is already open with other options.
    Options,
    /// The process already has a global subscriber or logger.
    Installed,
    /// A log could not be read back.
    Read,
    /// A flush or sync has failed, or has not finished in time, for some records.
    Incomplete,
}

impl Error {
    #[cold]
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Error(Box::new(Details { kind, message: message.into(), source: None }))
    }

    #[cold]
    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Returns true if a text (a verbosity, a line of a log) has the wrong syntax.
    #[must_use]
    pub fn is_parse(&self) -> bool {
        self.0.kind == Kind::Parse
    }

    /// Returns true if an output could not be opened.
    ///
    /// If the operating system refused, the source is its `io::Error`.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.kind == Kind::Open
    }

    /// Returns true if a file is already open with other options.
    #[must_use]
    pub fn is_option_mismatch(&self) -> bool {
        self.0.kind == Kind::Options
    }

    /// Returns true if the process already has a global `tracing` subscriber or `log` logger.
    #[must_use]
    pub fn is_already_installed(&self) -> bool {
        self.0.kind == Kind::Installed
    }

    /// Returns true if, after a flush or sync, some records are not with the operating system or on the storage device.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        self.0.kind == Kind::Incomplete
    }

    /// Returns true if a log could not be read back because of an I/O error.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.0.kind == Kind::Read
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text: a `main` that returns an error prints its `Debug`.
        f.write_str(&self.0.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}
