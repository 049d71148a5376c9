//! The process default: the context of events outside every scope.

use tracing::level_filters::LevelFilter;

use super::ceiling::{ceiling, exempt_built_in, is_built_in};
use super::inner::ContextInner;
use super::output_context::OutputContext;
use crate::sink;
use crate::sync::{Arc, ArcSwap, OnceLock};

/// Filled at first use, so that the built-in context's origin is the first moment at which anything asked for it, and so that a program
/// that sets a default of its own before never makes the built-in one.
static DEFAULT: OnceLock<ArcSwap<ContextInner>> = OnceLock::new();

/// Makes the built-in context: text on stderr, INFO.
pub(crate) fn built_in() -> OutputContext {
    let context =
        OutputContext::builder("default").verbosity(LevelFilter::INFO.min(ceiling())).sink(sink::stderr()).build();
    exempt_built_in(&context);
    context
}

/// Makes `context` the process default, to which events outside every scope go, and returns the one before.
///
/// ```
/// use logscope::{OutputContext, sink};
///
/// let before = logscope::set_default(OutputContext::builder("main").sink(sink::null()).build());
/// assert_eq!(OutputContext::current().name(), "main");
/// logscope::set_default(before);
/// ```
///
/// No scope changes: work that was given a context keeps it.
pub fn set_default(context: OutputContext) -> OutputContext {
    replace_default(context).unwrap_or_else(built_in)
}

/// Does as [`set_default`], but returns `None`, instead of making the built-in context only to return it, if no default was in use yet.
pub(crate) fn replace_default(context: OutputContext) -> Option<OutputContext> {
    let context = match DEFAULT.get() {
        Some(_) => context,
        None => match DEFAULT.set(ArcSwap::new(context.into_inner())) {
            Ok(()) => return None,
            Err(ours) => OutputContext::from(ours.into_inner()),
        },
    };
    Some(OutputContext::from(default().swap(context.into_inner())))
}

/// Returns true unless the program has set a process default of its own.
pub(crate) fn is_default_built_in() -> bool {
    DEFAULT.get().is_none_or(|default| is_built_in(default.load().info().id()))
}

/// Returns the process default, with a count of its own.
pub(crate) fn default_context() -> OutputContext {
    OutputContext::from(default().load_full())
}

/// Calls `f` with the process default, which is held for the call, where possible without a count of its own.
pub(crate) fn with_default<R>(f: impl FnOnce(&ContextInner) -> R) -> R {
    f(&default().load())
}

/// Returns the static of the default, filled. Not by `get_or_init`: making a context allocates, and an allocator that logs would come
/// back here while the static is being filled.
fn default() -> &'static ArcSwap<ContextInner> {
    loop {
        if let Some(default) = DEFAULT.get() {
            return default;
        }
        let built_in: Arc<ContextInner> = built_in().into_inner();
        // On an error, which returns ours, another thread was faster.
        drop(DEFAULT.set(ArcSwap::new(built_in)));
    }
}
