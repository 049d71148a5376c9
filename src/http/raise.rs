//! A request that asks, by a header, for more verbosity than others have.

use std::fmt::Display;

use http::HeaderName;
use http::request::Parts;
use tracing::level_filters::LevelFilter;

use super::running::TARGET;
use crate::context::OutputContext;
use crate::limits::RAISE_HEADER_BYTES;
use crate::sync::Arc;
use crate::verbosity::Verbosity;

/// Which header raises the verbosity, up to where, and who may.
#[derive(Clone)]
pub(super) struct Raise {
    pub(super) header: HeaderName,
    pub(super) cap: LevelFilter,
    pub(super) permits: Arc<dyn Fn(&Parts) -> bool + Send + Sync>,
}

impl Raise {
    /// Returns `context` as it should be for this request.
    pub(super) fn apply(&self, parts: &Parts, context: OutputContext) -> OutputContext {
        let Some(value) = parts.headers.get(&self.header) else { return context };
        if !(self.permits)(parts) {
            return context;
        }
        match read(value.as_bytes()) {
            Ok(asked) => {
                let verbosity = context.verbosity().clone().max(asked.clamped(self.cap));
                context.with_verbosity(verbosity)
            }
            Err(problem) => {
                context.scope(|| self.say_ignored(&problem));
                context
            }
        }
    }

    fn say_ignored(&self, problem: &dyn Display) {
        tracing::warn!(target: TARGET, header = self.header.as_str(), %problem, "this header does not raise the verbosity: ignored");
    }
}

/// Reads a level or directives. Only what is permitted is read, and a text that is short, so that the error is short too.
fn read(value: &[u8]) -> Result<Verbosity, String> {
    if value.len() > RAISE_HEADER_BYTES {
        return Err(format!("it has {} bytes; at most {RAISE_HEADER_BYTES} are read", value.len()));
    }
    let text = std::str::from_utf8(value).map_err(|error| format!("it is not UTF-8: {error}"))?;
    text.parse().map_err(|error: crate::Error| error.to_string())
}
