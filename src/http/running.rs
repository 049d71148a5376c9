//! A request that is under way, and its end, which is known exactly once.

use std::fmt;
use std::time::Duration;

use http::{Method, StatusCode};
use tracing::Level;
use tracing::level_filters::LevelFilter;

use super::request_id::RequestId;
use crate::context::OutputContext;
use crate::scope::TaskScope;

/// The target of the records of this room.
pub(super) const TARGET: &str = "logscope::http";

/// Says how a request ended: the field `outcome` of its last record.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// The response's body was taken to its end.
    Finished,
    /// The service returned an error in place of a response.
    ServiceFailed,
    /// The response's body returned an error.
    BodyFailed,
    /// The response's body was dropped before its end: the client has gone away, as a rule.
    BodyDropped,
    /// The service's future was dropped before there was a response: the client has gone away, or a timeout further out has struck.
    Cancelled,
    /// The service or the body panicked.
    Panicked,
}

impl Outcome {
    /// Returns the name in the record: `finished`, `service failed`, `body failed`, `body dropped`, `cancelled` or `panicked`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Finished => "finished",
            Outcome::ServiceFailed => "service failed",
            Outcome::BodyFailed => "body failed",
            Outcome::BodyDropped => "body dropped",
            Outcome::Cancelled => "cancelled",
            Outcome::Panicked => "panicked",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The level of the last record of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct EndLevels {
    /// If the outcome is [`Outcome::Finished`], and the status none of a server's error.
    pub(super) finished: LevelFilter,
    pub(super) failed: LevelFilter,
}

/// A request from its call to its end. When it is dropped, the request has ended.
pub(super) struct Running {
    /// The scopes of the request. The future and the body run in the same ones, so what a handler updates stays.
    scope: TaskScope,
    /// For calls that have a shared reference only.
    context: OutputContext,
    levels: EndLevels,
    /// The context's elapsed time at the call.
    began: Duration,
    pub(super) id: RequestId,
    /// True if the request's method lets no response have a body (`HEAD`).
    is_head: bool,
    is_connect: bool,
    status: Option<StatusCode>,
    pub(super) bytes: u64,
    outcome: Outcome,
}

impl Running {
    pub(super) fn new(context: OutputContext, id: RequestId, method: &Method, levels: EndLevels) -> Self {
        Running {
            scope: TaskScope::new(&context),
            began: context.elapsed(),
            context,
            levels,
            id,
            is_head: method == Method::HEAD,
            is_connect: method == Method::CONNECT,
            status: None,
            bytes: 0,
            outcome: Outcome::Cancelled,
        }
    }

    /// Runs code of the service in the request's scopes. If it panics, that is the outcome.
    #[inline]
    pub(super) fn run<R>(&mut self, f: impl FnOnce() -> R) -> R {
        let before = std::mem::replace(&mut self.outcome, Outcome::Panicked);
        let result = self.scope.run(f);
        self.outcome = before;
        result
    }

    /// Runs a question that changes nothing in the request's context.
    pub(super) fn ask<R>(&self, f: impl FnOnce() -> R) -> R {
        self.context.scope(f)
    }

    /// Notes that there is a response. Returns true if no body is sent with it, whatever body it has.
    pub(super) fn answered(&mut self, status: StatusCode) -> bool {
        self.status = Some(status);
        self.outcome = Outcome::BodyDropped;
        self.is_head
            || self.is_connect && status.is_success()
            || status.is_informational()
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
    }

    /// Notes how the request ends when this is dropped. A panic has the last word.
    pub(super) fn set_outcome(&mut self, outcome: Outcome) {
        if self.outcome != Outcome::Panicked {
            self.outcome = outcome;
        }
    }

    pub(super) fn has_panicked(&self) -> bool {
        self.outcome == Outcome::Panicked
    }
}

/// Writes the last record, in the request's scopes.
impl Drop for Running {
    fn drop(&mut self) {
        let is_server_error = self.status.is_some_and(|status| status.is_server_error());
        let is_fine = self.outcome == Outcome::Finished && !is_server_error;
        let level = if is_fine { self.levels.finished } else { self.levels.failed };
        let Some(level) = level.into_level() else { return };
        let duration_ms = self.context.elapsed().saturating_sub(self.began).as_secs_f64() * 1e3;
        let (status, bytes, outcome) = (self.status.map(|status| status.as_u16()), self.bytes, self.outcome.as_str());
        macro_rules! record {
            ($level:ident) => {
                tracing::event!(target: TARGET, Level::$level, status, bytes, duration_ms, outcome, "request ended")
            };
        }
        self.scope.run(|| match level {
            Level::ERROR => record!(ERROR),
            Level::WARN => record!(WARN),
            Level::INFO => record!(INFO),
            Level::DEBUG => record!(DEBUG),
            Level::TRACE => record!(TRACE),
        });
    }
}
