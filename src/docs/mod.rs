//! Guides: longer pages on one task each, whose code is compiled with the tests.
//!
//! | page | for |
//! |---|---|
//! | [`fmt`] | coming from `tracing_subscriber::fmt`, `EnvFilter` and `tracing-appender` |
//! | [`env_logger`] | coming from `env_logger` |
//! | [`slog`] | coming from `slog` |
//! | [`beside_fmt`] | keeping `fmt` for what is in no scope |
//! | [`layout`] | a layout of your own |
//! | [`forgotten`] | finding work that lost its context |
//! | [`server`] | a server: a context for each request |
//! | [`tenants`] | a server that keeps a log for each tenant, user or project |
//!
//! The [crate's own page](crate) has the overview, and [`sink`](mod@crate::sink) what outputs promise.

pub mod beside_fmt;
pub mod env_logger;
pub mod fmt;
pub mod forgotten;
pub mod layout;
#[cfg(feature = "http")]
pub mod server;
pub mod slog;
pub mod tenants;
