//! One live value per key.
//!
//! | file | what |
//! |---|---|
//! | `core` | values by key, counted by leases: what the outputs of files and the public registry share |
//! | `leaving` | values that keep their key until they are dropped, as those of the public registry do |
//! | `waits` | who makes or drops which value and who waits for it, so that nobody waits for itself |
//! | `instances` | the public [`Registry`]: one live instance per key, made once |
//!
//! Imports the rooms up to `output`, of which it uses the mark of a thread that allocates under a lock.

mod core;
#[cfg(feature = "store")]
mod instances;
#[cfg(feature = "store")]
mod leaving;
#[cfg(feature = "store")]
mod waits;

#[cfg(feature = "file")]
pub(crate) use core::{Acquired, EntryId, Lease, Registry as KeyedRegistry};
#[cfg(feature = "store")]
pub(crate) use instances::MakesItself;
#[cfg(feature = "store")]
pub use instances::{Instance, Registry};
