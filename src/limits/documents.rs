//! The limits of documents.

use std::time::Duration;

/// How long the save of a document waits for other saves, unless it is set.
pub(crate) const STORE_SAVE: Duration = Duration::from_secs(10);

/// The longest first line of a document, in bytes.
pub(crate) const STORE_HEADER_BYTES: u64 = 64 << 10;

/// The longest name of a schema, in bytes: with escapes for all of it, the first line still is short enough.
pub(crate) const STORE_SCHEMA_BYTES: usize = 4096;
