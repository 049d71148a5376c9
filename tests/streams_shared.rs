//! P3 (whole): several outputs of a process that are one standard stream keep its lines whole, and hold nobody up who is not on that stream.
//!
//! A process for each case, because the streams belong to the process.

#![cfg(feature = "testing")]
#![cfg(feature = "file")]
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;

use std::fs::{self, File};
use std::io::{self, PipeReader, Read as _};
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use logscope::sink::{self, FileOptions, Sink};
use logscope::{Format, OutputContext, Time};
use rustix::stdio::{dup2_stderr, dup2_stdout};
use serde_json::{Value, json};

use child::{Child, in_child};

/// How long an expected event may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn plain(sink: &Sink) -> Sink {
    sink.format(Format::build().time(Time::None))
}

fn open(options: FileOptions) -> Sink {
    plain(&options.open().unwrap())
}

fn log(sink: &Sink, message: &str) {
    OutputContext::builder("uno").sink(sink.clone()).build().scope(|| tracing::info!("{message}"));
}

const RECORDS: usize = 2_000;

/// The message of a record, of one letter.
fn message(letter: char, length: usize) -> String {
    letter.to_string().repeat(length)
}

/// Logs to all `sinks` at the same time, to each messages of a letter of its own.
fn log_at_once(sinks: &[Sink], records: usize, length: usize) {
    thread::scope(|scope| {
        for (sink, letter) in sinks.iter().zip('a'..) {
            scope.spawn(move || {
                let context = OutputContext::builder("uno").sink(sink.clone()).build();
                let message = message(letter, length);
                context.scope(|| (0..records).for_each(|_| tracing::info!("{message}")));
            });
        }
    });
}

/// How many lines of `text` are whole messages, are empty, and are neither.
fn count(text: &str, length: usize) -> Value {
    let is_whole = |line: &&str| line.len() == length && line.chars().all(|letter| line.starts_with(letter));
    let empty = text.lines().filter(|line| line.is_empty()).count();
    let whole = text.lines().filter(is_whole).count();
    json!({ "whole": whole, "empty": empty, "other": text.lines().count() - whole - empty })
}

/// Reads a pipe to its end.
fn read_all(mut reader: PipeReader) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    })
}

#[test]
fn two_outputs_on_one_stdout_keep_its_lines_whole() {
    const ROLE: &str = "two_outputs_on_one_stdout_keep_its_lines_whole";
    in_child(ROLE, |folder| {
        logscope::init();
        let before = rustix::io::dup(rustix::stdio::stdout()).unwrap();
        let path = folder.join("redirected");
        let log_to_file = |options: &mut fs::OpenOptions| {
            dup2_stdout(options.open(&path).unwrap()).unwrap();
            log_at_once(&[plain(&sink::stdout()), open(sink::file("/dev/stdout"))], RECORDS, 20);
            count(&fs::read_to_string(&path).unwrap(), 20)
        };
        let file = log_to_file(File::options().write(true).create(true).truncate(true));
        fs::remove_file(&path).unwrap();
        let append = log_to_file(File::options().append(true).create(true));
        // Longer than what a pipe takes in one piece.
        const LONG: usize = 9_000;
        let (reader, writer) = io::pipe().unwrap();
        dup2_stdout(writer).unwrap();
        let reading = read_all(reader);
        let duplicate = rustix::io::dup(rustix::stdio::stdout()).unwrap();
        let same = open(sink::file(format!("/dev/fd/{}", duplicate.as_raw_fd())));
        log_at_once(&[plain(&sink::stdout()), same.clone()], RECORDS / 10, LONG);
        drop((duplicate, same));
        log_at_once(&[plain(&sink::stdout()), open(sink::file("/dev/stdout"))], RECORDS / 10, LONG);
        dup2_stdout(before).unwrap();
        json!([file, append, count(&reading.join().unwrap(), LONG)])
    });
    let all = |records: usize| json!({ "whole": records, "empty": 0, "other": 0 });
    let report = Child::new(ROLE).run().report;
    assert_eq!(report, json!([all(2 * RECORDS), all(2 * RECORDS), all(4 * RECORDS / 10)]));
}

/// The shell has decided whether it is made empty, and others write to it at the offset of the stream.
#[test]
fn a_file_that_is_stdout_is_not_made_empty() {
    const ROLE: &str = "a_file_that_is_stdout_is_not_made_empty";
    in_child(ROLE, |folder| {
        logscope::init();
        let before = rustix::io::dup(rustix::stdio::stdout()).unwrap();
        let path = folder.join("redirected");
        fs::write(&path, "a line of the shell\n").unwrap();
        dup2_stdout(File::options().append(true).open(&path).unwrap()).unwrap();
        for options in [sink::file("/dev/stdout"), sink::file(&path)] {
            log(&open(options.truncate(true)), "logged");
        }
        dup2_stdout(before).unwrap();
        json!(fs::read_to_string(&path).unwrap())
    });
    assert_eq!(Child::new(ROLE).run().report, json!("a line of the shell\nlogged\nlogged\n"));
}

#[test]
fn the_fallback_and_the_sink_keep_the_lines_of_stderr_whole() {
    const ROLE: &str = "the_fallback_and_the_sink_keep_the_lines_of_stderr_whole";
    in_child(ROLE, |_| {
        logscope::init();
        let before = rustix::io::dup(rustix::stdio::stderr()).unwrap();
        let (reader, writer) = io::pipe().unwrap();
        dup2_stderr(writer).unwrap();
        let reading = read_all(reader);
        // What an output logs goes to the fallback.
        let inside = sink::callback(|line| tracing::info!(target: "inside", "{line}"));
        log_at_once(&[plain(&sink::stderr()), plain(&sink::stderr()), plain(&inside)], RECORDS / 10, 900);
        dup2_stderr(before).unwrap();
        let text = reading.join().unwrap();
        let is_record = |line: &str| ["a", "b"].iter().any(|letter| line == letter.repeat(900));
        let is_of_fallback = |line: &str| {
            (line.starts_with("logscope: ") || line.starts_with("00:"))
                && !["aaa", "bbb"].iter().any(|part| line.contains(part))
        };
        let start = |line: &str| line.chars().take(40).collect::<String>();
        let torn = text.lines().filter(|line| !is_record(line) && !is_of_fallback(line)).map(start);
        json!({
            "torn": torn.collect::<Vec<_>>(),
            "records": text.lines().filter(|line| is_record(line)).count(),
        })
    });
    assert_eq!(Child::new(ROLE).run().report, json!({ "torn": [], "records": 2 * RECORDS / 10 }));
}

/// Logs to `sink`, whose stream is the other end of `reader`, a record that the pipe cannot take, and returns when it has begun.
fn stand_in_a_write(sink: Sink, mut reader: &PipeReader) -> JoinHandle<()> {
    let standing = thread::spawn(move || log(&sink, &message('x', 300_000)));
    reader.read_exact(&mut [0]).unwrap();
    standing
}

#[test]
fn a_file_that_was_stdout_does_not_wait_for_what_stdout_is_now() {
    const ROLE: &str = "a_file_that_was_stdout_does_not_wait_for_what_stdout_is_now";
    in_child(ROLE, |folder: &Path| {
        logscope::init();
        let before = rustix::io::dup(rustix::stdio::stdout()).unwrap();
        let path = folder.join("uno.log");
        dup2_stdout(File::create(&path).unwrap()).unwrap();
        let uno = open(sink::file(&path));
        log(&uno, "while it is stdout");
        let (reader, writer) = io::pipe().unwrap();
        dup2_stdout(writer).unwrap();
        let standing = stand_in_a_write(plain(&sink::stdout()), &reader);
        let (sender, ended) = channel();
        thread::spawn(move || {
            log(&uno, "later");
            sender.send(()).unwrap();
        });
        let ended = ended.recv_timeout(PATIENCE);
        let reading = read_all(reader);
        standing.join().unwrap();
        dup2_stdout(before).unwrap();
        drop(reading);
        json!({ "ended": ended.is_ok(), "text": fs::read_to_string(&path).unwrap() })
    });
    let report = Child::new(ROLE).run().report;
    assert_eq!(report, json!({ "ended": true, "text": "while it is stdout\nlater\n" }));
}
