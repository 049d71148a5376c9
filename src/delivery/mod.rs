//! The way of a record from a sink to its output: counts, notices about missing records, and flushes.
//!
//! | file | what |
//! |---|---|
//! | `core`, `output_list` | one output with its counts, shared by all its sinks; the list of all outputs |
//! | `counters`, `ledger` | the exact counts of what became of records, and a reading of them |
//! | `missing`, `notices` | the records that are missing from a log, and the notices that say so in the log |
//! | `in_flight`, `own_calls` | the log calls in flight: which of them a flush waits for, and which are this thread's own |
//! | `front` | what a flush needs from a queue in front of an output |
//! | `flush` | waiting until all accepted records are written |
//! | `release` | how a flush gives back an output whose last sink was dropped meanwhile |
//! | `closing` | outputs that no sink holds any more, and that the exit of the process waits for |
//!
//! The text and the fields of a notice are in `record::notice`, and `notices` has when it is written and whose context it names.
//!
//! The algorithm of a queue is in `queue`, and the threads that write queues are in `background`. Single outputs are in `output` and `file`,
//! the functions that make sinks of them in `sink`. Imports the rooms up to `queue`, but not `file`.

pub(crate) mod closing;
mod core;
mod counters;
mod flush;
mod front;
mod in_flight;
mod ledger;
mod missing;
mod notices;
mod output_list;
mod own_calls;
mod release;
#[cfg(all(test, not(logscope_loom)))]
mod test_support;

pub(crate) use self::core::Core;
pub(crate) use counters::{Counters, DeferredCounters, Fate};
pub(crate) use flush::{Flush, busy_at_fork, finish_all, flush_all};
pub(crate) use front::Front;
pub(crate) use in_flight::{CallsEnded, InFlight, LogCall, Wait};
pub use ledger::Ledger;
pub(crate) use missing::{DueReport, Loss, Missing, MissingClaim};
pub(crate) use notices::{PutNotice, put_claimed_notice, put_notice, with_last_moment};
pub(crate) use own_calls::{OwnCall, is_in_call, own_deliveries};
pub(crate) use release::release_all;
#[cfg(feature = "testing")]
pub(crate) use release::unwritten_under;
