//! Outputs that delay the end of the process, or cause it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::exit;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use logscope::sink::{self, Line, Output, Overflow, Queue, Sink};

use crate::late::at_exit;
use crate::log::{LOG, context, ends_well, ends_with, file, has_all, in_a_static, keep, log, uno};
use crate::run::{End, Stage, records};

/// The exit deadline that these tests configure. Long enough for the outputs that take their records, on a busy machine.
const EXIT_DEADLINE: Duration = Duration::from_secs(1);

/// An exit deadline that no end reaches, however busy the machine is, unless it waits in vain.
const FAR_DEADLINE: Duration = Duration::from_secs(60);

pub(crate) const ENDS: &[End] = &[
    End {
        name: "the_end_waits_for_a_slow_output",
        rounds: 20,
        play: |stage| {
            let file = File::create(stage.folder.join(LOG)).unwrap();
            keep(context(&sink::custom(Slow(file)).queued(Queue::new())));
            uno().scope(|| log(0, 0..stage.records()));
        },
        watch: |running, round| has_all(&ends_well(running), records(round)),
    },
    End {
        name: "a_blocked_output_holds_up_the_end_no_longer_than_the_deadline",
        rounds: 8,
        play: block_at_the_end,
        watch: |running, round| {
            let ended = ends_with(running, 0);
            let reported = ended.fallback_lines();
            assert_eq!(reported.len(), 1, "{reported:?}");
            let expected = format!("{} records that were queued are not written", records(round));
            assert!(reported[0].contains(&expected) && reported[0].contains("within 1s"), "{reported:?}");
            assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
            let took = Duration::from_millis(ended.read("took").parse().unwrap());
            // Far below the default exit deadline of five seconds.
            assert!((EXIT_DEADLINE..EXIT_DEADLINE * 4).contains(&took), "it took {took:?}");
            // The blocked output did not hold up the other one.
            has_all(&ended, records(round));
        },
    },
    End {
        name: "late_records_for_a_blocked_output_are_dropped",
        rounds: 8,
        play: log_late_to_a_blocked_output,
        watch: |running, _| {
            let ended = ends_with(running, 0);
            let reported = ended.fallback_lines();
            assert_eq!(reported.len(), 2, "{reported:?}");
            assert!(reported[0].contains("1 records that were queued are not written"), "{reported:?}");
            assert!(reported[1].contains("are dropped before they reach it: the process ends"), "{reported:?}");
            assert_eq!(ended.read("ledger"), "4 accepted: 0 written, 3 dropped, 0 failed, 1 pending");
        },
    },
    End {
        name: "the_report_of_the_end_counts_dropped_records_without_a_notice",
        rounds: 8,
        play: overfill_a_blocked_output,
        watch: |running, _| {
            let ended = ends_with(running, 0);
            let [pending, dropped] = ["pending", "dropped"].map(|name| ended.read(name));
            let reported = ended.fallback_lines();
            assert_eq!(reported.len(), 2, "{reported:?}");
            assert!(reported[0].contains("are dropped before they reach it: its queue is full"), "{reported:?}");
            assert!(
                reported[1].contains(&format!("{pending} records that were queued are not written")),
                "{reported:?}"
            );
            assert!(
                reported[1].ends_with(&format!("the logs have no notice of {dropped} more records")),
                "{reported:?}"
            );
        },
    },
    End {
        name: "the_end_does_not_wait_again_for_an_output_that_shutdown_gave_up",
        rounds: 20,
        play: shut_down_with_a_blocked_output,
        watch: |running, round| {
            let ended = ends_with(running, 0);
            assert!(
                ended.fallback_lines().iter().any(|line| line.contains("within the time that they had")),
                "{:?}",
                ended.fallback_lines()
            );
            let took = Duration::from_millis(ended.read("took").parse().unwrap());
            // Neither the late record nor the end of the process waited.
            assert!(took < FAR_DEADLINE / 2, "it took {took:?}");
            has_all(&ended, records(round));
        },
    },
    End {
        name: "a_writer_thread_exits_in_an_output",
        rounds: 20,
        play: |stage| exit_in_an_output(&stage, |output| output.queued(Queue::new())),
        watch: |running, round| has_all(&ends_with(running, 3), records(round)),
    },
    End {
        name: "a_thread_that_logs_exits_in_an_output",
        rounds: 20,
        play: |stage| exit_in_an_output(&stage, Sink::clone),
        watch: |running, round| has_all(&ends_with(running, 3), records(round)),
    },
];

/// An output that takes half a millisecond for a line.
struct Slow(File);

impl Output for Slow {
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        thread::sleep(Duration::from_micros(500));
        (&self.0).write_all(line.bytes())
    }
}

/// An output whose `write` never returns.
struct Blocks;

impl Output for Blocks {
    fn write(&self, _: Line<'_>) -> io::Result<()> {
        loop {
            thread::park();
        }
    }
}

/// The folder, and the start of the end of the process, for `atexit` handlers.
static END: OnceLock<(PathBuf, Instant)> = OnceLock::new();

fn block_at_the_end(stage: Stage) {
    extern "C" fn last() {
        let (folder, start) = END.get().unwrap();
        fs::write(folder.join("took"), start.elapsed().as_millis().to_string()).unwrap();
    }
    at_exit(last);
    logscope::configure().exit_deadline(EXIT_DEADLINE).install().unwrap();
    in_a_static(&stage.folder);
    let other = context(&sink::custom(Blocks).queued(Queue::new()));
    other.scope(|| log(1, 0..stage.records()));
    uno().scope(|| log(0, 0..stage.records()));
    END.set((stage.folder, Instant::now())).unwrap();
}

fn shut_down_with_a_blocked_output(stage: Stage) {
    extern "C" fn last() {
        let (folder, start) = END.get().unwrap();
        fs::write(folder.join("took"), start.elapsed().as_millis().to_string()).unwrap();
    }
    at_exit(last);
    logscope::configure().exit_deadline(FAR_DEADLINE).install().unwrap();
    in_a_static(&stage.folder);
    let other = context(&sink::custom(Blocks).queued(Queue::new()));
    other.scope(|| log(1, 0..stage.records()));
    uno().scope(|| log(0, 0..stage.records()));
    END.set((stage.folder, Instant::now())).unwrap();
    let ledger = logscope::shutdown(Duration::from_millis(200));
    assert!(ledger.pending > 0 && ledger.unflushed);
    other.scope(|| log(1, 0..3));
}

fn overfill_a_blocked_output(stage: Stage) {
    logscope::configure().exit_deadline(EXIT_DEADLINE).install().unwrap();
    let queue = Queue::new().bytes(4096).overflow(Overflow::DropNewest);
    keep(context(&sink::custom(Blocks).queued(queue)));
    uno().scope(|| log(0, 0..500));
    let ledger = uno().ledger();
    assert!(ledger.dropped > 0);
    fs::write(stage.folder.join("pending"), ledger.pending.to_string()).unwrap();
    fs::write(stage.folder.join("dropped"), ledger.dropped.to_string()).unwrap();
}

fn log_late_to_a_blocked_output(stage: Stage) {
    extern "C" fn last() {
        uno().scope(|| log(0, 1..4));
        fs::write(END.get().unwrap().0.join("ledger"), uno().ledger().to_string()).unwrap();
    }
    at_exit(last);
    logscope::configure().exit_deadline(EXIT_DEADLINE).install().unwrap();
    keep(context(&sink::custom(Blocks).queued(Queue::new())));
    uno().scope(|| log(0, 0..1));
    END.set((stage.folder, Instant::now())).unwrap();
}

/// Ends the process when it is given a line.
struct Exits;

impl Output for Exits {
    fn write(&self, _: Line<'_>) -> io::Result<()> {
        exit(3)
    }
}

/// Records that are queued for other outputs are written all the same.
fn exit_in_an_output(stage: &Stage, view: fn(&Sink) -> Sink) {
    let uno = context(&file(&stage.folder));
    let last = context(&view(&sink::custom(Exits)));
    uno.scope(|| log(0, 0..stage.records()));
    last.scope(|| log(1, 0..1));
    loop {
        thread::park();
    }
}
