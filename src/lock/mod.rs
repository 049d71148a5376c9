//! Files that appear whole, and caches that are filled once: over threads, tasks and processes.
//!
//! - [`publish`] replaces a file, and [`publish_dir`] a folder: whoever opens it finds the old one or the new one, never a part.
//! - [`Fetch`] fills a cache: one maker at a time for each key, whoever asks.

mod fetch;
mod publish;
mod stand_in;

pub use fetch::{Digest, Fetch, FetchPolicy, Fetched, MirrorBy};
pub use publish::{publish, publish_dir};
