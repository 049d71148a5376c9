//! `reopen_all`, for a handler of `SIGHUP`.
//!
//! A binary of its own, because it opens the files of all sinks of the process anew.

#![cfg(feature = "file")]
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::fs;

use logscope::sink::{self, Roll, Sink};
use logscope::{Format, OutputContext, Time};

fn context(sink: &Sink) -> OutputContext {
    OutputContext::builder("uno").sink(sink.format(Format::build().time(Time::None))).build()
}

fn log(context: &OutputContext, number: u32) {
    context.scope(|| tracing::info!("{number}"));
}

#[test]
fn reopen_all_opens_all_files_anew_and_returns_the_first_error() {
    logscope::init();
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    sink::reopen_all().unwrap();
    let others = [sink::stderr(), sink::memory().0, sink::file("/dev/null").open().unwrap()];
    let sinks = ["one", "two", "three", "four"].map(|name| sink::file(path(name)).open().unwrap());
    let rolling = sink::file(path("rolls")).roll(Roll::by_size(1 << 20)).open().unwrap();
    let contexts: Vec<_> = sinks.iter().chain([&rolling]).map(context).collect();
    contexts.iter().for_each(|context| log(context, 1));
    for name in ["one", "two", "three", "four", "rolls.1"] {
        fs::rename(path(name), path(&format!("{name}.moved"))).unwrap();
    }
    for in_the_way in ["two", "three"] {
        fs::create_dir(path(in_the_way)).unwrap();
    }
    contexts.iter().for_each(|context| log(context, 2));

    let error = sink::reopen_all().unwrap_err();
    assert_eq!(error.kind(), logscope::ErrorKind::Open, "{error}");
    assert!(error.to_string().starts_with(&format!("file {} cannot be opened anew", path("two").display())), "{error}");
    contexts.iter().for_each(|context| log(context, 3));
    for (name, text) in [
        ("one.moved", "1\n2\n"),
        ("one", "3\n"),
        ("two.moved", "1\n2\n3\n"),
        ("three.moved", "1\n2\n3\n"),
        ("four.moved", "1\n2\n"),
        ("four", "3\n"),
        ("rolls.1.moved", "1\n2\n"),
        ("rolls.1", "3\n"),
    ] {
        assert_eq!(fs::read_to_string(path(name)).unwrap(), text, "{name}");
    }

    for in_the_way in ["two", "three"] {
        fs::remove_dir(path(in_the_way)).unwrap();
    }
    sink::reopen_all().unwrap();
    assert!(path("two").exists() && path("three").exists());
    assert!(
        others.iter().all(|other| other.reopen().unwrap_err().to_string().contains("it is not a file that has a name"))
    );
}
