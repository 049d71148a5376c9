//! The limits of documents.

use std::time::Duration;

/// How long the save of a document waits for other saves, unless it is set.
pub(crate) const STORE_SAVE: Duration = Duration::from_secs(10);

/// How long asking a cache that fails may take, so that it is asked again at once: it cost nobody anything.
pub(crate) const STORE_CACHE_QUICK: Duration = Duration::from_millis(250);

/// For how many times as long as asking it took a cache that failed is left alone: so it costs a sixth of the time at most.
pub(crate) const STORE_CACHE_REST: u32 = 5;

/// For how long a cache that failed is left alone at most.
pub(crate) const STORE_CACHE_LONGEST_REST: Duration = Duration::from_secs(10);

/// The longest first line of a document, in bytes.
pub(crate) const STORE_HEADER_BYTES: u64 = 64 << 10;

/// The longest name of a schema, in bytes: with escapes for all of it, the first line still is short enough.
pub(crate) const STORE_SCHEMA_BYTES: usize = 4096;
