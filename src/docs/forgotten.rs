//! What was forgotten: finding work that lost its context.
//!
//! A context follows the work only where the program hands it over. A bare `std::thread::spawn` or `tokio::spawn` starts outside every scope, so
//! what the new thread or task logs goes to the process default. This page shows how to see that, and what to do about it.
//!
//! # Looking
//!
//! An event is *unclaimed* if it reaches the process default while other contexts are alive. logscope counts such events by place and thread:
//!
//! ```
//! use logscope::{OutputContext, sink};
//!
//! logscope::init();
//! let uno = OutputContext::builder("uno").sink(sink::null()).build();
//! uno.scope(|| {
//!     let forgotten = std::thread::Builder::new().name("linker".into()).spawn(|| tracing::warn!("no such symbol"))?;
//!     forgotten.join().unwrap();
//!     let carried = std::thread::spawn(uno.bind(|| tracing::warn!("no such library")));
//!     carried.join().unwrap();
//!     std::io::Result::Ok(())
//! })?;
//!
//! let report = logscope::unclaimed();
//! assert_eq!(report.total, 1);
//! assert_eq!(report.entries[0].thread.as_deref(), Some("linker"));
//! println!("{report}");
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! This prints something like:
//!
//! ```text
//! 1 unclaimed event
//!   1 × WARN my_program at src/main.rs:7 in thread linker
//! ```
//!
//! An event in a scope costs nothing more for this, not even one of the default's own scope (`OutputContext::current().scope(…)`). One outside
//! every scope costs a few nanoseconds.
//!
//! Not counted are:
//!
//! - events that the default's verbosity does not let through;
//! - events while no other context is alive, such as those before the first build and after the last one. Contexts that were derived from one
//!   another (`with_verbosity`, `with_field`, …) are one context here, a [`child`](crate::OutputContext::child) is another;
//! - with [`route_by_span`](crate::Config::route_by_span), events that go to the context of their span;
//! - events inside [`unscoped`](crate::unscoped), which says that they are meant for the default;
//! - records that logscope writes itself, spans, and panics;
//! - what landed in *another* context: a bare call of rayon that waits in a scope logs the bare jobs that it steals there. Against that, only clippy
//!   and [the table](crate::docs::carry) help.
//!
//! A test can end with `assert_eq!(logscope::unclaimed().total, 0)`, if it has the process for itself.
//!
//! # Being told
//!
//! With [`Unclaimed::Warn`](crate::Unclaimed::Warn) the process default gets a record that tells of such events. The first one follows the first
//! event. Later ones follow an event too, a minute or more after the record before, and the last one is written when
//! [`shutdown`](crate::shutdown) is called and when the process ends. Each event is told of once.
//!
//! ```
//! use logscope::{Format, OutputContext, Time, Unclaimed, sink};
//!
//! let (memory, lines) = sink::memory();
//! let main = OutputContext::builder("main").sink(memory.format(Format::logfmt().context(false).time(Time::None))).build();
//! logscope::configure().default_context(main).unclaimed(Unclaimed::Warn).install()?;
//!
//! let uno = OutputContext::builder("uno").sink(sink::null()).build();
//! tracing::info!(target: "my_build", "whose line is this?");
//! assert_eq!(lines.lines().len(), 2);
//! assert!(lines.lines()[1].starts_with("level=warn") && lines.lines()[1].contains("events=1 from=\"1 INFO my_build at "));
//! # Ok::<(), logscope::Error>(())
//! ```
//!
//! The record is at WARN and has the target `logscope`, the number of `events`, and in `from` the places with the most of them. It is written
//! whatever the verbosity of the default is; a sink that takes no warnings of `logscope` does not get it. If no sink takes it, or the default is
//! closed, a line on stderr says the same.
//!
//! # What is expected there
//!
//! A daemon logs outside every scope on purpose, and its builds never do. [`unclaimed_for`](crate::Config::unclaimed_for) sets what becomes of
//! the events of some targets, and [`default_targets`](crate::Config::default_targets) keeps all other targets out of the default:
//!
//! ```
//! use logscope::Unclaimed;
//!
//! logscope::configure()
//!     .unclaimed(Unclaimed::Warn)
//!     .unclaimed_for("my_daemon", Unclaimed::Ignore)
//!     .default_targets(["my_daemon", "hyper"])
//!     .install()?;
//! # Ok::<(), logscope::Error>(())
//! ```
//!
//! What `default_targets` keeps out still counts, and is told of, also while no other context is alive: `hyper` and its like are [ignored](crate::Unclaimed::Ignore)
//! by an `unclaimed_for` of their own.
//!
//! A single line is best said to be meant where it stands: `logscope::unscoped(|| tracing::info!("ready"))`.
//!
//! # Mending
//!
//! Go to the place in the report, and from there to what starts its thread or task. Start that by the function of the same name in
//! [`thread`](crate::thread), `logscope::rayon` or `logscope::tokio`, or give it the context with [`bind`](crate::OutputContext::bind),
//! [`bind_current`](crate::bind_current), [`in_context`](crate::InContext::in_context) or
//! [`in_current_context`](crate::InContext::in_current_context). The guide [what carries the context](crate::docs::carry) has the whole table,
//! and a list for clippy, which finds such places before they run.
