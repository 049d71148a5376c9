//! A build tool: several builds at once, each with its own log, programs that are run, one summary, and the exit code.
//!
//! A build tool has three readers. The person at the terminal wants the phases, warnings and errors of all builds, and which build each is from.
//! Whoever looks into a failure wants the log of that one build, with every command and all that it printed. A script wants an exit code. This
//! page shows a tool that serves all three; [`13_cargo_builds`] and [`concurrent_builds`] in the folder of examples are such tools, which run.
//!
//! ```
//! # #[cfg(all(unix, feature = "file", feature = "build"))] {
//! use std::io;
//! use std::path::Path;
//! use std::process::{Command, ExitCode};
//! use std::time::Duration;
//!
//! use logscope::build::{phase, success};
//! use logscope::{Format, Level, LevelFilter, OutputContext, sink};
//!
//! /// A context for one build: all of it in a file, and on the terminal what a person should see.
//! fn context(name: &str, logs: &Path) -> Result<OutputContext, logscope::Error> {
//!     let log = sink::file_in(logs, name).create_parents(true).truncate(true).open()?;
//!     let terminal = sink::stderr().format(Format::build().aligned(true).fields(false));
//!     Ok(OutputContext::builder(name)
//!         .verbosity(LevelFilter::DEBUG)
//!         .sink(log.format(Format::text()))
//!         .sink(terminal.max_level(LevelFilter::INFO))
//!         .build())
//! }
//!
//! /// Runs a compiler inside the current context.
//! fn compile(compiler: &mut Command) -> io::Result<()> {
//!     let level_by = |_stream, line: &str| match line {
//!         _ if line.contains("error: ") => Level::ERROR, // main.c:3:1: error: unknown type name
//!         _ if line.contains("warning: ") => Level::WARN,
//!         _ => Level::DEBUG,
//!     };
//!     let context = OutputContext::current();
//!     context.run(compiler).merged().level_by(level_by).timeout(Duration::from_secs(600)).wait()?.check()?;
//!     Ok(())
//! }
//!
//! /// One build. It takes no logger: whatever it calls logs by plain `tracing` macros.
//! fn build(unit: &str) -> io::Result<()> {
//!     phase!(1, 2, "Compiling {unit}");
//!     let mut compiler = Command::new("cc");
//!     compiler.args(["-c", unit]);
//! #   compiler = Command::new("sh");
//! #   compiler.args(["-c", if unit == "broken" { "echo broken.c:1:1: error: no such type; exit 1" } else { "echo main.c:1:1: warning: unused; echo detail" }]);
//!     compile(&mut compiler)?;
//!     phase!(2, 2, "Linking {unit}");
//!     success!("{unit} is built");
//!     Ok(())
//! }
//!
//! fn main() -> ExitCode {
//!     let logs = Path::new("target/logs");
//! #   let folder = tempfile::tempdir().unwrap();
//! #   let logs = folder.path();
//!     logscope::init();
//!     let results = std::thread::scope(|threads| {
//!         let builds = ["core", "net", "broken"].map(|name| {
//!             let build = move || {
//!                 let context = context(name, logs).map_err(io::Error::other)?;
//!                 context.scope(|| build(name)).inspect_err(|error| context.scope(|| tracing::error!("{error}")))
//!             };
//!             (name, threads.spawn(build))
//!         });
//!         builds.map(|(name, build)| (name, build.join().unwrap_or_else(|_| Err(io::Error::other("it panicked")))))
//!     });
//!
//!     // What was logged is written, and counted.
//!     let ledger = logscope::flush(Duration::from_secs(5));
//!     if !ledger.is_complete() {
//!         eprintln!("the logs are not complete: {ledger}");
//!     }
//!     for (name, result) in &results {
//!         match result {
//!             Ok(()) => println!("{name}: built"),
//!             Err(error) => println!("{name}: {error}, see {}", logs.join(name).display()),
//!         }
//!     }
//! #   assert!(std::fs::read_to_string(logs.join("broken")).unwrap().contains("ERROR broken logscope::command::merged: broken.c:1:1: error: no such type"));
//! #   assert!(std::fs::read_to_string(logs.join("core")).unwrap().contains("logscope::command::merged: detail"));
//! #   assert_eq!(results.iter().filter(|(_, result)| result.is_err()).count(), 1);
//!     if results.iter().all(|(_, result)| result.is_ok()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
//! }
//! # main();
//! # }
//! ```
//!
//! # The parts
//!
//! - **A context for each build** has its own clock, which starts at zero, its file, and a view of the terminal. The context stands at DEBUG, so the
//!   file has everything; the view takes INFO and above. A quiet build has `.max_level(LevelFilter::WARN)` there.
//! - **One terminal.** All views of `sink::stderr()` share the stream: lines of builds that run at once never mix within a line, and
//!   [`aligned`](crate::Format::aligned) names the build in each.
//! - **The vocabulary** of [`build`](crate::build) prints phases and results as build tools do. Fields in the same events reach a JSON log.
//! - **Programs** are run by [`OutputContext::run`](crate::OutputContext::run): [the guide](crate::docs::child_processes) has more. A build that is cancelled ends its
//!   compilers with [`kill_on_drop`](crate::command::Run::kill_on_drop), and one that hangs with
//!   [`timeout`](crate::command::Run::timeout).
//! - **Ctrl-C** ends the programs with the tool, but for those with `timeout` or `kill_on_drop`, which have a group of their own: these are ended
//!   when the tool exits. So a tool that uses them handles SIGINT, as [`11_shutdown_on_sigterm`] does SIGTERM, and exits.
//! - **A program that fails** is told twice on this terminal: how it ended, at WARN, and why the build failed, at ERROR. A view with the directives
//!   `info,logscope::command=error,logscope::command::merged=info` (by [`verbosity`](crate::sink::Sink::verbosity)) leaves the first one to the file.
//! - **The work inside** may use threads, pools and tasks: start them by [`thread`](crate::thread), `logscope::rayon` and `logscope::tokio`, which carry the
//!   context; [the guide](crate::docs::carry) has the table.
//! - **The summary** is the result of the program, and no logging: it goes to stdout by `println!`. Flush before it, so that it comes last.
//! - **Nested builds.** What `make` and `cargo` hand on to the programs that they run, the tokens of their jobserver, reaches programs that are
//!   run like this: environment and descriptors are inherited.
//!
//! [`11_shutdown_on_sigterm`]: https://docs.rs/crate/logscope/latest/source/examples/11_shutdown_on_sigterm.rs
//! [`13_cargo_builds`]: https://docs.rs/crate/logscope/latest/source/examples/13_cargo_builds.rs
//! [`concurrent_builds`]: https://docs.rs/crate/logscope/latest/source/examples/concurrent_builds/
