//! Tasks of a `JoinSet`.

use ::tokio::runtime::Handle;
use ::tokio::task::{AbortHandle, JoinSet, LocalSet};

use crate::scope::{Bound, Follow, Following};

/// Spawns tasks of a [`JoinSet`] in the current context and the current span.
///
/// ```
/// use logscope::OutputContext;
/// use logscope::tokio::JoinSetExt as _;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let uno = OutputContext::builder("uno").build();
/// let mut tasks = tokio::task::JoinSet::new();
/// uno.scope(|| {
///     tasks.spawn_in_current(async { OutputContext::current().name().to_owned() });
///     tasks.spawn_blocking_in_current(|| OutputContext::current().name().to_owned());
/// });
/// assert_eq!(tasks.join_all().await, ["uno", "uno"]);
/// # });
/// ```
///
/// The methods have names of their own, because a method of the type itself goes before one of a trait. Each panics where that of `JoinSet`
/// does.
pub trait JoinSetExt<T>: sealed::Sealed {
    /// Spawns a task; otherwise like [`JoinSet::spawn`].
    fn spawn_in_current<F>(&mut self, task: F) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send;

    /// Spawns a task on the runtime of `handle`; otherwise like [`JoinSet::spawn_on`].
    fn spawn_on_in_current<F>(&mut self, task: F, handle: &Handle) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send;

    /// Spawns a task of the current [`LocalSet`]; otherwise like [`JoinSet::spawn_local`].
    fn spawn_local_in_current<F>(&mut self, task: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static;

    /// Spawns a task of `local_set`; otherwise like [`JoinSet::spawn_local_on`].
    fn spawn_local_on_in_current<F>(&mut self, task: F, local_set: &LocalSet) -> AbortHandle
    where
        F: Future<Output = T> + 'static;

    /// Runs `f` on a thread for blocking work; otherwise like [`JoinSet::spawn_blocking`].
    fn spawn_blocking_in_current<F>(&mut self, f: F) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send;

    /// Runs `f` on a thread for blocking work of the runtime of `handle`; otherwise like [`JoinSet::spawn_blocking_on`].
    fn spawn_blocking_on_in_current<F>(&mut self, f: F, handle: &Handle) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send;
}

impl<T: 'static> JoinSetExt<T> for JoinSet<T> {
    #[track_caller]
    fn spawn_in_current<F>(&mut self, task: F) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        self.spawn(Following::here(task))
    }

    #[track_caller]
    fn spawn_on_in_current<F>(&mut self, task: F, handle: &Handle) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        self.spawn_on(Following::here(task), handle)
    }

    #[track_caller]
    fn spawn_local_in_current<F>(&mut self, task: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.spawn_local(Following::here(task))
    }

    #[track_caller]
    fn spawn_local_on_in_current<F>(&mut self, task: F, local_set: &LocalSet) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.spawn_local_on(Following::here(task), local_set)
    }

    #[track_caller]
    fn spawn_blocking_in_current<F>(&mut self, f: F) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send,
    {
        let bound = Bound::new(Follow::here(), f);
        self.spawn_blocking(move || bound.run_once())
    }

    #[track_caller]
    fn spawn_blocking_on_in_current<F>(&mut self, f: F, handle: &Handle) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send,
    {
        let bound = Bound::new(Follow::here(), f);
        self.spawn_blocking_on(move || bound.run_once(), handle)
    }
}

/// Keeps the trait to this crate, so that it can grow.
mod sealed {
    pub trait Sealed {}

    impl<T> Sealed for ::tokio::task::JoinSet<T> {}
}
