//! Ends that the C library does not see: the program itself must have its queues written.

use std::ffi::c_int;
use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Read as _};
use std::path::PathBuf;
use std::process::{abort, exit};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use logscope::LevelFilter;
use logscope::sink::{self, Queue};
use logscope::testing::wait_until;
use rustix::process::{Pid, Signal, kill_process};

use crate::child::Running;
use crate::late::at_exit;
use crate::log::{
    LOG, Log, context, ends_with, has_all, has_what_returned, in_a_static, log, log_error, report_returned, returned,
    say, uno,
};
use crate::run::{End, Stage, records};

/// How long the program's own flush or shutdown may take.
const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) const ENDS: &[End] = &[
    End {
        name: "a_panic_hook_shuts_down_and_aborts",
        rounds: 200,
        play: |stage| {
            in_a_static(&stage.folder);
            std::panic::set_hook(Box::new(|_| {
                uno().scope(|| log(1, 0..1));
                let ledger = logscope::shutdown(DEADLINE);
                let _ = say(&format!("{}", ledger.is_complete()));
                abort();
            }));
            let thread = thread::spawn(move || {
                uno().scope(|| {
                    log(0, 0..stage.records());
                    panic!("as the test wants it");
                })
            });
            let _ = thread.join();
        },
        watch: |mut running, round| {
            assert_eq!(next_line(&mut reader(&mut running)).as_deref(), Some("true"), "the shutdown must be complete");
            let log = Log::parse(&ends_with(running, 128 + 6).read(LOG));
            assert_eq!((log.of(0), log.of(1)), (records(round), 1));
        },
    },
    End {
        // The shutdown waits for the queues of other outputs, although the thread that waits is a writer thread inside an output.
        name: "a_panic_hook_shuts_down_and_aborts_when_an_output_panics",
        rounds: 200,
        play: |stage| {
            in_a_static(&stage.folder);
            std::panic::set_hook(Box::new(|_| {
                let ledger = logscope::shutdown(DEADLINE);
                let _ = say(&format!("{}", ledger.pending));
                abort();
            }));
            let panics = sink::callback(|_| panic!("as the test wants it")).queued(Queue::new());
            uno().scope(|| log(0, 0..stage.records()));
            context(&panics).scope(|| log(1, 0..1));
            loop {
                thread::park();
            }
        },
        watch: |mut running, round| {
            assert_eq!(
                next_line(&mut reader(&mut running)).as_deref(),
                Some("1"),
                "the record that the output panics on must be pending"
            );
            has_all(&ends_with(running, 128 + 6), records(round));
        },
    },
    End {
        name: "a_sigterm_handler_shuts_down_and_exits",
        rounds: 200,
        play: handle_sigterm,
        watch: |mut running, _| {
            assert_eq!(next_line(&mut reader(&mut running)).as_deref(), Some("ready"));
            let pid = Pid::from_child(running.process());
            kill_process(pid, Signal::TERM).unwrap();
            let ended = ends_with(running, 143);
            assert_eq!(ended.stderr, "");
            has_what_returned(&ended);
        },
    },
    End {
        name: "errors_with_flush_at_survive_sigkill",
        rounds: 200,
        play: |stage| {
            let queue = Queue::new().flush_at(LevelFilter::ERROR);
            let uno = context(&sink::file(stage.folder.join(LOG)).open().unwrap().queued(queue));
            uno.scope(|| {
                for error in 0_u64.. {
                    let before = returned()[0];
                    log(0, before..before + error * 7 % 40);
                    log_error(1, error);
                    say(&format!("{} {}", returned()[0], error + 1)).unwrap();
                }
            });
        },
        watch: killed_in_time,
    },
    End {
        name: "flushed_records_survive_sigkill",
        rounds: 200,
        play: |stage| {
            in_a_static(&stage.folder);
            uno().scope(|| {
                for flush in 0_u64.. {
                    let before = returned()[0];
                    log(0, before..before + flush * 7 % 40);
                    let _complete = uno().flush(DEADLINE).into_result().unwrap();
                    say(&format!("{} 0", returned()[0])).unwrap();
                    // These records may be in the log or not.
                    let before = returned()[0];
                    log(0, before..before + flush % 3);
                }
            });
        },
        watch: killed_in_time,
    },
];

/// Three threads log as fast as they can when SIGTERM arrives. The thread that waits for it shuts logscope down, and exits.
fn handle_sigterm(stage: Stage) {
    static PIPE: OnceLock<(PipeReader, PipeWriter)> = OnceLock::new();
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    extern "C" fn on_sigterm(_: c_int) {
        if let Some((_, writer)) = PIPE.get() {
            let _ = rustix::io::write(writer, b"!");
        }
    }
    extern "C" fn last() {
        report_returned(FOLDER.get().unwrap());
    }
    unsafe extern "C" {
        fn signal(number: c_int, handler: extern "C" fn(c_int)) -> usize;
    }
    at_exit(last);
    FOLDER.set(stage.folder.clone()).unwrap();
    PIPE.set(std::io::pipe().unwrap()).unwrap();
    in_a_static(&stage.folder);
    // SAFETY: the handler has the required signature, and does only what is async-signal-safe: it reads an initialised static and calls `write`.
    unsafe { signal(Signal::TERM.as_raw(), on_sigterm) };
    let waits = thread::spawn(|| {
        (&PIPE.get().unwrap().0).read_exact(&mut [0]).unwrap();
        let _complete = logscope::shutdown(DEADLINE).into_result().unwrap();
        exit(143)
    });
    for thread in 0..3 {
        thread::spawn(move || uno().scope(|| log(thread, 0..u64::MAX)));
    }
    let are_enough = || match returned() {
        counts if !counts[..3].contains(&0) && counts[0] >= stage.records() => Ok(()),
        counts => Err(counts),
    };
    wait_until(DEADLINE, are_enough).unwrap();
    say("ready").unwrap();
    waits.join().unwrap();
}

fn reader(running: &mut Running) -> impl BufRead + use<> {
    BufReader::new(running.process().stdout.take().unwrap())
}

fn next_line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    (reader.read_line(&mut line).unwrap() > 0).then(|| line.trim_end().to_owned())
}

/// Kills a child, sooner or later, that sends how many records of threads 0 and 1 must be in the log.
fn killed_in_time(mut running: Running, round: u64) {
    let mut reader = reader(&mut running);
    let mut acknowledged = String::from("0 0");
    let mut lines = 0;
    while let Some(line) = next_line(&mut reader) {
        acknowledged = line;
        lines += 1;
        if lines == 1 + round % 37 {
            running.process().kill().unwrap();
        }
        assert!(lines < 1_000_000, "the child is not killed");
    }
    let log = Log::parse_whole(&ends_with(running, 128 + 9).read(LOG));
    let wanted: Vec<u64> = acknowledged.split(' ').map(|count| count.parse().unwrap()).collect();
    assert!(
        log.of(0) >= wanted[0] && log.of(1) >= wanted[1],
        "{acknowledged} records were acknowledged, the log has {log:?}"
    );
}
