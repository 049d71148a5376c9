//! The process default: the context of events outside every scope.

use tracing::level_filters::LevelFilter;

use super::ceiling::{ceiling, exempt_built_in, is_built_in};
use super::inner::ContextInner;
use super::output_context::OutputContext;
use crate::clock::{Clock, Origin};
use crate::sink;
use crate::sync::Arc;
use crate::sync::model::{ArcSwap, OnceLock};

static DEFAULT: Default<ContextInner> = Default::new();

/// When logscope was installed.
static INSTALLED: crate::sync::OnceLock<Origin> = crate::sync::OnceLock::new();

/// Starts the clock of the built-in context, which is made only when it is needed.
pub(crate) fn start_built_in_clock() {
    let _ = INSTALLED.set(Origin::now());
}

/// Makes the built-in context: text on stderr, INFO, and a clock that started when logscope was installed.
pub(crate) fn built_in() -> OutputContext {
    // The clock is named, because a test with a clock of its own may be the first to need this context.
    let builder = OutputContext::builder("default").clock(Clock::SYSTEM);
    let builder = builder.verbosity(LevelFilter::INFO.min(ceiling())).sink(sink::stderr());
    let builder = match INSTALLED.get() {
        Some(origin) => builder.origin(*origin),
        None => builder,
    };
    let context = builder.build();
    exempt_built_in(&context);
    context
}

/// Makes `context` the process default, to which events outside every scope go, and returns the one before.
///
/// ```
/// use logscope::{OutputContext, sink};
///
/// let before = logscope::set_process_default(OutputContext::builder("main").sink(sink::null()).build());
/// assert_eq!(OutputContext::current().name(), "main");
/// logscope::set_process_default(before);
/// ```
///
/// No scope changes: work that was given a context keeps it. A default without sinks leaves these events to other layers.
pub fn set_process_default(context: OutputContext) -> OutputContext {
    replace_default(context).unwrap_or_else(built_in)
}

/// Does as [`set_process_default`], but returns `None`, instead of making the built-in context only to return it, if no default was in use yet.
pub(crate) fn replace_default(context: OutputContext) -> Option<OutputContext> {
    context.inner.allow_no_sink();
    DEFAULT.replace(context.into_inner()).map(OutputContext::of_inner)
}

/// Returns true if the program has set no process default, and the built-in one is not made yet or is one that `is_to_go`. Does not make it.
pub(crate) fn is_built_in_to_go(is_to_go: impl FnOnce(&ContextInner) -> bool) -> bool {
    DEFAULT.0.get().is_none_or(|default| {
        let default = default.load();
        is_built_in(default.info().id()) && is_to_go(&default)
    })
}

/// Returns the process default, with a count of its own.
pub(crate) fn default_context() -> OutputContext {
    OutputContext::of_inner(default().load_full())
}

/// Calls `f` with the process default, which is held for the call, where possible without a count of its own.
pub(crate) fn with_default<R>(f: impl FnOnce(&ContextInner) -> R) -> R {
    f(&default().load())
}

fn default() -> &'static ArcSwap<ContextInner> {
    DEFAULT.get_or_make(|| built_in().into_inner())
}

/// A value that can be replaced, and that is made at first use unless one was set before. Knows nothing of contexts.
///
/// Every value that was in use, whether set or made, is given back by the call that replaces it.
struct Default<T>(OnceLock<ArcSwap<T>>);

impl<T> Default<T> {
    const fn new() -> Self {
        Default(OnceLock::new())
    }

    /// Sets the value, and returns the one before. `None` if there was none.
    fn replace(&self, value: Arc<T>) -> Option<Arc<T>> {
        let Some(present) = self.0.get() else {
            return match self.0.set(ArcSwap::new(value)) {
                Ok(()) => None,
                // Another thread was faster, and the cell is filled.
                Err(ours) => self.replace(ours.into_inner()),
            };
        };
        Some(present.swap(value))
    }

    /// Returns the cell, filled by `make` if it was empty. Not by `get_or_init`: making a context allocates, and an allocator that logs
    /// would come back here while the cell is being filled.
    fn get_or_make(&self, make: impl Fn() -> Arc<T>) -> &ArcSwap<T> {
        loop {
            if let Some(present) = self.0.get() {
                return present;
            }
            // On an error, which returns ours, another thread was faster.
            drop(self.0.set(ArcSwap::new(make())));
        }
    }
}

#[cfg(all(test, logscope_loom))]
mod loom_tests;
