//! The process default: where events go that no scope claims.

use arc_swap::ArcSwap;
use tracing::level_filters::LevelFilter;

use super::ceiling::ceiling;
use super::{Inner, OutputContext};
use crate::sink;
use crate::sync::{Arc, AtomicU64, OnceLock, Ordering};

/// The built-in one is made at first use, so that its origin is the first moment that anything asked for it, and not at all where the
/// program sets one of its own before.
static DEFAULT: OnceLock<ArcSwap<Inner>> = OnceLock::new();

/// The id of the newest built-in context.
static BUILT_IN: AtomicU64 = AtomicU64::new(0);

/// Text on stderr, INFO.
pub(crate) fn built_in() -> OutputContext {
    let context =
        OutputContext::builder("default").verbosity(LevelFilter::INFO.min(ceiling())).sink(sink::stderr()).build();
    // Relaxed: the id is the whole message.
    BUILT_IN.store(context.id(), Ordering::Relaxed);
    context
}

/// True of the context that the program did not ask for.
pub(super) fn is_built_in(context: &OutputContext) -> bool {
    context.id() == BUILT_IN.load(Ordering::Relaxed)
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
    replace_default(context).unwrap_or_else(built_in)
}

/// [`set_default`] that does not make the built-in context only to return it: `None` where it was the default, and not made yet.
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

/// The process default, counted.
pub(crate) fn default_context() -> OutputContext {
    OutputContext::from(default().load_full())
}

/// Calls `f` with the process default, held for the call without a count of its own where that is possible.
pub(crate) fn with_default<R>(f: impl FnOnce(&Inner) -> R) -> R {
    f(&default().load())
}

/// The place of the default. Not by `get_or_init`: making a context allocates, and an allocator that logs would come back here while
/// the place is being filled.
fn default() -> &'static ArcSwap<Inner> {
    loop {
        if let Some(default) = DEFAULT.get() {
            return default;
        }
        let built_in: Arc<Inner> = built_in().into_inner();
        // An error hands it back: another thread was quicker.
        drop(DEFAULT.set(ArcSwap::new(built_in)));
    }
}
