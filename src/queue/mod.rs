//! The algorithm of a queue, alone: nothing here knows of outputs, threads or contexts.
//!
//! [`Ring`] is a bounded ring of bytes that many push into and one at a time takes out of. [`Progress`] is how those who wait for it
//! learn how far it has come: who has found it full, and who wants everything that was pushed before to be written. [`Turn`] is whose
//! turn it is to work on it. What is promised, whatever the interleaving, and checked by the loom models beside this file:
//!
//! - a record that was accepted is taken out, or shown as thrown away, exactly once, and whole;
//! - the records of one thread come out in the order in which it pushed them, and all in the order in which they were accepted;
//! - a ring at rest is empty, and who first pushes into it is told to wake the reader;
//! - a flush is done only when everything that was accepted before it was asked for is settled;
//! - a push into a ring that is being closed is accepted, and then taken out, or refused;
//! - a queue that was called is worked on, by one thread at a time;
//! - nobody waits for room that has been made, or for a reader that is gone.

mod progress;
mod reader;
mod ring;
mod turn;

#[cfg(all(test, logscope_loom))]
mod models;
#[cfg(all(test, not(logscope_loom)))]
mod tests;

pub(crate) use progress::{FlushRequest, FlushTicket, Progress, TicketFuture};
pub(crate) use reader::{Drained, Stop};
pub(crate) use ring::{Label, MAX_TAG, Pushed, Refused, Ring};
pub(crate) use turn::{NextStep, Turn};
