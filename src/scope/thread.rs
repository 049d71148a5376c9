//! Scopes on a thread: closures and guards.

use std::fmt;

use super::{chain, entering};
use crate::context::{ContextInner, OutputContext};

/// Keeps a context current until it is dropped; from [`OutputContext::enter`].
///
/// Guards may be dropped in any order, in another poll of the task that made them, after that task has ended, and while another
/// task is running: each ends its own scope and no other. A guard that is forgotten keeps its scope until its task ends; on a
/// thread, for ever. A guard cannot be sent to another thread:
///
/// ```compile_fail,E0277
/// let guard = logscope::OutputContext::builder("uno").build().enter();
/// std::thread::spawn(move || drop(guard));
/// ```
///
/// The context can: `std::thread::spawn(context.bind(f))`. For the same reason a future that holds a guard over an `.await` cannot be given
/// to a runtime that moves tasks between threads: give the future the context instead, with
/// [`in_context`](crate::FutureExt::in_context).
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
    /// Inside a future that was given a context ([`in_context`](crate::FutureExt::in_context)), the scope belongs to the task: it stays
    /// over every `.await` and never reaches what else runs on the thread. Inside one that was not, there is no task to belong to: the
    /// guard is the thread's, and one that is held over an `.await` is current for whatever the thread runs meanwhile. Where a closure will do, [`scope`](OutputContext::scope) is cheaper: it does not allocate.
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
    #[inline]
    pub fn enter(&self) -> ScopeGuard {
        entering();
        ScopeGuard { _guard: chain::Guard::enter(self.inner().clone()) }
    }

    /// Makes this context current while `f` runs. Nothing is allocated.
    ///
    /// ```
    /// use logscope::{OutputContext, sink};
    ///
    /// let _ = logscope::init(); // once, early in main
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
