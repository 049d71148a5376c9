//! # Child processes
//!
//! A build starts a linker, a server starts a worker. If the child is a program with logscope, it can go on with the parent's context: same
//! name and fields, same verbosity, and a clock that counts from the same zero.
//!
//! # The parent
//!
//! ```no_run
//! use std::process::Command;
//! use logscope::{InheritContext as _, OutputContext, sink};
//!
//! logscope::init();
//! let log = sink::file("build/uno.log").create_parents(true).open()?;
//! let uno = OutputContext::builder("uno").field("env", "uno").directives("info,linker=trace")?.sink(log).build();
//!
//! let status = Command::new("linker").inherit_context_and_sinks(&uno).arg("main.o").status()?;
//! # drop(status);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`inherit_context`](crate::InheritContext::inherit_context) is the same without the file. Both are methods of [`std::process::Command`]
//! and, with the feature `tokio`, of `tokio::process::Command`; a wrapper of commands gets them by implementing
//! [`InheritContext`](crate::InheritContext).
//!
//! # The child
//!
//! ```
//! logscope::configure().inherit_sinks(true).install()?;
//! tracing::info!("linking main.o"); // in build/uno.log, if the parent offers it, and else on stderr
//! # Ok::<(), logscope::Error>(())
//! ```
//!
//! A child that calls [`init`](crate::init) logs to stderr, whatever the parent offers: a process should not write to files that its
//! environment names unless it says so. A daemon, which outlives whoever started it, says [`inherit(false)`](crate::Config::inherit). The
//! context is the child's process default, so it is in every place where no scope is entered;
//! [`OutputContext::current`](crate::OutputContext::current) returns it.
//!
//! | what | in the child |
//! |---|---|
//! | name, fields | those of the parent's context, with the types of their values |
//! | id | one of its own: ids are unique in a process, and the child's begin at 1, too |
//! | [`parent_id`](crate::OutputContext::parent_id) | the id of the parent's context; JSON shows it as `"parent"` |
//! | verbosity | that of the parent's context when the command was prepared. A [`Dial`](crate::Dial) that is turned later does not reach the child. What is above the child's ceiling is cut |
//! | elapsed time | counts from the parent's zero |
//! | trace | that of the parent's context: see below |
//! | sinks | stderr, or the offered files |
//! | ledger, `seq` | its own |
//!
//! # What wins
//!
//! | the child has | then |
//! |---|---|
//! | a [`default_context`](crate::Config::default_context), or has called [`set_process_default`](crate::set_process_default) before | that is the process default, and nothing is taken over |
//! | a [`verbosity`](crate::Config::verbosity) in its configuration | that is the verbosity, and all else is taken over |
//! | `LOGSCOPE` or `RUST_LOG` in its environment | they do not count, because the parent has decided |
//! | [`inherit(false)`](crate::Config::inherit) | nothing is taken over, no trace either |
//!
//! A child that wants the parent's context and sinks of its own derives the process default:
//!
//! ```
//! use logscope::{OutputContext, sink};
//!
//! logscope::init();
//! let (memory, lines) = sink::memory();
//! logscope::set_process_default(OutputContext::current().with_sinks([memory]));
//! tracing::info!("linking main.o");
//! assert_eq!(lines.len(), 1);
//! ```
//!
//! # The clock
//!
//! The parent sends its elapsed time with a reading of the system's monotonic clock and of the wall clock. If both clocks agree, to within
//! a second, on how long ago that was, the child goes by the monotonic clock, and its times are as exact as the parent's. If they do not,
//! because the child is on another machine or the wall clock was set meanwhile, it goes by the wall clock. A context with a
//! [clock](crate::ContextBuilder::clock) of its own shows in the child the time that it showed when the command was prepared, and the
//! system's clock from there.
//!
//! # One file for both
//!
//! Both processes append, each record in one write, so lines are whole and in the order in which they were written. Each process numbers
//! (`seq`) and counts its own. The child writes directly, also where the parent has a queue, so a record of the parent can stand behind a
//! later one of the child. Which sinks are offered, and which are not, stands at
//! [`inherit_context_and_sinks`](crate::InheritContext::inherit_context_and_sinks). Logs that roll are not: until several processes can
//! roll one log, give the child a file of its own.
//!
//! # Processes in between, and those that follow
//!
//! The context is one environment variable, `LOGSCOPE_CONTEXT`, which everything below the child gets, too, whether it is started by a
//! shell script or by the child. So a program that is started by something that knows nothing of logscope has the context that was given
//! last above it. A child that gives its own context to a process replaces it. `env_clear` takes it away, if it is called after
//! `inherit_context`. A child that only forks has the contexts of its parent in memory, and needs no variable.
//!
//! Everybody who may see the environment of a process sees the name, the fields and the paths in it: do not put a secret into a field.
//!
//! # Traces
//!
//! A context can belong to a distributed trace, as W3C Trace Context defines it:
//!
//! ```no_run
//! use std::process::Command;
//! use logscope::{InheritContext as _, OutputContext};
//!
//! let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"; // of a request
//! let request = OutputContext::builder("request").trace(header.parse()?).build();
//! Command::new("worker").inherit_context(&request).status()?; // in its environment: TRACEPARENT
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Records show the id of the trace as the field `trace_id` of their context. The child has it in its context, and programs of other
//! libraries have it in `TRACEPARENT`. A process that gets no context reads `TRACEPARENT` itself. A context without a trace passes on the
//! variable of its process, also after `env_clear`. logscope makes no spans of a trace: the child has the span id of the parent.
//!
//! # What is in the environment is not trusted
//!
//! A variable that is longer than 8 KiB, of another version, or wrong in any way gives one line on stderr, which says what is wrong, and
//! the process logs as if it were not there. Text in it is escaped in the log like all text. A program with other rights than whoever
//! started it (setuid, setgid, or a file with capabilities) does not read it.
