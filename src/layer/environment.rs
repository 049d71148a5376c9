//! The verbosity that the environment asks for.

use std::env::VarError;

use crate::error::{Error, Kind};
use crate::fallback;
use crate::verbosity::Verbosity;

/// Returns the verbosity in `LOGSCOPE`, else that in `RUST_LOG`.
pub(super) fn verbosity_from_environment() -> Result<Option<Verbosity>, Error> {
    let ours = verbosity_from("LOGSCOPE").map_err(|error| {
        Error::new(Kind::Parse, format!("the environment variable LOGSCOPE is not a verbosity: {error}"))
    })?;
    if ours.is_some() {
        return Ok(ours);
    }
    verbosity_from("RUST_LOG").or_else(|error| {
        // The variable is written for other libraries too, and may hold directives that only they read.
        fallback::tell(format_args!("RUST_LOG is not a verbosity that logscope reads, so INFO is used: {error}"));
        Ok(None)
    })
}

fn verbosity_from(variable: &str) -> Result<Option<Verbosity>, Error> {
    match std::env::var(variable) {
        Ok(text) if !text.trim().is_empty() => text.parse().map(Some),
        Ok(_) | Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(text)) => Err(Error::new(Kind::Parse, format!("{text:?} is not Unicode"))),
    }
}
