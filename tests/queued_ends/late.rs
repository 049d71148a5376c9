//! Records that are logged after the queues were closed: the log call itself writes them, behind the queued ones.

use std::ffi::c_int;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use logscope::sink::{self, Queue};

use crate::log::{LOG, Log, context, ends_well, file, has_all, in_a_static, keep, log, uno};
use crate::run::{End, Stage, records};

const DEADLINE: Duration = Duration::from_secs(30);
/// How many records are logged late.
const LATE: u64 = 20;

pub(crate) const ENDS: &[End] = &[
    End {
        name: "a_record_logged_after_shutdown_is_written_before_the_call_returns",
        rounds: 100,
        play: |stage| {
            in_a_static(&stage.folder);
            let before = stage.records();
            uno().scope(|| log(0, 0..before));
            let ledger = logscope::shutdown(DEADLINE).into_result().unwrap();
            assert_eq!((ledger.written, there(&stage.folder)), (before, before));
            uno().scope(|| log_and_look(&stage.folder, 0, before..before + LATE));
            // The same holds for a sink that is made now.
            let log = context(&file(&stage.folder));
            log.scope(|| log_and_look(&stage.folder, 0, before + LATE..before + 2 * LATE));
        },
        watch: |running, round| has_all(&ends_well(running), records(round) + 2 * LATE),
    },
    End {
        // A thread that logs while the queues are closed waits until the queued records are written, and so keeps its order.
        name: "threads_that_log_during_shutdown_lose_nothing",
        rounds: 100,
        play: |stage| {
            in_a_static(&stage.folder);
            thread::scope(|scope| {
                for thread in 0..3 {
                    scope.spawn(move || uno().scope(|| log(thread, 0..1_000)));
                }
                uno().scope(|| log(3, 0..stage.records()));
                let ledger = logscope::shutdown(DEADLINE);
                assert!(!ledger.unflushed && ledger.dropped + ledger.failed == 0, "{ledger}");
            });
        },
        watch: |running, round| {
            let log = Log::parse(&ends_well(running).read(LOG));
            assert_eq!([0, 1, 2, 3].map(|thread| log.of(thread)), [1_000, 1_000, 1_000, records(round)]);
        },
    },
    End {
        name: "atexit_handlers_log_to_a_file",
        rounds: 100,
        play: |stage| {
            handlers_log(&stage, || in_a_static(&stage.folder));
        },
        watch: handlers_have_logged,
    },
    End {
        name: "atexit_handlers_log_to_a_buffered_writer",
        rounds: 100,
        play: |stage| {
            handlers_log(&stage, || {
                let writer = BufWriter::new(File::create(stage.folder.join(LOG)).unwrap());
                keep(context(&sink::writer(writer).queued(Queue::new())));
            });
        },
        watch: handlers_have_logged,
    },
];

/// Registers `handler` for the exit of the process. Handlers are called in the reverse order of registration.
pub(crate) fn at_exit(handler: extern "C" fn()) {
    unsafe extern "C" {
        fn atexit(handler: extern "C" fn()) -> c_int;
    }
    // SAFETY: the handler is a function without arguments. (If it unwinds, the process aborts, which is fine for a failed test.)
    assert_eq!(unsafe { atexit(handler) }, 0);
}

/// How many records are in the log now.
fn there(folder: &Path) -> u64 {
    Log::parse(&fs::read_to_string(folder.join(LOG)).unwrap()).total()
}

/// Logs, and checks after each log call that its record is in the log.
fn log_and_look(folder: &Path, thread: usize, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let before = there(folder);
        log(thread, number..number + 1);
        assert_eq!(there(folder), before + 1, "record {number} of thread {thread}");
    }
}

/// Registers one handler before logscope's, which is called after it, and another one behind it, which is called before it.
fn handlers_log(stage: &Stage, make: impl FnOnce()) {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    extern "C" fn first() {
        uno().scope(|| log(1, 0..LATE));
    }
    extern "C" fn last() {
        uno().scope(|| log_and_look(FOLDER.get().unwrap(), 2, 0..LATE));
    }
    FOLDER.set(stage.folder.clone()).unwrap();
    at_exit(last);
    make();
    at_exit(first);
    uno().scope(|| log(0, 0..stage.records()));
}

fn handlers_have_logged(running: crate::child::Running, round: u64) {
    let log = Log::parse(&ends_well(running).read(LOG));
    assert_eq!([0, 1, 2].map(|thread| log.of(thread)), [records(round), LATE, LATE]);
}
