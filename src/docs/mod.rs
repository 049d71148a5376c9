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
//! | [`tenants`] | a server that keeps a log for each tenant, user or project |
//!
//! The [crate's own page](crate) has the overview, and [`sink`](mod@crate::sink) what outputs promise.

pub mod beside_fmt;
pub mod carry;
pub mod env_logger;
pub mod fmt;
pub mod layout;
pub mod slog;
pub mod tenants;
