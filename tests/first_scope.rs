//! The threads of the first scope: under `init` it starts none; under `layer()` it starts one, which ends soon, and which no flush, fork or
//! exit waits for.
//!
//! A binary of its own, and a process for each case: a process has one first scope.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use logscope::sink::{self, Queue};
use logscope::{LevelFilter, OutputContext};
use rustix::process::{Pid, WaitOptions, waitpid};
use serde_json::json;
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::layer::{Layer, SubscriberExt as _};

use child::Child;

/// The name of the rebuilding thread, as Linux keeps it: its first 15 bytes.
const REBUILDING: &str = "logscope-rebuil";

/// How long an expected event may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Returns how many rebuilding threads this process has.
fn rebuilding_threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    // A thread may end between the listing and the reading.
    tasks
        .filter(|task| {
            fs::read_to_string(task.as_ref().unwrap().path().join("comm"))
                .is_ok_and(|name| name.trim_end() == REBUILDING)
        })
        .count()
}

fn context() -> OutputContext {
    OutputContext::builder("uno").verbosity(LevelFilter::TRACE).sink(sink::null().queued(Queue::new())).build()
}

#[test]
fn under_init_the_first_scope_starts_no_thread() {
    const TEST: &str = "under_init_the_first_scope_starts_no_thread";
    child::in_child(TEST, |_| {
        logscope::init().unwrap();
        // The rebuilding thread would live for a tenth of a second after the scope, which has waited for its first rebuild.
        let after: Vec<usize> = (0..3)
            .map(|_| {
                context().scope(|| ());
                rebuilding_threads()
            })
            .collect();
        json!(after)
    });
    assert_eq!(Child::new(TEST).run().report, json!([0, 0, 0]));
}

#[test]
fn under_a_layer_the_first_scope_starts_one_thread_that_ends() {
    const TEST: &str = "under_a_layer_the_first_scope_starts_one_thread_that_ends";
    child::in_child(TEST, |_| {
        let subscriber = tracing_subscriber::registry().with(logscope::layer()).with(Rebuilds);
        tracing::subscriber::set_global_default(subscriber).unwrap();
        tracing::info!("registers a callsite, so that a rebuild asks the layers");
        context().scope(|| ());
        let start = Instant::now();
        let mut most = 0;
        loop {
            let threads = rebuilding_threads();
            most = most.max(threads);
            if threads == 0 {
                break;
            }
            assert!(start.elapsed() < PATIENCE, "the rebuilding thread does not end");
            context().scope(|| ());
            thread::yield_now();
        }
        let rebuilds = REBUILDS.load(Ordering::Relaxed);
        context().scope(|| ());
        json!({ "most": most, "rebuilt": rebuilds > 0, "later": rebuilding_threads() })
    });
    let report = Child::new(TEST).run().report;
    // On a slow machine the thread may have ended before it is counted for the first time.
    assert!(report["most"].as_u64().unwrap() <= 1, "{report}");
    assert_eq!((&report["rebuilt"], &report["later"]), (&json!(true), &json!(0)), "{report}");
}

/// Counts the calls that the rebuilding thread makes.
struct Rebuilds;

static REBUILDS: AtomicUsize = AtomicUsize::new(0);

impl<S: Subscriber> Layer<S> for Rebuilds {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        REBUILDS.fetch_add(usize::from(thread::current().name() == Some("logscope-rebuild")), Ordering::Relaxed);
        Interest::always()
    }
}

/// Is slow in the first rebuild, and counts the rebuilds.
#[derive(Default)]
struct SlowFirst {
    /// The callsite that the first rebuild asked about first, and how often it was asked about since.
    asked: Mutex<Option<(&'static Metadata<'static>, usize)>>,
}

impl SlowFirst {
    fn rebuilds(&self) -> usize {
        self.asked.lock().unwrap().map_or(0, |(_, rebuilds)| rebuilds)
    }
}

/// The layer of the test, which a subscriber has too.
struct Shared(&'static SlowFirst);

impl<S: Subscriber> Layer<S> for Shared {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if thread::current().name() == Some("logscope-rebuild") {
            let mut asked = self.0.asked.lock().unwrap();
            match &mut *asked {
                None => {
                    // Longer than all later pauses together.
                    thread::sleep(Duration::from_millis(200));
                    *asked = Some((metadata, 1));
                }
                Some((first, rebuilds)) if first.callsite() == metadata.callsite() => *rebuilds += 1,
                Some(_) => {}
            }
        }
        Interest::always()
    }
}

#[test]
fn all_rebuilds_are_made_however_late_the_first_one_ends() {
    const TEST: &str = "all_rebuilds_are_made_however_late_the_first_one_ends";
    child::in_child(TEST, |_| {
        let slow: &'static SlowFirst = Box::leak(Box::default());
        let subscriber = tracing_subscriber::registry().with(logscope::layer()).with(Shared(slow));
        tracing::subscriber::set_global_default(subscriber).unwrap();
        tracing::info!("registers a callsite, so that a rebuild asks the layers");
        context().scope(|| ());
        let start = Instant::now();
        while slow.rebuilds() == 0 || rebuilding_threads() > 0 {
            assert!(start.elapsed() < PATIENCE, "the rebuilding thread does not end");
            thread::yield_now();
        }
        json!(slow.rebuilds())
    });
    assert_eq!(Child::new(TEST).run().report, json!(4));
}

/// Hangs in the first rebuild that no scope waits for, until the process ends.
struct HangsLater {
    hangs: Mutex<Sender<()>>,
    never: Mutex<Receiver<()>>,
    /// The callsite that the first rebuild asked about first.
    first: Mutex<Option<&'static Metadata<'static>>>,
}

impl<S: Subscriber> Layer<S> for HangsLater {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if thread::current().name() == Some("logscope-rebuild") {
            let mut first = self.first.lock().unwrap();
            match *first {
                None => *first = Some(metadata),
                Some(first) if first.callsite() == metadata.callsite() => {
                    self.hangs.lock().unwrap().send(()).unwrap();
                    let _ = self.never.lock().unwrap().recv();
                }
                Some(_) => {}
            }
        }
        Interest::always()
    }
}

#[test]
fn no_flush_fork_or_exit_waits_for_the_rebuilding_thread() {
    const TEST: &str = "no_flush_fork_or_exit_waits_for_the_rebuilding_thread";
    child::in_child(TEST, |_| {
        let (hangs, is_hanging) = channel();
        let (opens, never) = channel();
        let hangs_later = HangsLater { hangs: Mutex::new(hangs), never: Mutex::new(never), first: Mutex::new(None) };
        let subscriber = tracing_subscriber::registry().with(logscope::layer()).with(hangs_later);
        tracing::subscriber::set_global_default(subscriber).unwrap();
        let log = || tracing::info!("a callsite that is registered before the rebuild");
        log();
        let uno = context();
        uno.scope(log);
        is_hanging.recv_timeout(PATIENCE).unwrap();
        uno.scope(log);
        // Without a deadline: a flush that waited would never return, and the child would be killed.
        let flushed =
            [uno.flush(Duration::MAX), logscope::flush(Duration::MAX)].iter().all(|outcome| outcome.is_complete());
        let forked = fork_and_wait();
        // The thread hangs until the process has ended.
        std::mem::forget(opens);
        json!({ "flushed": flushed, "forked": forked, "hanging": rebuilding_threads() })
    });
    // The report is written before the exit, and the child is killed if its exit waits.
    let report = Child::new(TEST).run().report;
    assert_eq!(report, json!({ "flushed": true, "forked": true, "hanging": 1 }));
}

/// Forks a child that exits at once, through the exit handlers. True if it ends well.
fn fork_and_wait() -> bool {
    unsafe extern "C" {
        fn fork() -> i32;
    }
    // SAFETY: the child calls only `exit`, as the test is about what that waits for.
    let pid = unsafe { fork() };
    match Pid::from_raw(pid) {
        Some(pid) => {
            waitpid(Some(pid), WaitOptions::empty()).unwrap().is_some_and(|(_, status)| status.exit_status() == Some(0))
        }
        None => std::process::exit(0),
    }
}
