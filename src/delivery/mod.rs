//! From a sink to its output: counting, notices of missing records, flushing.
//!
//! | file | what |
//! |---|---|
//! | `core` | one output with its counts, shared by all its sinks; the list of all of them |
//! | `ledger`, `outcome` | exact counts of what became of records, and their reading |
//! | `missing`, `notices` | records that are missing from a log, and how the log states them |
//! | `front` | what a queue in front of an output does for a flush |
//! | `flush` | waiting until what was accepted is written |
//!
//! Queues themselves are elsewhere: their algorithm in `queue`, their threads in `background`. Imports what stands before it, not files.

mod core;
mod flush;
mod front;
mod ledger;
mod missing;
mod notices;
mod outcome;

pub(crate) use self::core::Core;
pub(crate) use flush::{Flush, flush_all, left_at_work};
pub(crate) use front::Front;
pub(crate) use ledger::{Fate, Ledger};
pub(crate) use missing::{Loss, Missing, MissingClaim};
pub(crate) use notices::{PutNotice, state_claim, state_missing};
pub use outcome::Outcome;
