//! What several processes share beyond one host: leases, which are locks that expire.
//!
//! | to | use |
//! |---|---|
//! | keep other processes out, on any host, for a time at most | [`Lease`] |
//!
//! This module is above [`lock`](crate::lock), and nothing of the logger uses it. What it logs has the target `logscope::store`.

pub mod lease;
#[cfg(feature = "redis")]
mod redis_client;

#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub use lease::RedisLeases;
pub use lease::{FolderLeases, Lease, LeaseBackend, LeaseClaim, LeaseGuard, LeaseHolder, LeaseState, MemoryLeases};
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub use redis_client::RedisOptions;
