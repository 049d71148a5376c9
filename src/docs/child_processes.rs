//! Child processes.
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
//! span:
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
