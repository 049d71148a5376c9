//! Other loggers, which turn the event of [`subjects::event`](crate::subjects::event) in a span with one field into a line and give it to
//! [`Discard`](crate::discard::Discard).
//!
//! Each runs in a process of its own, as its global logger where it has one. Loggers that know no spans have the field of the span as one more
//! field of the event, or as a field of the logger.

mod by_log;
mod emit;
mod hand;
mod slog;
mod spdlog;
mod tracing;

use crate::harness::Subject;
use crate::remote::Subjects;

pub const FMT_FULL: &str = "fmt, full, without colour";
pub const FMT_FULL_COLOR: &str = "fmt, full, in colour, as it comes";
pub const FMT_COMPACT: &str = "fmt, compact, without colour";
pub const FMT_COMPACT_COLOR: &str = "fmt, compact, in colour";
pub const FMT_JSON: &str = "fmt().json()";
pub const JSON_SUBSCRIBER: &str = "json-subscriber";
pub const TRACING_LOGFMT: &str = "tracing-logfmt";
pub const SLOG_TERM: &str = "slog-term";
pub const SLOG_JSON: &str = "slog-json";
pub const SPDLOG: &str = "spdlog-rs, WriteSink";
pub const ENV_LOGGER: &str = "env_logger, without colour";
pub const ENV_LOGGER_COLOR: &str = "env_logger, in colour";
pub const LOGFORTH_TEXT: &str = "logforth, TextLayout, without colour";
pub const LOGFORTH_JSON: &str = "logforth, JsonLayout";
pub const LOGFORTH_LOGFMT: &str = "logforth, LogfmtLayout";
pub const EMIT: &str = "emit, its parts by Display";
pub const WRITE: &str = "a line by write!";

/// Installs a peer, and makes what it is asked to do.
type Make = fn() -> Subjects;

const PEERS: &[(&str, Make)] = &[
    (FMT_FULL, || tracing::lines(tracing::full(false))),
    (FMT_FULL_COLOR, || tracing::lines(tracing::full(true))),
    (FMT_COMPACT, || tracing::lines(tracing::compact(false))),
    (FMT_COMPACT_COLOR, || tracing::lines(tracing::compact(true))),
    (FMT_JSON, || tracing::lines(tracing::json())),
    (JSON_SUBSCRIBER, || tracing::lines(tracing::json_subscriber())),
    (TRACING_LOGFMT, || tracing::lines(tracing::logfmt())),
    (SLOG_TERM, || line(slog::term())),
    (SLOG_JSON, || line(slog::json())),
    (SPDLOG, || line(spdlog::line())),
    (ENV_LOGGER, || line(by_log::env_logger(false))),
    (ENV_LOGGER_COLOR, || line(by_log::env_logger(true))),
    (LOGFORTH_TEXT, || line(by_log::logforth(by_log::text()))),
    (LOGFORTH_JSON, || line(by_log::logforth(by_log::json()))),
    (LOGFORTH_LOGFMT, || line(by_log::logforth(by_log::logfmt()))),
    (EMIT, || line(emit::line())),
    (WRITE, || line(hand::line())),
];

/// The name under which a process measures the line of its peer.
pub const LINE: &str = "line";
/// The same right after a span was entered: tracing's peers only.
pub const MOVED: &str = "moved";

fn line(subject: Subject) -> Subjects {
    vec![(LINE, subject)]
}

/// Makes this process that of the peer of this name.
pub fn arrange(arrangement: &str) -> Option<Subjects> {
    let (_, make) = PEERS.iter().find(|(name, _)| *name == arrangement)?;
    Some(make())
}

pub use tracing::{full, json};
