//! tokio's functions, with tasks that inherit the current context. (Feature `tokio`.)
//!
//! The functions have the names and the bounds of tokio's, and run what they are given in the context and in the span that were current where
//! they were called.
//!
//! ```
//! use logscope::{OutputContext, sink};
//!
//! logscope::init(); // once, early in main
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let (memory, lines) = sink::memory();
//! let uno = OutputContext::builder("uno").sink(memory).build();
//! let task = uno.scope(|| {
//!     logscope::tokio::spawn(async {
//!         tracing::info!("compiling");
//!         logscope::tokio::spawn_blocking(|| tracing::info!("linking")).await.unwrap();
//!     })
//! });
//! task.await.unwrap();
//! assert_eq!(lines.len(), 2);
//! # });
//! ```
//!
//! | tokio | here |
//! |---|---|
//! | [`tokio::spawn`], `tokio::task::spawn` | [`spawn`] |
//! | [`tokio::task::spawn_blocking`], `spawn_local` | [`spawn_blocking`], [`spawn_local`] |
//! | `Handle::spawn`, `Runtime::spawn`, `Handle::spawn_blocking` | [`spawn_on`], [`spawn_blocking_on`] |
//! | `LocalSet::spawn_local` | [`spawn_local_on`] |
//! | [`JoinSet::spawn`](::tokio::task::JoinSet::spawn) and its like | [`JoinSetExt::spawn_in_current`] and its like |
//! | `#[tokio::main]`, `#[tokio::test]` | [`RuntimeBuilderExt::run_in_context`] |
//! | `tokio::task::block_in_place`, `select!`, `join!` | tokio's own: they run what they are given where they are called |
//!
//! A task has scopes of its own: what it enters and what it [updates](crate::update) stays with it over every `.await`. A task that is spawned
//! outside every scope is in none, also where it is polled on a thread that is in one. Both hold for the spans of the thread too. The span stays
//! open as long as the task.

mod join_set;
mod runtime;

pub use join_set::JoinSetExt;
pub use runtime::RuntimeBuilderExt;

use ::tokio::runtime::Handle;
use ::tokio::task::{JoinHandle, LocalSet};

use crate::scope::{Bound, Follow, Following};

/// Spawns a task in the current context and the current span; otherwise like [`tokio::spawn`].
///
/// ```
/// use logscope::OutputContext;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let uno = OutputContext::builder("uno").build();
/// let task = uno.scope(|| logscope::tokio::spawn(async { OutputContext::current().name().to_owned() }));
/// assert_eq!(task.await.unwrap(), "uno");
/// # });
/// ```
///
/// # Panics
///
/// Outside a runtime.
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    ::tokio::spawn(Following::here(future))
}

/// Spawns a task on the runtime of `handle`; otherwise like [`spawn`].
///
/// ```
/// use logscope::OutputContext;
///
/// let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// let uno = OutputContext::builder("uno").build();
/// let task = uno.scope(|| logscope::tokio::spawn_on(async { OutputContext::current() }, runtime.handle()));
/// assert_eq!(runtime.block_on(task).unwrap().name(), "uno");
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn spawn_on<F>(future: F, handle: &Handle) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    handle.spawn(Following::here(future))
}

/// Spawns a task of the current [`LocalSet`]; otherwise like [`spawn`].
///
/// # Panics
///
/// Outside a `LocalSet`.
#[track_caller]
pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    ::tokio::task::spawn_local(Following::here(future))
}

/// Spawns a task of `local_set`; otherwise like [`spawn_local`].
#[track_caller]
pub fn spawn_local_on<F>(future: F, local_set: &LocalSet) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    local_set.spawn_local(Following::here(future))
}

/// Runs `f` on a thread for blocking work, in the current context and the current span; otherwise like [`tokio::task::spawn_blocking`].
///
/// # Panics
///
/// Outside a runtime.
#[track_caller]
pub fn spawn_blocking<F, R>(f: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    let bound = Bound::new(Follow::here(), f);
    ::tokio::task::spawn_blocking(move || bound.run_once())
}

/// Runs `f` on a thread for blocking work of the runtime of `handle`; otherwise like [`spawn_blocking`].
#[track_caller]
pub fn spawn_blocking_on<F, R>(f: F, handle: &Handle) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    let bound = Bound::new(Follow::here(), f);
    handle.spawn_blocking(move || bound.run_once())
}
