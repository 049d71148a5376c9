//! Scopes: stretches of execution during which a context is the current one.

pub(crate) mod chain;
