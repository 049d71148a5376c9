//! One opaque error for the whole crate, with predicates instead of public variants.

use std::error::Error as StdError;
use std::fmt;

/// What went wrong in a call of this crate.
///
/// The text says what was wrong and what would be right. Programs that need to tell cases apart ask the predicates
/// ([`is_parse`](Error::is_parse), [`is_open`](Error::is_open), …); the cause below, where there is one, is in
/// [`source`](StdError::source).
///
/// ```
/// let error = "info,hyper=loud".parse::<logscope::Verbosity>().unwrap_err();
/// assert!(error.is_parse());
/// assert!(error.to_string().contains("loud"));
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// A text that does not have the form that it should have.
    Parse,
    /// An output that could not be opened.
    Open,
    /// A file that is open already, with other options.
    Options,
    /// A global subscriber or logger stands where ours should go.
    Installed,
    /// A log that could not be read back.
    Read,
    /// Records that are not, or may not be, where they should be.
    Incomplete,
}

impl Error {
    #[cold]
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Error(Box::new(Inner { kind, message: message.into(), source: None }))
    }

    #[cold]
    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// True if a text (a verbosity, a line of a log) did not have the form that it should have.
    #[must_use]
    pub fn is_parse(&self) -> bool {
        self.0.kind == Kind::Parse
    }

    /// True if an output could not be opened. The source is the `io::Error`, where the operating system refused.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.kind == Kind::Open
    }

    /// True if a file is open already with options that differ from the ones that were asked for.
    #[must_use]
    pub fn is_option_mismatch(&self) -> bool {
        self.0.kind == Kind::Options
    }

    /// True if a global `tracing` subscriber or `log` logger stands where logscope's should go.
    #[must_use]
    pub fn is_already_installed(&self) -> bool {
        self.0.kind == Kind::Installed
    }

    /// True if records are not with the operating system after a flush, or not on the storage device after a sync.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        self.0.kind == Kind::Incomplete
    }

    /// True if reading a log back failed below the level of its records (an I/O error).
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
        // What a `main` that returns an error prints.
        f.write_str(&self.0.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}
