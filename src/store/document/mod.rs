//! Documents: one per path, shared by the threads of a process, and saved only over what was read.
//!
//! | file | what |
//! |---|---|
//! | `header` | how a document stands on disk |
//! | `version` | a document as it was at one moment |
//! | `place` | where a document is, however its path is spelled |
//! | `disk` | reading it, and replacing it under the lock for saving |
//! | `cache`, `redis_cache` | the trait of caches, and what happens when one is gone; one in Redis |
//! | `load` | reading from both, and choosing between the two |
//! | `shared` | what the threads of this process know of a document, and how they keep up with others |
//! | `instances` | the documents that are open: one instance per path |
//! | `options`, `store`, `guard`, `bypass` | what a program sees |
//! | `errors`, `log` | what is told |

mod bypass;
mod cache;
mod disk;
mod errors;
mod guard;
mod header;
mod instances;
mod load;
mod log;
mod options;
mod place;
#[cfg(feature = "redis")]
mod redis_cache;
mod shared;
mod store;
mod version;

pub use bypass::{ReadOnlyStore, UnlockedStore};
pub use cache::{CacheGone, DocumentCache};
pub use guard::{SaveError, StoreGuard};
pub use header::DocumentVersion;
pub use options::StoreOptions;
#[cfg(feature = "redis")]
pub use redis_cache::RedisCache;
pub use store::Store;
pub use version::StoreSnapshot;

#[cfg(all(test, not(logscope_loom)))]
mod tests;
