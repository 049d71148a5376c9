//! Output contexts: since when time is counted, how much is logged, and where it goes.
//!
//! | file | subject |
//! |---|---|
//! | `output_context` | the context as programs hold it, and what can be read from it |
//! | `inner` | its contents, and what derived contexts share |
//! | `builder` | building and deriving contexts |
//! | `span_events` | which events in the life of a span are records |
//! | `flush` | flushing and closing |
//! | `live`, `live_list` | the contexts that are alive |
//! | `ceiling` | clamping a verbosity to what the process allows |
//! | `default` | the process default |
//! | `snapshot` | a context as plain data |
//!
//! This room imports the rooms before it, up to `sink`, and nothing of scopes or layers. Which context is current is decided in
//! [`scope`](crate::scope); how an event comes to a context, in [`layer`](mod@crate::layer); what a sink does with a record, in
//! [`sink`](crate::sink).

mod builder;
mod ceiling;
mod default;
mod derive;
mod flush;
mod handshake;
mod inner;
mod live;
mod live_list;
mod output_context;
mod snapshot;
mod span_events;
#[cfg(test)]
mod tests;

pub use builder::ContextBuilder;
pub(crate) use builder::TRACE_ID;
pub(crate) use ceiling::add_ceiling;
pub use default::set_process_default;
pub(crate) use default::{
    built_in, default_context, is_built_in_to_go, replace_default, start_built_in_clock, with_default,
};
pub(crate) use inner::{ContextCall, ContextInner, are_others_alive};
pub use live::live;
#[cfg(feature = "testing")]
pub(crate) use live::live_under;
pub use output_context::OutputContext;
pub use snapshot::{SinkSnapshot, Snapshot};
pub use span_events::SpanEvents;
pub(crate) use span_events::are_span_events_used;
