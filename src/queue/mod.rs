//! The algorithm of a queue, without outputs, threads or contexts.
//!
//! | file | what |
//! |---|---|
//! | `ring` | [`Ring`]: many threads push records into a bounded ring of bytes. An essay explains its layout, its invariants and its wake-ups |
//! | `words` | the array of the ring, whose memory an idle ring gives back |
//! | `reader` | draining the ring, and evicting its oldest records, one thread at a time |
//! | `progress` | [`Progress`]: threads and tasks that wait for room in the ring or for a flush |
//! | `schedule` | [`Schedule`]: at most one writer thread drains a queue, and one does whenever there is something to do |
//!
//! The algorithm promises the following at any interleaving. The loom models beside these files check it.
//!
//! - A record that was accepted is drained or evicted exactly once, and whole.
//! - The records of one thread are drained in the order in which the thread pushed them, and all records in the order in which the ring
//!   accepted them.
//! - No record is lost when the memory of an idle ring is given back.
//! - An idle ring is empty, and the first push into it returns that the reader must be woken.
//! - A flush completes only after every record that was accepted before the flush was requested is resolved.
//! - A push into a ring that is being closed is either accepted and drained later, or refused.
//! - A queue that was notified is drained, by one thread at a time.
//! - No thread goes on waiting for room after room was made, or after the ring was closed.
//!
//! This module imports `sync` and `record` only. Not here: what a log call does when the queue is full (`background::enqueue`), the writer
//! threads (`background::pool`), and how long anybody waits (`limits`).

mod progress;
mod reader;
mod ring;
mod schedule;
mod words;

#[cfg(all(test, logscope_loom))]
mod models;
#[cfg(all(test, not(logscope_loom)))]
mod tests;

pub(crate) use progress::{FlushRequest, FlushTicket, Patience, Progress, TicketFuture};
pub(crate) use reader::{Drained, Stop};
pub(crate) use ring::{Label, MAX_TAG, Pushed, Refused, Ring};
pub(crate) use schedule::{NextStep, Schedule};
