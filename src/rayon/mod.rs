//! rayon's functions, with jobs that keep the context in which they were submitted. (Feature `rayon`.)
//!
//! A thread of rayon that waits works on other jobs meanwhile: it *steals* them. What such a job logs would land in the context that the thread
//! is in for the job that waits. So each function here does two things:
//!
//! - It notes the current context and the current span, and runs each closure in both, whichever thread it runs on. They are those of the
//!   submitter, not those of whoever made the pool.
//! - While rayon waits, the calling thread is outside every scope and outside all spans. What it steals runs in its own context, or in none if
//!   nothing carried it.
//!
//! ```
//! use logscope::{InContext as _, OutputContext, sink};
//! use rayon::prelude::*;
//!
//! logscope::init(); // once, early in main
//! let (memory, lines) = sink::memory();
//! let uno = OutputContext::builder("uno").sink(memory).build();
//! uno.scope(|| {
//!     logscope::rayon::join(|| tracing::info!("compiling"), || tracing::info!("documenting"));
//!     logscope::rayon::scope(|s| s.spawn(|_| tracing::info!("linking")));
//!     ["a.c", "b.c"].par_iter().in_current_context().for_each(|unit| tracing::info!(unit));
//! });
//! assert_eq!(lines.len(), 5);
//! ```
//!
//! # Parallel iterators
//!
//! [`in_context`](crate::InContext::in_context) and [`in_current_context`](crate::InContext::in_current_context) give a parallel iterator a
//! context. It covers what stands *behind* it; the closures before it run outside every scope, in any span or none. The span is the one that is
//! current where the iterator is driven, by `for_each` or `collect`, say; if an iterator has two contexts, only what stands behind the last one
//! is in that span. What the closures enter and [update](crate::update) for one item does not reach the next one.
//! The result is no indexed iterator, so `enumerate`, `zip` and `chunks` stand before it:
//!
//! ```
//! use logscope::{InContext as _, OutputContext};
//! use rayon::prelude::*;
//!
//! let uno = OutputContext::builder("uno").build();
//! let named = |(number, unit): (usize, &&str)| format!("{number} {unit} of {}", OutputContext::current().name());
//! let all: Vec<String> = ["a.c", "b.c"].par_iter().enumerate().in_context(&uno).map(named).collect();
//! assert_eq!(all, ["0 a.c of uno", "1 b.c of uno"]);
//! ```
//!
//! Behind a `flat_map` or a `flatten` it ends: these drive iterators of their own, and a thread that steals a part of one of those has nothing
//! that tells it the context. What it logs then goes to the process default, or to the context of whatever work its thread waits in. Use `flat_map_iter` or
//! `flatten_iter`, which keep the context, or give it to the inner iterators, which covers what stands behind the `flat_map` too, or once more behind it:
//!
//! ```
//! use logscope::{InContext as _, OutputContext};
//! use rayon::prelude::*;
//!
//! let uno = OutputContext::builder("uno").build();
//! let name = |_| OutputContext::current().name().to_owned();
//! let parts = |unit: u32| (0..unit).into_par_iter().in_current_context();
//! let all: Vec<String> = (0..4_u32).into_par_iter().in_context(&uno).flat_map(parts).map(name).collect();
//! assert_eq!(all, ["uno"; 6]);
//! ```
//!
//! It costs a few nanoseconds an item. Put it behind `filter` and `flat_map` only if their closures need no context: rayon hands what comes out
//! of those on item by item, and each item is then moved into context and span by itself.
//!
//! # Out of reach
//!
//! A *bare* call of rayon that waits inside a scope, such as `rayon::join`, a parallel iterator without a context, or the iterators inside a
//! `flat_map`, leaves its thread in that scope. If the thread then steals a job that nothing carried, the records of that job land in the
//! scope's context. A job that was submitted here does not mind: it runs in its own context there too. So what matters is that the call which
//! waits is one of these. [The guide](crate::docs::carry#finding-the-bare-calls) has a list for clippy, which finds the bare ones.

mod par_iter;
mod scope;

pub use scope::{Scope, ScopeFifo, in_place_scope, in_place_scope_fifo, scope, scope_fifo};

use ::rayon::{BroadcastContext, FnContext, ThreadPool, Yield};

use crate::scope::{Bound, Follow, RunIn as _, outside};

/// Runs two closures, perhaps at once, in the current context and the current span; otherwise like [`rayon::join`].
///
/// ```
/// use logscope::OutputContext;
///
/// let uno = OutputContext::builder("uno").build();
/// let name = || OutputContext::current().name().to_owned();
/// assert_eq!(uno.scope(|| logscope::rayon::join(name, name)), ("uno".to_owned(), "uno".to_owned()));
/// ```
///
/// # Panics
///
/// If one of the closures panics.
pub fn join<A, B, RA, RB>(oper_a: A, oper_b: B) -> (RA, RB)
where
    A: FnOnce() -> RA + Send,
    B: FnOnce() -> RB + Send,
    RA: Send,
    RB: Send,
{
    join_context(move |_| oper_a(), move |_| oper_b())
}

/// Runs two closures like [`join`], and tells each whether another thread has stolen it; otherwise like [`rayon::join_context`].
///
/// # Panics
///
/// If one of the closures panics.
pub fn join_context<A, B, RA, RB>(oper_a: A, oper_b: B) -> (RA, RB)
where
    A: FnOnce(FnContext) -> RA + Send,
    B: FnOnce(FnContext) -> RB + Send,
    RA: Send,
    RB: Send,
{
    let follow = Follow::here();
    let (a, b) = (Bound::new(&follow, oper_a), Bound::new(&follow, oper_b));
    outside(|| ::rayon::join_context(move |cx| a.consume(|a| a(cx)), move |cx| b.consume(|b| b(cx))))
}

/// Submits a job to the current pool, or to the global one, in the current context and the current span; otherwise like [`rayon::spawn`].
///
/// ```
/// use logscope::OutputContext;
///
/// let (done, result) = std::sync::mpsc::channel();
/// let uno = OutputContext::builder("uno").build();
/// uno.scope(|| logscope::rayon::spawn(move || done.send(OutputContext::current()).unwrap()));
/// assert_eq!(result.recv().unwrap().name(), "uno");
/// ```
pub fn spawn<F>(func: F)
where
    F: FnOnce() + Send + 'static,
{
    let bound = Bound::new(Follow::here(), func);
    ::rayon::spawn(move || bound.run_once());
}

/// Submits a job that runs after those that this thread submitted before; otherwise like [`spawn`].
pub fn spawn_fifo<F>(func: F)
where
    F: FnOnce() + Send + 'static,
{
    let bound = Bound::new(Follow::here(), func);
    ::rayon::spawn_fifo(move || bound.run_once());
}

/// Submits a job to `pool`, in the current context and the current span; otherwise like [`ThreadPool::spawn`].
pub fn spawn_on<F>(pool: &ThreadPool, func: F)
where
    F: FnOnce() + Send + 'static,
{
    let bound = Bound::new(Follow::here(), func);
    pool.spawn(move || bound.run_once());
}

/// Runs `op` in `pool`, in the current context and the current span, and waits for it; otherwise like [`ThreadPool::install`].
///
/// ```
/// use logscope::OutputContext;
///
/// let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build()?;
/// let uno = OutputContext::builder("uno").build();
/// let name = uno.scope(|| logscope::rayon::install(&pool, || OutputContext::current().name().to_owned()));
/// assert_eq!(name, "uno");
/// # Ok::<(), rayon::ThreadPoolBuildError>(())
/// ```
///
/// What `op` itself submits goes to `pool`, so this is also how [`join`] and [`scope()`] are run there.
///
/// # Panics
///
/// If `op` panics.
pub fn install<OP, R>(pool: &ThreadPool, op: OP) -> R
where
    OP: FnOnce() -> R + Send,
    R: Send,
{
    let follow = Follow::here();
    let bound = Bound::new(&follow, op);
    outside(|| ThreadPool::install(pool, move || bound.run_once()))
}

/// Runs `op` on every thread of the current pool, in the current context and the current span; otherwise like [`rayon::broadcast`].
///
/// # Panics
///
/// If `op` panics on one of the threads.
pub fn broadcast<OP, R>(op: OP) -> Vec<R>
where
    OP: Fn(BroadcastContext<'_>) -> R + Sync,
    R: Send,
{
    let follow = Follow::here();
    outside(|| ::rayon::broadcast(|context| follow.run(|| op(context))))
}

/// Submits a job to every thread of the current pool, in the current context and the current span; otherwise like [`rayon::spawn_broadcast`].
pub fn spawn_broadcast<OP>(op: OP)
where
    OP: Fn(BroadcastContext<'_>) + Send + Sync + 'static,
{
    let bound = Bound::new(Follow::here(), op);
    ::rayon::spawn_broadcast(move |context| bound.with(|op| op(context)));
}

/// Works on another job, if there is one, outside the current scope and span; otherwise like [`rayon::yield_now`].
pub fn yield_now() -> Option<Yield> {
    outside(::rayon::yield_now)
}

/// Works on another job that this thread has submitted, if there is one; otherwise like [`yield_now`].
pub fn yield_local() -> Option<Yield> {
    outside(::rayon::yield_local)
}
