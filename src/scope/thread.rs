//! Scopes on a thread: closures and guards.

use std::fmt;

use super::chain;
use super::hook::entering;
use crate::context::{ContextInner, OutputContext};

/// Keeps a context current until it is dropped; from [`OutputContext::enter`].
///
/// Each guard ends its own scope and no other. Guards may be dropped in any order, in another poll of the task that made them, after
/// that task has ended, and while another task is running. A forgotten guard keeps its scope open until its task ends, or on a
/// thread for ever. A guard cannot be sent to another thread:
///
/// ```compile_fail,E0277
/// let guard = logscope::OutputContext::builder("uno").build().enter();
/// std::thread::spawn(move || drop(guard));
/// ```
///
/// For the same reason a runtime that moves tasks between threads does not accept a future that holds a guard over an `.await`: give the
/// future the context instead, with [`in_context`](crate::InContext::in_context). A closure takes the context with
/// [`bind`](OutputContext::bind):
///
/// ```
/// let context = logscope::OutputContext::builder("uno").build();
/// std::thread::spawn(context.bind(|| ())).join().unwrap();
/// ```
#[must_use = "the scope ends when the guard is dropped: bind it, `let _scope = context.enter();` (`let _ = …` drops it at once)"]
pub struct ScopeGuard {
    _guard: chain::Guard<ContextInner>,
}

impl fmt::Debug for ScopeGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeGuard").finish_non_exhaustive()
    }
}

impl OutputContext {
    /// Makes this context current until the guard is dropped.
    ///
    /// ```
    /// use logscope::OutputContext;
    ///
    /// let uno = OutputContext::builder("uno").build();
    /// let scope = uno.enter();
    /// assert_eq!(OutputContext::current().name(), "uno");
    /// drop(scope);
    /// assert!(OutputContext::try_current().is_none());
    /// ```
    ///
    /// Where a closure will do, [`scope`](OutputContext::scope) is cheaper: it does not allocate.
    ///
    /// Inside a future that was given a context ([`in_context`](crate::InContext::in_context)), the scope belongs to the task: it stays
    /// over every `.await` and never reaches other work on the thread. Inside a future without a context there is no task for it to belong
    /// to: the scope is the thread's, and while the guard is held over an `.await` everything that the thread runs is in it.
    #[inline]
    pub fn enter(&self) -> ScopeGuard {
        entering();
        ScopeGuard { _guard: chain::Guard::enter(self.inner().clone()) }
    }

    /// Makes this context current while `f` runs, without allocating.
    ///
    /// ```
    /// use logscope::{OutputContext, sink};
    ///
    /// logscope::init(); // once, early in main
    /// let (memory, lines) = sink::memory();
    /// let uno = OutputContext::builder("uno").sink(memory).build();
    /// uno.scope(|| tracing::info!("configured"));
    /// assert_eq!(lines.lines().len(), 1);
    /// ```
    #[inline]
    pub fn scope<R>(&self, f: impl FnOnce() -> R) -> R {
        entering();
        chain::scope(self.inner(), f)
    }
}
