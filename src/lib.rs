//! Concurrency-safe structured logging: each piece of work has its own log.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod clock;
mod error;
mod format;
#[cfg(feature = "serde")]
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
pub mod read;
mod record;
pub mod sink;
mod sync;

pub use clock::{Clock, ManualClock, Origin};
pub use error::Error;
pub use format::{Color, Format};
pub use record::{ContextBuf, ContextInfo, Record, RecordBuf, SpanBuf, Value};
pub use tracing::Level;
pub use tracing::level_filters::LevelFilter;
