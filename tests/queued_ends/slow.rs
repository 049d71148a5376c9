//! Outputs that hold up the end of the process, or bring it about.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::exit;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use logscope::sink::{self, Output, Queue, Sink};

use crate::late::at_exit;
use crate::log::{LOG, context, ends_well, ends_with, file, has_all, in_a_static, keep, log, uno};
use crate::run::{End, Stage, records};

/// How long the process may take at its end, where an output stands still.
const EXIT_DEADLINE: Duration = Duration::from_millis(200);

pub(crate) const ENDS: &[End] = &[
    End {
        name: "a_slow_output_is_given_its_time",
        rounds: 20,
        play: |stage| {
            let file = File::create(stage.folder.join(LOG)).unwrap();
            keep(context(&sink::custom(Slow(file)).queued(Queue::new())));
            uno().scope(|| log(0, 0..stage.records()));
        },
        watch: |running, round| has_all(&ends_well(running), records(round)),
    },
    End {
        name: "an_output_that_stands_still_does_not_hold_up_the_end",
        rounds: 20,
        play: stand_still,
        watch: |running, round| {
            let ended = ends_with(running, 0);
            let told = ended.told();
            assert_eq!(told.len(), 1, "{told:?}");
            let expected = format!("{} records that were queued are not written", records(round));
            assert!(told[0].contains(&expected) && told[0].contains("within 200ms"), "{told:?}");
            assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
            let took = Duration::from_millis(ended.read("took").parse().unwrap());
            // Far from the five seconds that it would be given otherwise.
            assert!((EXIT_DEADLINE..EXIT_DEADLINE * 15).contains(&took), "it took {took:?}");
            // The other output is not held up.
            has_all(&ended, records(round));
        },
    },
    End {
        name: "what_is_logged_after_the_end_to_an_output_that_stands_still_is_dropped",
        rounds: 20,
        play: log_to_it_late,
        watch: |running, _| {
            let ended = ends_with(running, 0);
            let told = ended.told();
            assert_eq!(told.len(), 2, "{told:?}");
            assert!(told[0].contains("1 records that were queued are not written"), "{told:?}");
            assert!(told[1].contains("are dropped before they reach it: the process ends"), "{told:?}");
            assert_eq!(ended.read("ledger"), "4 accepted: 0 written, 3 dropped, 0 failed, 1 pending");
        },
    },
    End {
        name: "what_a_shutdown_has_given_up_is_not_waited_for_again",
        rounds: 20,
        play: give_up,
        watch: |running, round| {
            let ended = ends_with(running, 0);
            assert!(
                ended.told().iter().any(|line| line.contains("within the time that they had")),
                "{:?}",
                ended.told()
            );
            let took = Duration::from_millis(ended.read("took").parse().unwrap());
            // The five seconds that a late record and the end would be given otherwise are not over.
            assert!(took < Duration::from_secs(4), "it took {took:?}");
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

/// A device that needs half a millisecond for a line.
struct Slow(File);

impl Output for Slow {
    fn write(&self, line: &[u8]) -> io::Result<()> {
        thread::sleep(Duration::from_micros(500));
        (&self.0).write_all(line)
    }
}

/// A device that never comes back.
struct StandsStill;

impl Output for StandsStill {
    fn write(&self, _: &[u8]) -> io::Result<()> {
        loop {
            thread::park();
        }
    }
}

/// What `atexit` handlers know.
static END: OnceLock<(PathBuf, Instant)> = OnceLock::new();

fn stand_still(stage: Stage) {
    extern "C" fn last() {
        let (folder, start) = END.get().unwrap();
        fs::write(folder.join("took"), start.elapsed().as_millis().to_string()).unwrap();
    }
    at_exit(last);
    logscope::configure().exit_deadline(EXIT_DEADLINE).install().unwrap();
    in_a_static(&stage.folder);
    let other = context(&sink::custom(StandsStill).queued(Queue::new()));
    other.scope(|| log(1, 0..stage.records()));
    uno().scope(|| log(0, 0..stage.records()));
    END.set((stage.folder, Instant::now())).unwrap();
}

fn give_up(stage: Stage) {
    extern "C" fn last() {
        let (folder, start) = END.get().unwrap();
        fs::write(folder.join("took"), start.elapsed().as_millis().to_string()).unwrap();
    }
    at_exit(last);
    logscope::init().unwrap();
    in_a_static(&stage.folder);
    let other = context(&sink::custom(StandsStill).queued(Queue::new()));
    other.scope(|| log(1, 0..stage.records()));
    uno().scope(|| log(0, 0..stage.records()));
    END.set((stage.folder, Instant::now())).unwrap();
    let outcome = logscope::shutdown(Duration::from_millis(200));
    assert!(outcome.pending > 0 && outcome.unflushed);
    other.scope(|| log(1, 0..3));
}

fn log_to_it_late(stage: Stage) {
    extern "C" fn last() {
        uno().scope(|| log(0, 1..4));
        fs::write(END.get().unwrap().0.join("ledger"), uno().ledger().to_string()).unwrap();
    }
    at_exit(last);
    logscope::configure().exit_deadline(EXIT_DEADLINE).install().unwrap();
    keep(context(&sink::custom(StandsStill).queued(Queue::new())));
    uno().scope(|| log(0, 0..1));
    END.set((stage.folder, Instant::now())).unwrap();
}

/// Ends the process when it is given a line.
struct Exits;

impl Output for Exits {
    fn write(&self, _: &[u8]) -> io::Result<()> {
        exit(3)
    }
}

/// What is queued elsewhere is written all the same.
fn exit_in_an_output(stage: &Stage, view: fn(&Sink) -> Sink) {
    let uno = context(&file(&stage.folder));
    let last = context(&view(&sink::custom(Exits)));
    uno.scope(|| log(0, 0..stage.records()));
    last.scope(|| log(1, 0..1));
    loop {
        thread::park();
    }
}
