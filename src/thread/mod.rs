//! `std::thread`, with threads that inherit the current context.
//!
//! Replace `std::thread` by `logscope::thread`, and each thread that is started goes on in the context and in the span that were current where
//! it was started. All else is std's.
//!
//! ```
//! use logscope::{OutputContext, sink, thread};
//!
//! logscope::init(); // once, early in main
//! let (memory, lines) = sink::memory();
//! let uno = OutputContext::builder("uno").sink(memory).build();
//! uno.scope(|| {
//!     thread::spawn(|| tracing::info!("compiling")).join().unwrap();
//!     thread::scope(|threads| {
//!         threads.spawn(|| tracing::info!("linking"));
//!         threads.spawn(|| tracing::info!("documenting"));
//!     });
//! });
//! assert_eq!(lines.len(), 3);
//! ```
//!
//! A thread that is started outside every scope is in none. What a closure has captured is dropped in its context too, also if its thread could
//! not be started. The span stays open as long as the closure runs. See [the guide](crate::docs::carry) for what else carries the context.

mod builder;
mod scope;

pub use crate::sync::thread::{
    AccessError, JoinHandle, LocalKey, Result, ScopedJoinHandle, Thread, ThreadId, available_parallelism, current,
    panicking, park, park_timeout, sleep, yield_now,
};
pub use builder::Builder;
pub use scope::{Scope, scope};

use crate::scope::{Bound, Follow};
use crate::sync::thread;
use crate::under_test::Started;

/// Starts a thread in the current context and the current span; otherwise like [`std::thread::spawn`].
///
/// ```
/// use logscope::{OutputContext, thread};
///
/// let uno = OutputContext::builder("uno").build();
/// let handle = uno.scope(|| thread::spawn(|| OutputContext::current().name().to_owned()));
/// assert_eq!(handle.join().unwrap(), "uno");
/// ```
///
/// # Panics
///
/// If the system cannot start a thread. [`Builder::spawn`] returns an error then.
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let (bound, started) = (Bound::new(Follow::here(), f), Started::by_caller(None));
    thread::spawn(move || started.run(|| bound.run_once()))
}
