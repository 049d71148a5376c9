//! Concurrent builds, each on threads and tasks of its own, each logging to its own file and all of them to one console (P0, P2, P3). Afterwards
//! each line is read back: it must be in its own log, once, whole, and with its number.
//!
//! A binary of its own, because it installs the global subscriber.

#![cfg(feature = "file")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use logscope::sink::{self, Sink};
use logscope::{Dial, Format, InContext as _, LevelFilter, OutputContext, Verbosity};
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::task::yield_now;
use tracing::Level;

const BUILDS: usize = 8;
const THREADS: usize = 3;
const TASKS: usize = 4;
const EVENTS: usize = if cfg!(logscope_sanitizer) { 50 } else { 250 };

/// One build: its context, and the verbosity that it asked for.
struct Build {
    name: String,
    context: OutputContext,
    file: Sink,
    verbosity: LevelFilter,
}

impl Build {
    fn new(number: usize, folder: &Path, console: &Sink) -> Build {
        const VERBOSITIES: [LevelFilter; 4] =
            [LevelFilter::TRACE, LevelFilter::DEBUG, LevelFilter::INFO, LevelFilter::ERROR];
        let verbosity = VERBOSITIES[number % VERBOSITIES.len()];
        let given = match number % 3 {
            0 => Verbosity::from(verbosity),
            1 => format!("off,stress={verbosity}").parse().unwrap(),
            _ => Verbosity::from(&Dial::new(verbosity)),
        };
        let name = format!("build {number}");
        let file = sink::file(folder.join(&name)).open().unwrap().format(Format::json());
        let context = OutputContext::builder(&name).verbosity(given).sink(file.clone()).sink(console.clone()).build();
        Build { name, context, file, verbosity }
    }

    /// The events of one worker that this build wants.
    fn wanted(&self) -> impl Iterator<Item = usize> {
        (0..EVENTS).filter(|event| level(*event) <= self.verbosity)
    }

    /// Checks the records of this build in `log`, which may hold lines of other builds.
    fn check(&self, log: &str) {
        let mut seen = HashMap::new();
        let mut seqs = Vec::new();
        for line in log.lines() {
            let json: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
            if json["context"]["name"] != self.name.as_str() {
                continue;
            }
            assert_eq!(json["context"]["id"], self.context.id(), "{line}");
            let fields = &json["fields"];
            assert_eq!(fields["message"], self.name.as_str(), "a record of another build: {line}");
            let event = fields["event"].as_u64().unwrap() as usize;
            assert_eq!(json["level"], level(event).as_str(), "{line}");
            let worker = fields["worker"].as_str().unwrap().to_owned();
            let (seq, elapsed) = (json["seq"].as_u64().unwrap(), json["elapsed"].as_f64().unwrap());
            assert!(seen.insert((worker, event), (seq, elapsed)).is_none(), "a record is there twice: {line}");
            seqs.push(seq);
        }
        seqs.sort_unstable();
        let expected = (THREADS + TASKS) * self.wanted().count();
        assert!(seqs.into_iter().eq(1..=expected as u64), "{}: the sequence numbers are not 1..={expected}", self.name);
        for worker in workers() {
            let records: Vec<_> = self.wanted().map(|event| seen.get(&(worker.clone(), event))).collect();
            let rises = |pair: &[Option<&(u64, f64)>]| match pair {
                [Some(first), Some(second)] => first.0 < second.0 && first.1 <= second.1,
                _ => false,
            };
            assert!(records.windows(2).all(rises), "{}: records of {worker} are missing or out of order", self.name);
        }
        let ledger = self.context.flush(Duration::ZERO);
        assert!(ledger.is_complete() && ledger.written == 2 * expected as u64, "{}: {ledger}", self.name);
        let ledger = self.file.ledger();
        assert!(ledger.is_complete() && ledger.written == expected as u64, "{}: {ledger}", self.file);
    }
}

fn level(event: usize) -> Level {
    [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE][event % 5]
}

fn workers() -> impl Iterator<Item = String> {
    (0..THREADS).map(|number| format!("thread {number}")).chain((0..TASKS).map(|number| format!("task {number}")))
}

/// Logs one event, without knowledge of contexts. Some events are inside spans.
fn log(build: &str, worker: &str, event: usize) {
    macro_rules! event {
        ($level:ident) => {
            tracing::event!(Level::$level, worker, event, "{build}")
        };
    }
    let log = || match level(event) {
        Level::ERROR => event!(ERROR),
        Level::WARN => event!(WARN),
        Level::INFO => event!(INFO),
        Level::DEBUG => event!(DEBUG),
        Level::TRACE => event!(TRACE),
    };
    match event % 3 {
        0 => tracing::info_span!("step", event).in_scope(log),
        _ => log(),
    }
}

async fn task(build: Arc<Build>, worker: String) {
    for event in 0..EVENTS {
        log(&build.name, &worker, event);
        if event == EVENTS / 2 {
            logscope::update(|context| context.with_field("half", true));
        }
        yield_now().await;
    }
}

#[test]
fn every_record_is_in_its_own_log_once_and_whole() {
    logscope::init();
    let folder = tempfile::tempdir().unwrap();
    let (console, printed) = sink::memory();
    let console = console.format(Format::json());
    let builds: Vec<_> = (0..BUILDS).map(|number| Arc::new(Build::new(number, folder.path(), &console))).collect();
    let runtime = Runtime::new().unwrap();
    thread::scope(|scope| {
        let mut tasks = Vec::new();
        for build in &builds {
            for number in 0..THREADS {
                scope.spawn(build.context.bind(move || {
                    for event in 0..EVENTS {
                        log(&build.name, &format!("thread {number}"), event);
                    }
                }));
            }
            for number in 0..TASKS {
                let task = task(Arc::clone(build), format!("task {number}"));
                tasks.push(runtime.spawn(task.in_context(&build.context)));
            }
        }
        runtime.block_on(async {
            for task in tasks {
                task.await.unwrap();
            }
        });
    });
    let printed = printed.text();
    for build in &builds {
        let log = fs::read_to_string(folder.path().join(&build.name)).unwrap();
        build.check(&log);
        build.check(&printed);
        assert!(log.lines().all(|line| line.contains(&format!("\"{}\"", build.name))), "a foreign line");
    }
    let lines: usize = builds.iter().map(|build| (THREADS + TASKS) * build.wanted().count()).sum();
    assert_eq!(printed.lines().count(), lines);
}
