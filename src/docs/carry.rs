//! What carries the context where: threads, pools, tasks, callbacks.
//!
//! A context follows the work by itself as long as the work stays on its stack: through function calls, other crates, and every `.await` of a
//! task that has a context. Where work is handed to *another* thread or task, something must carry it, because Rust offers a library no place to
//! look at. This page says what does.
//!
//! # The table
//!
//! | where work goes | bare | ours | carries |
//! |---|---|---|---|
//! | a thread | `std::thread::spawn`, `Builder::spawn` | [`thread::spawn`](crate::thread::spawn()), [`thread::Builder`](crate::thread::Builder) | context, span |
//! | threads that borrow | `std::thread::scope` | [`thread::scope`](crate::thread::scope()) | context, span |
//! | two jobs of rayon | `rayon::join`, `join_context` | the same names in `logscope::rayon` | context, span |
//! | jobs of rayon | `rayon::spawn`, `scope`, `in_place_scope`, also those with `_fifo`; `broadcast`, `spawn_broadcast` | the same names in `logscope::rayon` | context, span |
//! | a pool of rayon | `pool.install(f)`, `pool.spawn(f)` | `logscope::rayon::install(&pool, f)`, `spawn_on(&pool, f)` | context, span |
//! | a parallel iterator | `iter.for_each(f)` | `iter.in_current_context().for_each(f)` | context; the span of where it is driven |
//! | a task of tokio | `tokio::spawn`, `task::spawn_local` | `logscope::tokio::spawn`, `spawn_local` | context, span |
//! | a task of another runtime, or of a `LocalSet` | `handle.spawn(t)`, `set.spawn_local(t)` | `logscope::tokio::spawn_on(t, &handle)`, `spawn_local_on(t, &set)` | context, span |
//! | a thread for blocking work | `tokio::task::spawn_blocking` | `logscope::tokio::spawn_blocking`, `spawn_blocking_on` | context, span |
//! | a task of a `JoinSet` | `set.spawn(t)` | `set.spawn_in_current(t)` | context, span |
//! | a whole program, test or runtime | `#[tokio::main]`, `#[tokio::test]` | `builder.run_in_context(&context, future)`, `builder.threads_in_context(&context)` | context |
//! | any future or stream | | [`in_context`](crate::InContext::in_context), [`in_current_context`](crate::InContext::in_current_context) | context |
//! | any closure | | [`bind`](crate::OutputContext::bind), [`bind_mut`](crate::OutputContext::bind_mut), [`bind_fn`](crate::OutputContext::bind_fn), [`bind_current`](crate::bind_current) | context |
//! | `select!`, `join!`, `block_in_place`, `block_on`, `thread::scope`'s own closure, plain iterators | as they are: they run what they are given where they stand | | |
//!
//! The functions of `thread`, `rayon` and `tokio` carry both the context and the current span; `bind`, `in_context` and their like carry the
//! context alone, and go well with `tracing`'s own `in_current_span`.
//!
//! - What is carried is what was current where the work was *submitted*: not where a pool was made, and not where the work runs.
//! - The work sees only that. A worker that is in a scope or in spans for other work leaves them first, and enters them again afterwards.
//! - Nothing is carried, too: work that is submitted outside every scope runs in none, wherever it runs. See also [`unscoped`](crate::unscoped).
//! - The span stays open until the work has ended. It is entered on several threads at once if several work in it.
//! - What a closure or a future has captured is dropped with the same context and span, also if it never runs.
//! - What it enters, and what it [updates](crate::update), ends with it, also where it runs on the thread of the caller.
//! - What it *returns* is its receiver's, and the thread-locals of its thread are the thread's: they are dropped outside the context.
//! - A closure that runs elsewhere because of another one is a submission of its own: rayon's sorts (`par_sort_by`) and the iterators inside a
//!   `flat_map` carry nothing. Enter the scope inside the closure of the sort, and give such iterators the context too.
//!
//! # rayon: what is stolen
//!
//! A thread of rayon that waits for one job works on others meanwhile. With a bare `rayon::join` inside a scope, such a *stolen* job finds the
//! thread in that scope, and logs to a log that has nothing to do with it. The functions of `logscope::rayon` leave the scope and the spans
//! while rayon waits, and enter them again around each closure, so what they steal runs in its own context, or in none. What they submit runs in
//! its own context whoever steals it. Only where a bare call waits *and* the job that it steals is bare as well, nothing of ours has a hand in
//! it, and the job's records land in the scope of the call that waits.
//!
//! # Finding the bare calls
//!
//! What was logged by work that nothing carried shows in [`unclaimed`](crate::unclaimed()): see [what was forgotten](crate::docs::forgotten). This is how to
//! find it before it runs.
//!
//! The functions have the names of those that they stand for, so `grep` finds the others, and so does clippy, with this `clippy.toml` beside
//! your `Cargo.toml`:
//!
//! ```toml
//! disallowed-methods = [
//!     { path = "std::thread::spawn", reason = "carries no context: use logscope::thread::spawn" },
//!     { path = "std::thread::scope", reason = "carries no context: use logscope::thread::scope" },
//!     { path = "std::thread::Builder::spawn", reason = "carries no context: use logscope::thread::Builder" },
//!     { path = "std::thread::Builder::spawn_unchecked", reason = "carries no context" },
//!     { path = "std::thread::Builder::spawn_scoped", reason = "carries no context: use logscope::thread::Builder" },
//!     { path = "tokio::spawn", reason = "carries no context: use logscope::tokio::spawn" },
//!     { path = "tokio::task::spawn_blocking", reason = "carries no context: use logscope::tokio::spawn_blocking" },
//!     { path = "tokio::task::spawn_local", reason = "carries no context: use logscope::tokio::spawn_local" },
//!     { path = "tokio::task::LocalSet::spawn_local", reason = "carries no context: use logscope::tokio::spawn_local_on" },
//!     { path = "tokio::runtime::Handle::spawn", reason = "carries no context: use logscope::tokio::spawn_on" },
//!     { path = "tokio::runtime::Handle::spawn_blocking", reason = "carries no context: use logscope::tokio::spawn_blocking_on" },
//!     { path = "tokio::runtime::Runtime::spawn", reason = "carries no context: use logscope::tokio::spawn_on" },
//!     { path = "tokio::runtime::Runtime::spawn_blocking", reason = "carries no context: use logscope::tokio::spawn_blocking_on" },
//!     { path = "tokio::task::JoinSet::spawn", reason = "carries no context: use spawn_in_current of JoinSetExt" },
//!     { path = "tokio::task::JoinSet::spawn_on", reason = "carries no context: use spawn_on_in_current of JoinSetExt" },
//!     { path = "tokio::task::JoinSet::spawn_local", reason = "carries no context: use spawn_local_in_current of JoinSetExt" },
//!     { path = "tokio::task::JoinSet::spawn_local_on", reason = "carries no context: use spawn_local_on_in_current of JoinSetExt" },
//!     { path = "tokio::task::JoinSet::spawn_blocking", reason = "carries no context: use spawn_blocking_in_current of JoinSetExt" },
//!     { path = "tokio::task::JoinSet::spawn_blocking_on", reason = "carries no context: use spawn_blocking_on_in_current of JoinSetExt" },
//!     { path = "rayon::join", reason = "carries no context: use logscope::rayon::join" },
//!     { path = "rayon::join_context", reason = "carries no context: use logscope::rayon::join_context" },
//!     { path = "rayon::scope", reason = "carries no context: use logscope::rayon::scope" },
//!     { path = "rayon::scope_fifo", reason = "carries no context: use logscope::rayon::scope_fifo" },
//!     { path = "rayon::in_place_scope", reason = "carries no context: use logscope::rayon::in_place_scope" },
//!     { path = "rayon::in_place_scope_fifo", reason = "carries no context: use logscope::rayon::in_place_scope_fifo" },
//!     { path = "rayon::spawn", reason = "carries no context: use logscope::rayon::spawn" },
//!     { path = "rayon::spawn_fifo", reason = "carries no context: use logscope::rayon::spawn_fifo" },
//!     { path = "rayon::broadcast", reason = "carries no context: use logscope::rayon::broadcast" },
//!     { path = "rayon::spawn_broadcast", reason = "carries no context: use logscope::rayon::spawn_broadcast" },
//!     { path = "rayon::yield_now", reason = "what it steals runs in this scope: use logscope::rayon::yield_now" },
//!     { path = "rayon::yield_local", reason = "what it takes up runs in this scope: use logscope::rayon::yield_local" },
//!     { path = "rayon::ThreadPool::install", reason = "carries no context: use logscope::rayon::install" },
//!     { path = "rayon::ThreadPool::join", reason = "carries no context: use logscope::rayon::install and join" },
//!     { path = "rayon::ThreadPool::scope", reason = "carries no context: use logscope::rayon::install and scope" },
//!     { path = "rayon::ThreadPool::scope_fifo", reason = "carries no context: use logscope::rayon::install and scope_fifo" },
//!     { path = "rayon::ThreadPool::in_place_scope", reason = "carries no context: use logscope::rayon::install and scope" },
//!     { path = "rayon::ThreadPool::in_place_scope_fifo", reason = "carries no context: use logscope::rayon::install and scope_fifo" },
//!     { path = "rayon::ThreadPool::broadcast", reason = "carries no context: use logscope::rayon::install and broadcast" },
//!     { path = "rayon::ThreadPool::spawn", reason = "carries no context: use logscope::rayon::spawn_on" },
//!     { path = "rayon::ThreadPool::spawn_fifo", reason = "carries no context: use logscope::rayon::install and spawn_fifo" },
//!     { path = "rayon::ThreadPool::spawn_broadcast", reason = "carries no context: use logscope::rayon::install and spawn_broadcast" },
//!     { path = "rayon::ThreadPool::yield_now", reason = "carries no context: use logscope::rayon::install and yield_now" },
//!     { path = "rayon::ThreadPool::yield_local", reason = "carries no context: use logscope::rayon::install and yield_local" },
//! ]
//! ```
//!
//! All lines can stay: clippy passes over crates that you do not use. `#[allow(clippy::disallowed_methods)]` lets one call through. Calls that hand
//! over a context themselves are found, too; write `logscope::tokio::spawn(future.in_context(&uno))` and
//! `logscope::thread::spawn(uno.bind(work))` there: the explicit context wins.
//!
//! Closures that rayon calls on its own account can be listed as well, and then need the `#[allow]` where they are right:
//!
//! ```toml
//!     { path = "rayon::iter::ParallelIterator::flat_map", reason = "its inner iterators need in_current_context; or use flat_map_iter" },
//!     { path = "rayon::iter::ParallelIterator::flatten", reason = "its inner iterators need in_current_context; or use flatten_iter" },
//!     { path = "rayon::slice::ParallelSliceMut::par_sort_by", reason = "its closure carries no context" },
//! ```
//!
//! No list finds a parallel iterator without `in_current_context`, or a `JoinSet` that is collected from futures. A guard that is held over an
//! `.await` is found with
//!
//! ```toml
//! await-holding-invalid-types = [{ path = "logscope::ScopeGuard", reason = "belongs to the thread, unless the future has a context" }]
//! ```
