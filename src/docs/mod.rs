//! Guides: longer pages on one task each, whose code is compiled with the tests.
//!
//! | page | for |
//! |---|---|
//! | [`fmt`] | coming from `tracing_subscriber::fmt`, `EnvFilter` and `tracing-appender` |
//! | [`env_logger`] | coming from `env_logger` |
//! | [`slog`] | coming from `slog` |
//! | [`beside_fmt`] | keeping `fmt` for what is in no scope |
//! | [`carry`] | what carries a context to threads, pools and tasks, and how to find what does not |
//! | [`layout`] | a layout of your own |
//! | [`forgotten`] | finding work that lost its context |
//! | [`build_tool`] | a build tool: builds at once, programs that are run, a summary |
#![cfg_attr(feature = "http", doc = "| [`server`] | a server: a context for each request |")]
#![cfg_attr(not(feature = "http"), doc = "| `server` (feature `http`) | a server: a context for each request |")]
//! | [`child_processes`] | programs that are run and what they print; a context that goes on in a child process |
#![cfg_attr(feature = "testing", doc = "| [`test_suite`] | a test suite: tests that see their own log |")]
#![cfg_attr(
    not(feature = "testing"),
    doc = "| `test_suite` (feature `testing`) | a test suite: tests that see their own log |"
)]
//! | [`tenants`] | a server that keeps a log for each tenant, user or project |
//! | [`speed`] | how the cost of an event grows with contexts, threads, spans, directives and sinks |
//!
//! The [crate's own page](crate) has the overview, and [`sink`](mod@crate::sink) what outputs promise.

pub mod beside_fmt;
pub mod build_tool;
pub mod carry;
pub mod child_processes;
pub mod env_logger;
pub mod fmt;
pub mod forgotten;
pub mod layout;
#[cfg(feature = "http")]
pub mod server;
pub mod slog;
pub mod speed;
pub mod tenants;
#[cfg(feature = "testing")]
pub mod test_suite;
