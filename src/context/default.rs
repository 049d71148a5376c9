//! The process default: where events go that no scope claims.

use std::sync::LazyLock;

use arc_swap::ArcSwap;
use tracing::level_filters::LevelFilter;

use super::{Inner, OutputContext};
use crate::sink;

/// Built at first use, so that its origin is the first moment that anything asked for it.
static DEFAULT: LazyLock<ArcSwap<Inner>> = LazyLock::new(|| ArcSwap::new(built_in().into_inner()));

/// Text on stderr, INFO.
pub(crate) fn built_in() -> OutputContext {
    OutputContext::builder("default").verbosity(LevelFilter::INFO).sink(sink::stderr()).build()
}

/// Makes `context` the one that events go to which no scope claims, and returns the one that was.
///
/// No scope is changed by it: work that was given a context keeps it.
///
/// ```
/// use logscope::{OutputContext, sink};
///
/// let before = logscope::set_default(OutputContext::builder("main").sink(sink::null()).build());
/// assert_eq!(OutputContext::current().name(), "main");
/// logscope::set_default(before);
/// ```
pub fn set_default(context: OutputContext) -> OutputContext {
    OutputContext::from(DEFAULT.swap(context.into_inner()))
}

/// The process default, counted.
pub(crate) fn default_context() -> OutputContext {
    OutputContext::from(DEFAULT.load_full())
}

/// Calls `f` with the process default, held for the call without a count of its own where that is possible.
pub(crate) fn with_default<R>(f: impl FnOnce(&Inner) -> R) -> R {
    f(&DEFAULT.load())
}
