//! Records at a level of `flush_at` or `sync_at` that their own calls write, past the queue: they are flushed and synced too. And errors of such
//! calls.

#![cfg(feature = "testing")]
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

#[path = "common/child.rs"]
mod child;
mod common;

use std::ffi::c_int;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use child::{Child, in_child, ledger_json};
use common::{DEADLINE, init};
use logscope::sink::{Line, Output, Queue, Sink};
use logscope::{LevelFilter, OutputContext, sink};
use rustix::process::{Pid, WaitOptions, waitpid};
use serde_json::json;
use tracing::{error, info};

/// Counts the lines that it has, and how many of them were there at the last flush and the last sync.
#[derive(Clone, Default)]
struct Counts(Arc<[AtomicU64; 3]>);

impl Counts {
    fn get(&self) -> [u64; 3] {
        self.0.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    fn note(&self, which: usize) -> io::Result<()> {
        self.0[which].store(self.0[0].load(Ordering::Relaxed), Ordering::Relaxed);
        Ok(())
    }
}

impl Output for Counts {
    fn write(&self, _: Line<'_>) -> io::Result<()> {
        self.0[0].fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn flush(&self, _: Duration) -> io::Result<()> {
        self.note(1)
    }

    fn sync(&self, _: Duration) -> io::Result<()> {
        self.note(2)
    }
}

/// An output with a queue, whose errors are flushed and, in all but the last case, synced.
fn contexts() -> [(Counts, OutputContext, bool); 4] {
    let queue = || Queue::new().bytes(4 << 10);
    let views: [(&dyn Fn(Sink) -> Sink, bool); 4] = [
        (&|log| log.queued(queue().sync_at(LevelFilter::ERROR)), true),
        (&|log| log.queued(queue()).sync_at(LevelFilter::ERROR), true),
        (&|log| log.queued(queue().sync_at(LevelFilter::ERROR).flush_at(LevelFilter::ERROR)), true),
        (&|log| log.queued(queue().flush_at(LevelFilter::ERROR)), false),
    ];
    views.map(|(view, syncs)| {
        let counts = Counts::default();
        let context = OutputContext::builder("uno").sink(view(sink::custom(counts.clone()))).build();
        (counts, context, syncs)
    })
}

fn log_error(message: &str) {
    error!("{message}");
}

#[test]
fn errors_that_are_longer_than_the_queue_are_flushed_and_synced() {
    init();
    for (case, (counts, context, syncs)) in contexts().into_iter().enumerate() {
        context.scope(|| log_error(&"long".repeat(4 << 10)));
        let synced = if syncs { 1 } else { 0 };
        assert_eq!(counts.get(), [1, 1, synced], "case {case}");
        context.scope(|| info!("{}", "not an error".repeat(4 << 10)));
        assert_eq!(counts.get(), [2, 1, synced], "case {case}");
    }
}

#[test]
fn errors_after_a_shutdown_are_synced() {
    let role = "errors_after_a_shutdown_are_synced";
    in_child(role, |_| {
        init();
        let contexts = contexts();
        let _ = logscope::shutdown(DEADLINE);
        let counts = contexts.map(|(counts, context, _)| {
            context.scope(|| log_error("an error"));
            counts.get()
        });
        json!(counts)
    });
    assert_eq!(Child::new(role).run().report, json!([[1, 1, 1], [1, 1, 1], [1, 1, 1], [1, 1, 0]]));
}

/// Forks, and returns the exit status of the child, which is true if `play` returns true.
fn forked(play: impl FnOnce() -> bool) -> Option<i32> {
    unsafe extern "C" {
        fn fork() -> c_int;
        fn _exit(status: c_int) -> !;
    }
    // SAFETY: POSIX allows only async-signal-safe calls in the child of a process with threads, because a lock of another thread may be held for
    // ever. These tests are about exactly that: whatever the child calls here must not take such a lock.
    let pid = unsafe { fork() };
    match Pid::from_raw(pid) {
        Some(pid) => waitpid(Some(pid), WaitOptions::empty()).unwrap().unwrap().1.exit_status(),
        // SAFETY: as above; `_exit` is async-signal-safe.
        None => unsafe { _exit(if play() { 0 } else { 1 }) },
    }
}

#[test]
fn errors_in_a_forked_child_are_synced() {
    let role = "errors_in_a_forked_child_are_synced";
    in_child(role, |_| {
        init();
        let contexts = contexts();
        contexts.iter().for_each(|(_, context, _)| {
            context.scope(|| log_error("in the parent"));
            assert!(context.flush(DEADLINE).is_complete());
        });
        let ends = contexts.map(|(counts, context, syncs)| {
            forked(|| {
                context.scope(|| log_error("in the child"));
                // The parent flushes what its output has buffered.
                counts.get() == if syncs { [2, 1, 2] } else { [2, 1, 0] }
            })
        });
        json!(ends)
    });
    assert_eq!(Child::new(role).run().report, json!([0, 0, 0, 0]));
}

/// Logs from inside, and then has no space left.
struct Full {
    context: Arc<OnceLock<OutputContext>>,
    is_full: Arc<AtomicBool>,
}

impl Output for Full {
    fn write(&self, _: Line<'_>) -> io::Result<()> {
        if self.is_full.load(Ordering::Relaxed) {
            return Err(io::Error::from_raw_os_error(28));
        }
        self.context.get().unwrap().scope(|| info!("from inside"));
        Ok(())
    }
}

/// A record that cannot be written because the notice before it cannot be, has failed, for the reason that the output gives.
#[test]
fn a_notice_that_a_call_cannot_write_is_a_failure() {
    let role = "a_notice_that_a_call_cannot_write_is_a_failure";
    in_child(role, |_| {
        init();
        let (context, is_full) = (Arc::new(OnceLock::new()), Arc::new(AtomicBool::new(false)));
        let full = Full { context: Arc::clone(&context), is_full: Arc::clone(&is_full) };
        let uno = OutputContext::builder("uno").sink(sink::custom(full).queued(Queue::new())).build();
        context.set(uno.clone()).unwrap();
        let _ = logscope::shutdown(DEADLINE);
        uno.scope(|| info!("written"));
        is_full.store(true, Ordering::Relaxed);
        uno.scope(|| info!("fails"));
        ledger_json(uno.ledger())
    });
    let ended = Child::new(role).run();
    let expected = json!({ "accepted": 3, "written": 1, "dropped": 1, "failed": 1, "pending": 0 });
    assert_eq!(ended.report, expected);
    let reports = ended.fallback_lines();
    assert!(reports.iter().any(|line| line.contains("cannot write to custom output: No space left")), "{reports:?}");
    assert!(!reports.iter().any(|line| line.contains("its queue is full")), "{reports:?}");
}
