//! Locks for threads and tasks at once, which say who waits for whom.
//!
//! A [`Mutex`] is one lock for a datum that both threads and tasks use: [`lock`](Mutex::lock) waits on the thread,
//! [`lock_async`](Mutex::lock_async) in the task, on any executor. Two locks for it, a thread's and a task's, would exclude nobody. A
//! [`Semaphore`] is the same for a number of permits.
//!
//! ```
//! use std::sync::Arc;
//! use logscope::lock::Mutex;
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let fetched = Arc::new(Mutex::new(Vec::new()).named("fetched"));
//!
//! let thread = std::thread::spawn({
//!     let fetched = Arc::clone(&fetched);
//!     move || fetched.lock().push("toolchain")
//! });
//! let task = tokio::spawn({
//!     let fetched = Arc::clone(&fetched);
//!     async move { fetched.lock_async().await.push("framework") }
//! });
//! # task.await.unwrap();
//! # thread.join().unwrap();
//! # assert_eq!(fetched.lock().len(), 2);
//! # });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What holds for both
//!
//! - A waiting task blocks no thread of its executor. A future that is dropped, also one that was just woken, loses no wake-up.
//! - Nobody starves. A mutex lets threads and tasks that are running be faster than the first in line while that one is being woken, but no more
//!   than 256 times; then it is handed the lock. A semaphore is first come, first served.
//! - A guard may be held over an `.await`, and be dropped on another thread.
//! - A panic releases what was held, and does not poison it. What the lock protects must be right at each point where code can panic.
//! - A lock that nobody holds is got by one atomic step, and requests no memory.
//!
//! # What is logged
//!
//! Plain `tracing` events with the target `logscope::lock`, in the context of whoever waits. Only waits are logged: a lock that is free is got
//! without a word.
//!
//! | when | level | message | fields |
//! |---|---|---|---|
//! | a wait begins | DEBUG | `waiting for fetched, held by src/fetch.rs:88` | `lock`, `held_by` |
//! | a thread has waited for 1 s, 2 s, 4 s and so on | INFO | `still waiting for fetched after 1.0s, held by src/fetch.rs:88` | `lock`, `held_by`, `waited_ms` |
//! | a wait ends without the lock | DEBUG | `gave up waiting for fetched after 1.5s, held by src/fetch.rs:88` | `lock`, `held_by`, `waited_ms` |
//! | who had to wait has released it | DEBUG; INFO if the wait took 1 s or longer | `released fetched, held for 3.0ms after a wait of 1.2s, held by src/fetch.rs:88` | `lock`, `held_by`, `waited_ms`, `held_ms` |
//!
//! `held_by` is the place in the source where the lock was got by whoever had it when the wait began; of those who share a semaphore, by the last.
//! A lock without a name is called after the place where it was made. There is no event at the moment when a lock is got: nothing is logged while
//! the caller holds the lock or stands in line for it, so that the subscriber's work holds up nobody else, and a subscriber may use the very lock
//! that is logged about. What locks would log inside such an event is left out. A task has no timer here: that it waited for long is told when it
//! has released the lock.
//!
//! `silent` has a lock log nothing. That is for locks under an output, whose waits would log to the output that waits.
//!
//! # Limits
//!
//! - Locks are not reentrant: who locks a mutex that it holds waits for ever, as with std's.
//! - `lock` and `acquire` block the thread. In a task they block the executor's thread, and on a runtime with one worker for ever if the lock is
//!   held by another task of it. In a task, use `lock_async`, or give the thread up first, as with `tokio::task::block_in_place`.
//! - A waiting future that is neither polled nor dropped keeps its place. If it is first in line, the lock is handed to it in the end, and nobody
//!   else gets it. So do not hold such a future while you await something else that needs the lock. The same holds for a future that is
//!   forgotten (`mem::forget`), and for a guard that is: its lock stays held.
//! - In a forked child, a lock that another thread of the parent held at the fork stays held.

mod core;
mod gate;
mod line;
mod log;
mod mutex;
mod parker;
mod semaphore;
mod stats;
mod waiter;
mod word;

pub use self::mutex::{Mutex, MutexGuard, OwnedMutexGuard};
pub use self::semaphore::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
pub use self::stats::{LockStats, Timings};
