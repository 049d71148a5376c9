//! The threads of the first scope: under `init` it starts none; under `layer()` it starts one, which ends soon, and which no flush, fork or
//! exit waits for.
//!
//! A binary of its own, and a process for each case: a process has one first scope.

#![cfg(feature = "testing")]
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
use logscope::testing::wait_until;
use logscope::{LevelFilter, OutputContext};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
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
        logscope::init();
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
        // Without a pause: the thread ends soon, and each scope might start another.
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
        let ended = wait_until(PATIENCE, || match (slow.rebuilds(), rebuilding_threads()) {
            (rebuilds @ 1.., 0) => Ok(rebuilds),
            rebuilds_and_threads => Err(rebuilds_and_threads),
        });
        json!(ended.expect("the rebuilding thread ends"))
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
            [uno.flush(Duration::MAX), logscope::flush(Duration::MAX)].iter().all(|ledger| ledger.is_complete());
        let forked = fork_and_wait(|| true);
        // The thread hangs until the process has ended.
        std::mem::forget(opens);
        json!({ "flushed": flushed, "forked": forked, "hanging": rebuilding_threads() })
    });
    // The report is written before the exit, and the child is killed if its exit waits.
    let report = Child::new(TEST).run().report;
    assert_eq!(report, json!({ "flushed": true, "forked": true, "hanging": 1 }));
}

/// Hangs in the rebuilds of one process, until that process ends. Counts the calls of the rebuilding threads of other processes.
struct HangsInProcess {
    process: u32,
    context: OutputContext,
    hangs: Mutex<Sender<()>>,
    never: Mutex<Receiver<()>>,
}

impl<S: Subscriber> Layer<S> for HangsInProcess {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        if thread::current().name() == Some("logscope-rebuild") {
            if std::process::id() == self.process {
                // The scope that started this thread holds a lock until it waits, and so does this scope. After it, no thread holds the
                // lock at the fork.
                self.context.scope(|| ());
                self.hangs.lock().unwrap().send(()).unwrap();
                let _ = self.never.lock().unwrap().recv();
            }
            REBUILDS.fetch_add(1, Ordering::Relaxed);
        }
        Interest::always()
    }
}

#[test]
fn a_child_that_is_forked_during_the_first_rebuild_makes_its_own() {
    const TEST: &str = "a_child_that_is_forked_during_the_first_rebuild_makes_its_own";
    child::in_child(TEST, |_| {
        let (hangs, is_hanging) = channel();
        let (opens, never) = channel();
        let uno = context();
        let layer = HangsInProcess {
            process: std::process::id(),
            context: uno.clone(),
            hangs: Mutex::new(hangs),
            never: Mutex::new(never),
        };
        let subscriber = tracing_subscriber::registry().with(logscope::layer()).with(layer);
        tracing::subscriber::set_global_default(subscriber).unwrap();
        let log = || tracing::info!("a callsite that is registered before the rebuild");
        log();
        let in_child = uno.clone();
        let forked = thread::scope(|threads| {
            threads.spawn(|| uno.scope(|| ()));
            is_hanging.recv_timeout(PATIENCE).unwrap();
            // The scope of the child returns after the rebuild.
            fork_and_wait(move || in_child.scope(|| REBUILDS.load(Ordering::Relaxed) > 0))
        });
        // The thread hangs until the process has ended.
        std::mem::forget(opens);
        json!(forked)
    });
    assert_eq!(Child::new(TEST).run().report, json!(true));
}

/// Forks a child that calls `f` and exits, through the exit handlers. True if it ends, and `f` returned true.
fn fork_and_wait(f: impl FnOnce() -> bool) -> bool {
    unsafe extern "C" {
        fn fork() -> i32;
    }
    // SAFETY: no other thread holds a lock that `f` or `exit` take, unless a test is about such a lock.
    let pid = unsafe { fork() };
    let Some(pid) = Pid::from_raw(pid) else { std::process::exit(i32::from(!f())) };
    if let Ok((_, status)) = wait_until(PATIENCE, || waitpid(Some(pid), WaitOptions::NOHANG).unwrap()) {
        return status.exit_status() == Some(0);
    }
    kill_process(pid, Signal::KILL).unwrap();
    waitpid(Some(pid), WaitOptions::empty()).unwrap();
    false
}
