//! Queued outputs: a [queue](crate::queue) in front of an output, and the writer threads that drain it.
//!
//! | file | what |
//! |---|---|
//! | `options` | the options of a queue that a program sets |
//! | `queued` | an output with its queue |
//! | `handle` | how sinks and contexts hold a queue; when the last sink is dropped, the queue is closed |
//! | `accounts` | which context each record in a queue belongs to |
//! | `enqueue` | what a log call does, **also when the queue is full**, closed, or in a forked child |
//! | `direct` | writing a record in its own log call: past a closed queue, and in a forked child |
//! | `drain` | what a writer thread does with a queue: it drains a batch, writes it, and completes flushes |
//! | `front` | scheduling a queue on a writer thread, closing it, waiting until it is written |
//! | `pool` | the writer threads; its `plan` decides which of them does what |
//! | `inside` | which writer threads are inside an output, and so may be held up |
//! | `fork_gate` | forks wait for writer threads, and writer threads for forks |
//! | `list` | all queues, for the exit of the process |
//!
//! To change what a full queue does, change `enqueue` (and `options`, where [`Overflow`] is). To change how long a log call or an exit
//! waits, change `limits`.
//!
//! Not here: the algorithm of a queue (`queue`), counting, drop notices and flushes (`delivery`), the exit of the process and forks
//! (`sink::exit`). Imports `delivery` and the modules before it, but not `file`.

mod accounts;
mod direct;
mod drain;
mod enqueue;
mod fork_gate;
mod front;
mod handle;
mod inside;
pub(crate) mod list;
mod options;
pub(crate) mod pool;
mod queued;

pub(crate) use accounts::Account;
pub(crate) use handle::OpenAccount;
#[cfg(feature = "file")]
pub(crate) use handle::has_closing_queues;
pub use options::{Overflow, Queue};
pub(crate) use queued::{QueueHandle, QueuedOutput, QueuedView};
