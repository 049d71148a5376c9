//! Scopes: which context is current, and how it follows the work.
//!
//! The current context is that of the newest scope of the running stack, else the process default. A running stack is a thread,
//! or a task while it is polled: a poll starts a fresh stack, based on the task's context. The algorithm is in [`chain`].

mod carry;
mod chain;
mod task;
mod thread;

pub use carry::bind_current;
pub(crate) use chain::glance;
pub use task::{FutureExt, InContext};
pub use thread::ScopeGuard;

use std::ptr;

use crate::context::{ContextInner, OutputContext, default_context};
use crate::sync::thread::LocalKey;
use crate::sync::{AtomicUsize, OnceLock, Ordering};

thread_local! {
    /// Without destructor, so that it can be read in the destructors of other thread-locals.
    static LOCAL: chain::Local<ContextInner> = const { chain::Local::new() };
}

impl chain::Scoped for ContextInner {
    #[inline]
    fn local() -> &'static LocalKey<chain::Local<Self>> {
        &LOCAL
    }
}

/// Calls `f` with the current context, or with `None` outside every scope. No count is taken: what this thread releases
/// meanwhile stays alive until the outermost such call ends.
#[inline]
pub(crate) fn with_current<R>(f: impl FnOnce(Option<&ContextInner>) -> R) -> R {
    chain::with_current::<ContextInner, R>(|current| f(current.map(|inner| &**inner)))
}

impl OutputContext {
    /// The current context: that of the newest scope, else the process default.
    #[must_use]
    pub fn current() -> OutputContext {
        Self::try_current().unwrap_or_else(default_context)
    }

    /// The context of the newest scope; `None` outside every scope.
    #[must_use]
    pub fn try_current() -> Option<OutputContext> {
        chain::current().map(OutputContext::from)
    }

    /// Calls `f` with the current context, without taking a count on it: the cheapest way to ask it something.
    ///
    /// What this thread lets go of meanwhile (a guard's context, a task's) is kept until `f` returns, so `f` should be short.
    ///
    /// ```
    /// use logscope::OutputContext;
    ///
    /// let uno = OutputContext::builder("uno").build();
    /// let id = uno.scope(|| OutputContext::with_current(|context| context.id()));
    /// assert_eq!(id, uno.id());
    /// ```
    #[inline]
    pub fn with_current<R>(f: impl FnOnce(&OutputContext) -> R) -> R {
        chain::with_current_as::<ContextInner, OutputContext, R>(|current| match current {
            Some(context) => f(context),
            None => with_default_context(f),
        })
    }
}

/// Apart, so that the reader of a scope's context is small enough to be compiled into its caller.
#[cold]
#[inline(never)]
fn with_default_context<R>(f: impl FnOnce(&OutputContext) -> R) -> R {
    f(&default_context())
}

/// Replaces the current context by what `f` makes of it, until the scope that it is current in ends, and returns the one that was.
///
/// Inside a future that was given a context ([`in_context`](FutureExt::in_context)), the change stays with the task, over every
/// `.await`, and never reaches the thread. Outside every scope nothing is
/// replaced, `f` is not called, and `None` is returned: the process default is changed by [`set_default`](crate::set_default) alone.
/// `None` too where another context is current once `f` returns, because it entered, left or updated a scope itself: what `f`
/// made was made of a context that is not there to be replaced.
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
pub fn update(f: impl FnOnce(&OutputContext) -> OutputContext) -> Option<OutputContext> {
    let current = OutputContext::try_current()?;
    let next = f(&current);
    // Without this, a scope that `f` left would hand its context on to the scope below.
    if !with_current(|now| now.is_some_and(|now| ptr::eq(now, &**current.inner()))) {
        return None;
    }
    chain::replace_current(next.into_inner()).map(OutputContext::from)
}

/// How many layers a scope that is entered must tell so.
static ARMED: AtomicUsize = AtomicUsize::new(0);
static HOOK: OnceLock<fn()> = OnceLock::new();

/// Has `hook` called by each scope that is entered, until [`disarm`] was called as often: a layer has something to do that must come
/// before the first event of a scope.
pub(crate) fn arm(hook: fn()) {
    let _ = HOOK.set(hook);
    // Release, with the Acquire in `entering`: whoever sees the count finds the hook.
    ARMED.fetch_add(1, Ordering::Release);
}

pub(crate) fn disarm() {
    // Release, with the Acquire in `entering`: whoever no longer calls the hook finds done what it was for.
    ARMED.fetch_sub(1, Ordering::Release);
}

#[inline]
fn entering() {
    if ARMED.load(Ordering::Acquire) != 0 {
        call_hook();
    }
}

#[cold]
fn call_hook() {
    if let Some(hook) = HOOK.get() {
        hook();
    }
}
