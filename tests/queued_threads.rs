//! The threads that write queues: they run none of the program's signal handlers.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::fs;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use logscope::OutputContext;
use logscope::sink::{self, Output, Queue};

/// The signals that the calling thread blocks: signal `n` is bit `n - 1`.
fn blocked_signals() -> u64 {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
    u64::from_str_radix(mask.trim(), 16).unwrap()
}

#[test]
fn writer_threads_block_all_signals_but_those_of_faults() {
    /// Notes which signals are blocked while it writes.
    #[derive(Clone, Default)]
    struct NotesSignals(Arc<Mutex<Vec<u64>>>);
    impl Output for NotesSignals {
        fn write(&self, _: &[u8]) -> io::Result<()> {
            self.0.lock().unwrap().push(blocked_signals());
            Ok(())
        }
    }
    let _ = logscope::init();
    let (notes, before) = (NotesSignals::default(), blocked_signals());
    let uno = OutputContext::builder("uno").sink(sink::custom(notes.clone()).queued(Queue::new())).build();
    uno.scope(|| tracing::info!("hello"));
    assert!(uno.flush(Duration::from_secs(60)).is_complete());
    assert_eq!(blocked_signals(), before, "the thread that starts a writer thread keeps its own mask");
    let blocked = notes.0.lock().unwrap()[0];
    let is_blocked = |signal: u32| blocked >> (signal - 1) & 1 == 1;
    // HUP, INT, QUIT, USR1, USR2, PIPE, ALRM, TERM, CHLD, PROF, and the first that is free for the program.
    for signal in [1, 2, 3, 10, 12, 13, 14, 15, 17, 27, 34] {
        assert!(is_blocked(signal), "signal {signal} is not blocked");
    }
    // ILL, TRAP, BUS, FPE, SEGV, SYS
    for signal in [4, 5, 7, 8, 11, 31] {
        assert!(!is_blocked(signal), "signal {signal} is blocked");
    }
}
