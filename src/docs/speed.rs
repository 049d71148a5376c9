//! How the cost of an event grows with the rest of the process: curves, and what they mean.
//!
//! The project's README says what one operation costs, against other loggers. This page shows what happens to that cost when a process has many
//! contexts, threads, spans, directives or queued sinks. Each picture was measured by `benches/report --curves`, on the machine and the day that its
//! last line names. A number beside a label says how the last point of its curve compares with the first.
//!
//! An event is a message with a `u64`, a `&str` and an `f64`, in a span with one field unless the picture says otherwise. Its line goes to a writer
//! that discards it. An unwanted event is one that its context's verbosity refuses, below the [ceiling](crate::Config::ceiling). Times are those of
//! the thread that logs, on the processor.
//!
//! # Live contexts
//!
#![doc = include_str!("curves/contexts.svg")]
//!
//! The curves should be flat. An event looks at the context of its own scope, and never searches a list of all contexts, so a server may keep a
//! context for each request that it has.
//!
//! # Threads
//!
#![doc = include_str!("curves/threads.svg")]
//!
//! The curves should be flat, too. Threads in contexts of their own share nothing that an event must wait for. The time is the processor's, as a mean
//! over the threads, so it does not matter that they may have fewer processors than they are.
//!
//! # Nested spans
//!
#![doc = include_str!("curves/spans.svg")]
//!
//! A line has the path of its spans with their fields, so it grows with the depth, and copying it takes longer. The path is rendered once and kept,
//! as long as the thread stays in the same span and no field is [recorded](tracing::Span::record). An unwanted event does not look at spans.
//!
//! # Directives
//!
#![doc = include_str!("curves/directives.svg")]
//!
//! A verbosity with directives must be asked about the event's target, which one without any need not be: that is the step after the first point.
//! From there on the curve should be flat, because the answer is kept for each place in the source, however long the list is.
//!
//! # Queued sinks
//!
#![doc = include_str!("curves/queued.svg")]
//!
//! An event to one queue should cost the same however many other queues there are. Events to each queue in turn cost more with their number, because
//! each one finds other memory, which the processor's caches do not hold, and a writer that must be woken up.
//!
//! # Memory
//!
#![doc = include_str!("curves/memory.svg")]
//!
//! This is what the thread that makes a context or a sink allocates, divided by their number. It should be flat: there is no structure that grows
//! faster than the number of its members.
//!
#![doc = include_str!("curves/resident.svg")]
//!
//! A queue reserves its [capacity](crate::sink::Queue::bytes), one MiB unless set, but takes memory only as far as it fills up. What is resident of
//! the process tells the two apart. It is counted in whole pages, so the picture begins with a hundred sinks.
