//! Log files and the descriptors 0 to 2: a log never becomes a standard stream, and a log that is a standard stream shares its offset.
//!
//! A process for each case, because the descriptors belong to the process.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;

use std::fs;
use std::io::Write as _;
use std::os::fd::{FromRawFd as _, OwnedFd};

use logscope::sink::{self, FileOptions, Roll, Sink};
use logscope::{Format, OutputContext};
use serde_json::json;

use child::{Child, in_child};

/// A sink whose lines are the messages only.
fn open(options: FileOptions) -> Sink {
    plain(&options.open().unwrap())
}

fn plain(sink: &Sink) -> Sink {
    sink.format(Format::build().elapsed(false))
}

fn log(sink: &Sink, message: &str) {
    OutputContext::builder("uno").sink(sink.clone()).build().scope(|| tracing::info!("{message}"));
}

fn close(descriptor: i32) {
    // SAFETY: the descriptor is open, and nothing else in this process owns it.
    drop(unsafe { OwnedFd::from_raw_fd(descriptor) });
}

/// What the standard streams lead to, if anything.
fn streams() -> Vec<Option<String>> {
    let link = |number: i32| fs::read_link(format!("/proc/self/fd/{number}")).ok();
    (0..3).map(|number| link(number).map(|path| path.display().to_string())).collect()
}

#[test]
fn a_log_never_becomes_a_standard_stream() {
    in_child("a_log_never_becomes_a_standard_stream", |folder| {
        logscope::init().unwrap();
        (0..3).for_each(close);
        let (path, rolled) = (folder.join("uno.log"), folder.join("due.log"));
        let (uno, due) = (open(sink::file(&path)), open(sink::file(&rolled).roll(Roll::by_size(4))));
        let mut seen = vec![streams()];
        // Rolls twice.
        (0..3).for_each(|_| log(&due, "due"));
        seen.push(streams());
        fs::rename(&path, folder.join("uno.log.1")).unwrap();
        uno.reopen().unwrap();
        seen.push(streams());
        log(&sink::stdout(), "lost");
        let _ = writeln!(std::io::stdout(), "lost");
        log(&uno, "uno");
        json!(seen)
    });
    let ended = Child::new("a_log_never_becomes_a_standard_stream").run();
    assert_eq!(ended.report, json!([[null, null, null], [null, null, null], [null, null, null]]));
    assert_eq!(ended.read("uno.log"), "uno\n");
    assert_eq!((1..=3).map(|number| ended.read(&format!("due.{number}.log"))).collect::<String>(), "due\n".repeat(3));
}
