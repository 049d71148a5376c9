//! Concurrency-safe structured logging: each piece of work has its own log.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod clock;
mod context;
mod error;
mod format;
mod layer;
#[cfg(feature = "serde")]
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
pub mod read;
mod record;
mod scope;
pub mod sink;
mod sync;
mod verbosity;

#[cfg(feature = "build")]
pub mod build;

pub use clock::{Clock, ManualClock, Origin};
pub use context::{Builder, OutputContext, SinkSnapshot, Snapshot, live, set_default};
pub use error::Error;
pub use format::{Color, Format};
pub use layer::{CeilingFilter, Configure, ContextLayer, ScopedLayer, configure, init, layer};
pub use record::{ContextBuf, ContextInfo, Record, RecordBuf, SpanBuf, Value};
pub use scope::{FutureExt, InContext, ScopeGuard, bind_current, update};
pub use tracing::Level;
pub use tracing::level_filters::LevelFilter;
pub use verbosity::{Dial, Verbosity};

/// For the macros of this crate.
#[doc(hidden)]
pub mod __private {
    pub use tracing;
}
