//! The `tracing` layer: from an event to the context that it belongs to, and installing logscope.
//!
//! Two ways lead here. Under [`init`] the whole subscriber is logscope's, so the layer vetoes by the current context in
//! `enabled`, and an unwanted event costs a few nanoseconds. As [`layer()`](crate::layer()) among others it must not veto: a
//! veto would take the event from the other layers too, and a dynamic per-layer `Filter` keeps its verdict in one bit map per
//! thread, which a value that logs (or asks `enabled!`) inside another layer's formatting overwrites. There the filter is
//! only the static [ceiling], and the verbosity is decided in `on_event`.
//!
//! | file | subject |
//! |---|---|
//! | `install` | `init`, `configure`, `layer()`: the public functions |
//! | `install/default` | which context becomes the process default |
//! | `scoped_layer` | the layer among others, with its filter, and behind `reload` |
//! | `context_layer` | the layer: which context an event belongs to, and whether that context wants it |
//! | `emit` | from a context to its sinks |
//! | `opening` | opening records, which say which levels a log has |
//! | `spans` | the spans around a record |
//! | `span_events` | records of spans that are made and closed |
//! | `panics` | records of panics |
//! | `unclaimed` | events that reach the process default, and records that tell of them |
//! | `ceiling` | the ceiling, the filter of `layer()`, and why the interest cache is left alone |
//! | `first_scope` | rebuilding the interest cache after the first scope under `layer()` |
//! | `search` | finding the layer in a subscriber, also behind `reload` |
//! | `capped` | warning that another filter takes events from the layer |
//! | `log_bridge` | records of the `log` crate, under `init` and `install` |
//! | `log_fields` | their key-values |
//! | `forwarded` | records of the `log` crate that another bridge has made into events |
//! | `nesting` | how deep a value may log inside its own `Debug` |
//!
//! This room is the top of the logger: it imports rooms below it, and none of them imports it. How a record is rendered stands in
//! [`format`](mod@crate::format), what a sink does with it in [`sink`](crate::sink), and which context is current in
//! [`scope`](crate::scope).

mod capped;
mod ceiling;
mod context_layer;
mod emit;
mod first_scope;
mod forwarded;
mod install;
#[cfg(feature = "log")]
mod log_bridge;
#[cfg(feature = "log")]
mod log_fields;
mod nesting;
mod opening;
mod panics;
mod scoped_layer;
mod search;
mod span_events;
mod spans;
mod unclaimed;

pub use install::{Config, configure, init, layer, try_init};
#[cfg(feature = "testing")]
pub(crate) use install::{ask_global, is_installed};
pub use scoped_layer::ScopedLayer;
