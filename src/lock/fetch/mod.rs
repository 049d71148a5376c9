//! A cache that is filled once: one maker at a time for each key, over threads, tasks and processes.
//!
//! | file | what |
//! |---|---|
//! | `key` | the folder of a key |
//! | `policy` | when an entry serves a call, and what a call returns |
//! | `moment` | when an entry was made, and how old it is |
//! | `record` | the record beside the entry: who is served by whose work |
//! | `digest` | the digest that an entry is expected to have |
//! | `mirror` | links and copies of an entry |
//! | `transient` | which failures may pass |
//! | `job` | the parts of a fetch |
//! | `told` | what a fetch tells the log |
//! | `retry` | how long to wait after a failure |
//! | `blocking`, `task` | the parts, one after the other: on this thread, and for a future |
//! | `offload` | work that blocks, for a future |
//! | `builder` | [`Fetch`] |

mod blocking;
mod builder;
mod digest;
mod job;
mod key;
mod mirror;
mod moment;
mod offload;
mod policy;
mod record;
mod retry;
mod task;
mod told;
mod transient;

pub use builder::Fetch;
pub use digest::Digest;
pub use mirror::MirrorBy;
#[cfg(feature = "store")]
pub(crate) use offload::try_offload;
pub use policy::{FetchPolicy, Fetched};
