//! Reading and updating the current context.

use std::ptr;

use super::chain;
use crate::context::{ContextInner, OutputContext, default_context};
use crate::sync::thread::LocalKey;

thread_local! {
    /// Without destructor, so that the destructors of other thread-locals can read it.
    static LOCAL: chain::Local<ContextInner> = const { chain::Local::new() };
}

impl chain::ChainContext for ContextInner {
    #[inline]
    fn local() -> &'static LocalKey<chain::Local<Self>> {
        &LOCAL
    }
}

/// Calls `f` with the current context, or with `None` outside every scope. Takes no count: what this thread releases
/// meanwhile stays alive until the outermost such call returns.
#[inline]
pub(crate) fn with_current<R>(f: impl FnOnce(Option<&ContextInner>) -> R) -> R {
    chain::with_current::<ContextInner, R>(|current| f(current.map(|inner| &**inner)))
}

/// Returns true inside [`unscoped`](crate::unscoped), outside every scope that is entered in there.
pub(crate) fn is_unscoped() -> bool {
    chain::is_outside_on_purpose::<ContextInner>()
}

/// Returns what tells the newest scope of this thread from others that are open; zero outside every scope.
#[cfg(feature = "testing")]
pub(crate) fn newest_scope() -> usize {
    chain::newest_scope::<ContextInner>()
}

/// Returns true if a scope was entered, and is open, since this thread's chain was exchanged for that of its work.
#[cfg(feature = "rayon")]
#[inline]
pub(crate) fn is_scope_open() -> bool {
    chain::is_scope_open::<ContextInner>()
}

impl OutputContext {
    /// Returns the current context: that of the newest scope, else the process default.
    #[must_use]
    pub fn current() -> OutputContext {
        Self::try_current().unwrap_or_else(default_context)
    }

    /// Returns the context of the newest scope; `None` outside every scope.
    #[must_use]
    pub fn try_current() -> Option<OutputContext> {
        chain::current().map(OutputContext::of_inner)
    }

    /// Calls `f` with the current context, without taking a count of it.
    ///
    /// ```
    /// use logscope::OutputContext;
    ///
    /// let uno = OutputContext::builder("uno").build();
    /// let id = uno.scope(|| OutputContext::with_current(|context| context.id()));
    /// assert_eq!(id, uno.id());
    /// ```
    ///
    /// This is the cheapest way to ask the current context something. A context that this thread releases meanwhile (by dropping a guard
    /// or a task) is kept until `f` returns, so `f` should be short.
    #[inline]
    pub fn with_current<R>(f: impl FnOnce(&OutputContext) -> R) -> R {
        chain::with_current_as(OutputContext::of_inner, |current| match current {
            Some(context) => f(context),
            None => with_default_context(f),
        })
    }
}

/// A function of its own, so that reading a scope's context is small enough to be inlined into its caller.
#[cold]
#[inline(never)]
fn with_default_context<R>(f: impl FnOnce(&OutputContext) -> R) -> R {
    f(&default_context())
}

/// Replaces the current context by what `f` makes of it, until the current scope ends, and returns the context before.
///
/// ```
/// use logscope::{LevelFilter, OutputContext};
///
/// let uno = OutputContext::builder("uno").build();
/// uno.scope(|| {
///     let before = logscope::update(|context| context.with_verbosity(LevelFilter::TRACE));
///     assert_eq!(before.unwrap().verbosity().max_level(), LevelFilter::INFO);
///     assert_eq!(OutputContext::current().verbosity().max_level(), LevelFilter::TRACE);
/// });
/// assert!(logscope::update(|context| context.clone()).is_none());
/// ```
///
/// Inside a future that was given a context ([`in_context`](crate::InContext::in_context)), the change stays with the task, over every
/// `.await`, and never reaches the thread.
///
/// Outside every scope nothing is replaced: `f` is not called, and `None` is returned. Only
/// [`set_process_default`](crate::set_process_default) changes the process default. `None` is also returned if another context is current once `f`
/// returns, because `f` entered, left or updated a scope: the context that `f` started from is then no longer there to be replaced.
pub fn update(f: impl FnOnce(&OutputContext) -> OutputContext) -> Option<OutputContext> {
    let current = OutputContext::try_current()?;
    let next = f(&current);
    // Without this check, a scope that `f` left would hand its context on to the scope below.
    if !with_current(|now| now.is_some_and(|now| ptr::eq(now, &**current.inner()))) {
        return None;
    }
    chain::replace_current(next.into_inner()).map(OutputContext::of_inner)
}
