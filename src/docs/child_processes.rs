//! # Child processes
//!
//! A build starts a compiler, a server starts a worker. What the child prints can become records of the work that runs it, whatever
//! program it is; and a child that uses logscope, too, can go on with its parent's context.
//!
//! # Programs that know nothing of logscope
//!
//! A compiler, a linker, `git`: what such a program prints belongs into the log of the work that runs it. [`OutputContext::run`](crate::OutputContext::run) runs
//! a command, and makes a record of each line as it comes:
//!
//! ```
//! # #[cfg(unix)] {
//! use std::process::Command;
//! use std::time::Duration;
//!
//! use logscope::{Format, LevelFilter, OutputContext, sink};
//!
//! logscope::init();
//! # let folder = tempfile::tempdir()?; let path = folder.path().join("uno.log");
//! let uno = OutputContext::builder("uno")
//!     .verbosity(LevelFilter::DEBUG)
//!     .sink(sink::file(&path).open()?)
//!     .sink(sink::stderr().format(Format::build()).max_level(LevelFilter::WARN))
//!     .build();
//!
//! let mut compiler = Command::new("cc");
//! compiler.args(["-c", "main.c"]);
//! # compiler = Command::new("sh");
//! # compiler.args(["-c", "echo 'main.c:3: note: see here' >&2"]);
//! uno.run(&mut compiler).timeout(Duration::from_secs(60)).wait()?.check()?;
//! # assert_eq!(std::fs::read_to_string(&path)?.lines().count(), 3);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Here is the file, without the times. The first and the last record are at DEBUG:
//!
//! ```text
//! DEBUG uno logscope::command: cc started program=cc arguments="-c main.c" pid=4711
//! INFO  uno logscope::command::stderr: main.c:3: note: see here
//! DEBUG uno logscope::command: cc succeeded program=cc status=0 seconds=0.031402
//! ```
//!
//! A program that fails is no error of the call: `wait` returns how it ended, and [`check`](crate::command::Finished::check) makes an error of a
//! failure: `cc failed (exit status: 1)`.
//!
//! | to | use |
//! |---|---|
//! | have both streams in exact order | [`merged`](crate::command::Run::merged) |
//! | tell warnings and errors from the rest | [`level_by`](crate::command::Run::level_by), [`message_by`](crate::command::Run::message_by) |
//! | give data, get what was printed | [`stdin`](crate::command::Run::stdin), [`capture`](crate::command::Run::capture) |
//! | have a limit of time | [`timeout`](crate::command::Run::timeout) |
//! | end it when a task is cancelled | [`kill_on_drop`](crate::command::Run::kill_on_drop), with `run_async` (feature `tokio`) |
//! | have its colours, where a sink shows them | [`colored`](crate::command::Run::colored) |
//! | leave its output out of a log | directives: `"info,logscope::command=warn"` |
//! | print exactly what it printed | [`Format::raw`](crate::Format::raw) |
//!
//! To know which program a line came from, where several run at once in one context, give each a [child](crate::OutputContext::child) context or a
//! span. (On a terminal with `Format::build`, which shows no spans, use [`renamed("uno/core")`](crate::OutputContext::renamed), which keeps the clock of
//! the build:)
//!
//! ```
//! # #[cfg(unix)] {
//! # use std::process::Command;
//! # use logscope::{OutputContext, sink};
//! # logscope::init();
//! # let (memory, lines) = sink::memory();
//! # let uno = OutputContext::builder("uno").sink(memory).build();
//! std::thread::scope(|threads| {
//!     for unit in ["core", "net"] {
//!         let link = uno.child(format!("link {unit}")).build();
//!         threads.spawn(move || link.run(Command::new("echo").arg("linked")).wait());
//!     }
//! });
//! # assert!(lines.text().contains("link net") && lines.text().contains("link core"));
//! # }
//! ```
//!
//! In a task, with tokio's command, the options are the same, and the future can be dropped:
//!
//! ```
//! # #[cfg(all(unix, feature = "tokio"))] {
//! # use std::time::Duration;
//! # use logscope::{OutputContext, sink};
//! # let uno = OutputContext::builder("uno").sink(sink::null()).build();
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! use tokio::process::Command;
//!
//! let mut server = Command::new("sleep");
//! server.arg("600");
//! let run = uno.run_async(&mut server).kill_on_drop(true);
//! tokio::select! {
//!     finished = run => println!("it ended by itself: {}", finished?),
//!     () = tokio::time::sleep(Duration::from_millis(10)) => {} // here it has SIGTERM, and is waited for
//! }
//! # Ok::<(), std::io::Error>(())
//! # })?;
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Programs with logscope
//!
//! If the child is a program with logscope, it can go on with the parent's context: same name and fields, same verbosity, and a clock that
//! counts from the same zero.
//!
//! ## The parent
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
//! ## The child
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
//! ## What wins
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
//! ## The clock
//!
//! The parent sends its elapsed time with a reading of the system's monotonic clock and of the wall clock. If both clocks agree, to within
//! a second, on how long ago that was, the child goes by the monotonic clock, and its times are as exact as the parent's. If they do not,
//! because the child is on another machine or the wall clock was set meanwhile, it goes by the wall clock. A context with a
//! [clock](crate::ContextBuilder::clock) of its own shows in the child the time that it showed when the command was prepared, and the
//! system's clock from there.
//!
//! ## One file for both
//!
//! Both processes append, each record in one write, so lines are whole and in the order in which they were written. Each process numbers
//! (`seq`) and counts its own. The child writes directly, also where the parent has a queue, so a record of the parent can stand behind a
//! later one of the child. Which sinks are offered, and which are not, stands at
//! [`inherit_context_and_sinks`](crate::InheritContext::inherit_context_and_sinks). Logs that roll are not: until several processes can
//! roll one log, give the child a file of its own.
//!
//! ## A child that is run
//!
//! [`run`](crate::OutputContext::run) makes a record of each line that a program prints. A program that has the context as well prints records: on
//! stderr, each with its own time, level and name, which become the message of another record:
//!
//! ```text
//! 00:01.311985 INFO  uno logscope::command::stderr: 00:01.310547 WARN  uno linker: no entry point
//! ```
//!
//! There are two ways to have each record once. The first keeps level, target and fields: offer the sinks to a child that
//! [accepts](crate::Config::inherit_sinks) them. Its records go to the file directly, and `run` logs what it prints besides: a panic, and
//! what its own children print.
//!
//! ```no_run
//! # use std::process::Command;
//! # use logscope::{InheritContext as _, OutputContext};
//! # let uno = OutputContext::builder("uno").build();
//! uno.run(Command::new("linker").inherit_context_and_sinks(&uno)).wait()?.check()?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! The other way is a child that prints messages alone if it has a parent's context. Their levels are those that `run` gives to lines:
//!
//! ```
//! use logscope::{Format, OutputContext, sink};
//!
//! logscope::init();
//! let inherited = OutputContext::current();
//! if inherited.parent_id().is_some() {
//!     logscope::set_process_default(inherited.with_sinks([sink::stderr().format(Format::raw())]));
//! }
//! ```
//!
//! Of the first way, nothing of the child's own records is on the parent's terminal. A child that should be seen there, too, is started by
//! `status()`, and adds a sink for stderr to what it has inherited, as above, with [`with_sink`](crate::OutputContext::with_sink).
//!
//! ## Processes in between, and those that follow
//!
//! The context is one environment variable, `LOGSCOPE_CONTEXT`, which everything below the child gets, too, whether it is started by a
//! shell script or by the child. So a program that is started by something that knows nothing of logscope has the context that was given
//! last above it. A child that gives its own context to a process replaces it. `env_clear` takes it away, if it is called after
//! `inherit_context`. A child that only forks has the contexts of its parent in memory, and needs no variable.
//!
//! Everybody who may see the environment of a process sees the name, the fields and the paths in it: do not put a secret into a field.
//!
//! ## Traces
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
//! ## What is in the environment is not trusted
//!
//! A variable that is longer than 8 KiB, of another version, or wrong in any way gives one line on stderr, which says what is wrong, and
//! the process logs as if it were not there. Text in it is escaped in the log like all text. A program with other rights than whoever
//! started it (setuid, setgid, or a file with capabilities) does not read it.
