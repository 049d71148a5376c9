//! Guides: longer pages on one task each, whose code is compiled with the tests.
//!
//! | page | for |
//! |---|---|
//! | [`tenants`] | a server that keeps a log for each tenant, user or project |
//!
//! The [crate's own page](crate) has the overview, and [`sink`](mod@crate::sink) what outputs promise.

pub mod tenants;
