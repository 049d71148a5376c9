//! What several processes share beyond one host: leases, which are locks that expire.
//!
//! | to | use |
//! |---|---|
//! | keep other processes out, on any host, for a time at most | [`Lease`] |
//!
//! This module is above [`lock`](crate::lock), and nothing of the logger uses it. What it logs has the target `logscope::store`.

mod document;
pub mod lease;

pub use document::{
    CacheGone, DocumentCache, ReadOnlyStore, SaveError, StoreSnapshot, Store, StoreGuard, StoreOptions, UnlockedStore,
};
pub use lease::{FolderLeases, Lease, LeaseBackend, LeaseClaim, LeaseGuard, LeaseHolder, LeaseState, MemoryLeases};

pub use crate::registry::{Instance, Registry};
