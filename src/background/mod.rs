//! Queued outputs: a [queue](crate::queue) in front of an output, and the writer threads that take records from the one to the other.
//!
//! | file | what |
//! |---|---|
//! | `options` | what a program sets of a queue |
//! | `queued` | an output with its queue |
//! | `handle` | how sinks and contexts get hold of a queue; with its last handle a queue is closed |
//! | `accounts` | whose the records in a queue are |
//! | `enqueue` | into the queue: what a log call does, also when the queue is full or closed |
//! | `drain` | out of the queue: what a writer thread does |
//! | `front` | calling writer threads to a queue, for a flush or at its close |
//! | `pool` | the writer threads |
//! | `fork_gate` | forks wait for writer threads, and writer threads for forks |
//! | `list`, `closing` | all queues of the process, and those that no sink holds any more, for its end |
//!
//! The algorithm of a queue is in `queue`; counting and notices are in `delivery`; what happens when the process ends or forks is in
//! `sink::exit`. Nothing here knows files. Imports what stands before it, `delivery` last.

mod accounts;
pub(crate) mod closing;
mod drain;
mod enqueue;
pub(crate) mod fork_gate;
mod front;
mod handle;
pub(crate) mod list;
mod options;
pub(crate) mod pool;
mod queued;

pub(crate) use accounts::Account;
pub(crate) use enqueue::NumberedRenderer;
pub(crate) use handle::{OpenAccount, has_closing_queues};
pub use options::{Overflow, Queue};
pub(crate) use queued::{QueueHandle, QueuedOutput};
