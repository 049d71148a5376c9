//! # Beside `fmt`
//!
//! A program that has a subscriber can keep it, and give only some of its work contexts. [`layer()`](crate::layer()) is one of its layers then.
//!
//! Two things print now: `fmt` prints every event, and an event outside every scope also goes to the process default of logscope, which is text
//! on stderr. So give the process default no sink, and keep what is in a scope away from `fmt`:
//!
//! ```
//! use logscope::{OutputContext, sink};
//! use tracing_subscriber::filter::dynamic_filter_fn;
//! use tracing_subscriber::prelude::*;
//!
//! // Outside every scope: `fmt` alone.
//! let nowhere = OutputContext::builder("main").build();
//! // Inside a scope: the context alone.
//! let outside = dynamic_filter_fn(|_, _| OutputContext::try_current().is_none());
//!
//! tracing_subscriber::registry()
//!     .with(tracing_subscriber::fmt::layer().with_filter(outside))
//!     .with(logscope::configure().default_context(nowhere).layer())
//!     .init();
//!
//! let (memory, lines) = sink::memory();
//! let uno = OutputContext::builder("uno").sink(memory).build();
//! tracing::info!("printed by fmt");
//! uno.scope(|| tracing::info!("in the log of uno"));
//! assert_eq!(lines.len(), 1);
//! ```
//!
//! `dynamic_filter_fn` is asked for each event; `filter_fn` would be asked once for each callsite, and not notice that a scope was entered.
//!
//! | to have | do |
//! |---|---|
//! | every event in `fmt`, and scoped ones in their contexts too | leave the filter out |
//! | the other way round: everything in logscope, and `fmt` nowhere | [`init`](crate::init), without a subscriber of your own |
//! | a lower level for `fmt` only | `.with_filter(outside.and(LevelFilter::INFO))`, with `FilterExt` |
//! | the span in which an event stands as its context, also outside every scope | [`Config::route_by_span`](crate::Config::route_by_span) |
//!
//! What does not work beside other layers: `tracing::enabled!` does not know the current context, spans are made whether the context wants them or
//! not, and key-values of the crate `log` are lost on the way through `tracing-log`. A *global* filter (a `LevelFilter` or `EnvFilter` that is added
//! with `.with(…)` and not with `.with_filter(…)`) limits the contexts, too; it is reported once on stderr.
