//! How a run ends: with its program, at a timeout, half way, or with the process. Whatever happens, the program is waited for, and where that was
//! asked for, it and what it has started are ended.
//!
//! Linux only: what became of a process is read in `/proc`.

#![cfg(feature = "testing")]
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;
mod common;
#[path = "common/fork.rs"]
mod fork;
#[path = "common/programs.rs"]
mod programs;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use child::{Child, in_child};
use common::{DEADLINE, Log, init, on_thread, panic_of, text_of};
use fork::{fork, fork_and_unwind, to_the_end_of_a_child};
use logscope::command::Stream;
use logscope::{Format, Level, OutputContext, sink};
use programs::{READS_LATER, last, pid, printed, records, sh, state, wait_until_dead, wait_until_reaped};
use serde_json::json;

/// A time that is over at once, where the program takes longer in any case.
const SHORT: Duration = Duration::from_millis(50);

/// Calls `attempt` with longer and longer timeouts, until one was long enough for the program to get ready before it: a machine may be busy.
#[track_caller]
fn with_enough_time(attempt: impl Fn(Duration) -> bool) {
    let timeouts = [200, 1_000, 5_000, 30_000].map(Duration::from_millis);
    assert!(timeouts.into_iter().any(attempt), "the program gets ready");
}

/// The numbers of processes that a script has printed.
#[track_caller]
fn pids(log: &Log) -> Vec<u64> {
    printed(log, "stdout").iter().map(|line| line.parse().unwrap()).collect()
}

/// A level function that panics.
fn panics(_: Stream, line: &str) -> Level {
    panic!("no level for {line}")
}

#[test]
fn a_program_that_has_ended_is_waited_for() {
    init();
    let log = Log::new("uno");
    log.context.run(&mut sh("exit 1")).wait().unwrap();
    assert_eq!(state(pid(&log)), None);
    log.context.run(&mut sh("kill -9 $$")).timeout(DEADLINE).kill_on_drop(true).wait().unwrap();
    let pids: Vec<_> = log.lines().iter().filter_map(|line| line.fields["pid"].as_u64()).collect();
    assert!(pids.len() == 2 && pids.iter().all(|pid| state(*pid).is_none()));
}

#[test]
fn a_program_has_a_group_of_its_own_only_where_it_may_have_to_be_ended() {
    init();
    let log = Log::new("uno");
    let script = "cut -d' ' -f5 /proc/$$/stat; echo $$";
    log.context.run(&mut sh(script)).wait().unwrap();
    log.context.run(&mut sh(script)).timeout(DEADLINE).wait().unwrap();
    log.context.run(&mut sh(script)).kill_on_drop(true).wait().unwrap();
    let own = u64::from(rustix::process::getpgrp().as_raw_nonzero().get().unsigned_abs());
    let pids = pids(&log);
    assert_eq!(pids[0], own);
    assert!(pids[2] == pids[3] && pids[4] == pids[5] && pids[2] != own, "{pids:?}");
}

#[test]
fn a_program_that_takes_too_long_is_ended() {
    init();
    let log = Log::new("uno");
    let finished = log.context.run(&mut sh("exec sleep 600")).timeout(SHORT).wait().unwrap();
    assert!(finished.timed_out && !finished.success() && finished.duration >= SHORT);
    assert_eq!(last(&log).level, "WARN");
    assert_eq!(last(&log).fields["signal"], 15);
    let message = "sh took longer than 50ms and was ended (signal: 15 (SIGTERM))";
    assert_eq!(last(&log).message, message);
    let error = finished.check().unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (io::ErrorKind::TimedOut, message));
    assert_eq!(state(pid(&log)), None);
}

/// Runs a script that says that it is ready, and cleans up when it is told to end.
fn assert_cleans_up(script: &str, grace: Duration) {
    init();
    with_enough_time(|timeout| {
        let log = Log::new("uno");
        let finished = log.context.run(&mut sh(script)).timeout(timeout).grace(grace).wait().unwrap();
        assert!(finished.timed_out);
        let printed = printed(&log, "stdout");
        if printed.is_empty() {
            return false;
        }
        assert_eq!((printed, finished.status.code()), (vec!["ready".to_owned(), "cleaning up".to_owned()], Some(7)));
        true
    });
}

#[test]
fn what_a_program_prints_when_it_is_told_to_end_is_logged() {
    assert_cleans_up("trap 'echo cleaning up; exit 7' TERM; echo ready; while :; do sleep 0.01; done", DEADLINE);
}

#[test]
fn a_program_that_does_not_end_when_told_to_is_killed() {
    init();
    // The shell's children ignore the signal too.
    let script = "trap '' TERM; echo $$; sleep 600 & echo $!; wait";
    with_enough_time(|timeout| {
        let (log, start) = (Log::new("uno"), Instant::now());
        let finished = log.context.run(&mut sh(script)).timeout(timeout).grace(SHORT).wait().unwrap();
        assert!(finished.timed_out);
        let pids = pids(&log);
        pids.iter().for_each(|pid| wait_until_dead(*pid));
        if pids.len() < 2 {
            return false;
        }
        assert_eq!(last(&log).fields["signal"], 9);
        assert!(start.elapsed() >= timeout + SHORT);
        true
    });
}

#[test]
fn a_program_that_is_stopped_goes_on_to_its_end_when_it_is_told_to_end() {
    // As one that asks for a password is: it is in the background of the terminal.
    let script = "trap 'echo cleaning up; exit 7' TERM; echo ready; kill -STOP $$; while :; do sleep 0.01; done";
    assert_cleans_up(script, DEADLINE / 4);
}

#[test]
fn what_a_program_has_started_is_ended_with_it() {
    init();
    // The first grandchild holds the pipe, the second does not; both ignore SIGTERM, and the program does not wait for them.
    let script = "(trap '' TERM; echo 1; exec sleep 600) & echo $!
        (trap '' TERM; echo 2; exec sleep 600 >/dev/null 2>&1) & echo $!
        exec sleep 600";
    with_enough_time(|timeout| {
        let log = Log::new("uno");
        log.context.run(&mut sh(script)).timeout(timeout).grace(SHORT).linger(DEADLINE).wait().unwrap();
        let pids = pids(&log);
        pids.iter().filter(|pid| **pid > 2).for_each(|pid| wait_until_dead(*pid));
        pids.len() == 4 && last(&log).fields["signal"] == 15
    });
}

#[test]
fn what_ignores_the_end_and_holds_no_output_is_killed_when_the_program_has_ended() {
    init();
    let script = "(trap '' TERM; echo 1; exec sleep 600 >/dev/null 2>&1) & echo $!; exec sleep 600";
    with_enough_time(|timeout| {
        let log = Log::new("uno");
        log.context.run(&mut sh(script)).timeout(timeout).grace(10 * DEADLINE).wait().unwrap();
        let pids = pids(&log);
        pids.iter().filter(|pid| **pid > 1).for_each(|pid| wait_until_dead(*pid));
        pids.len() == 2
    });
}

#[test]
fn a_program_that_ends_in_time_leaves_what_it_has_started_alone() {
    init();
    let log = Log::new("uno");
    let script = "sleep 600 >/dev/null 2>&1 & echo $!";
    let finished = log.context.run(&mut sh(script)).timeout(DEADLINE).kill_on_drop(true).wait().unwrap();
    assert!(finished.success() && !finished.left_open);
    let left = pids(&log)[0];
    assert!(matches!(state(left), Some('S' | 'R' | 'D')), "{:?}", state(left));
    kill(left);
}

fn kill(pid: u64) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn another_process_that_holds_the_output_holds_up_nothing_for_longer_than_linger() {
    init();
    let log = Log::new("uno");
    let script = "sleep 600 & echo $!; printf end >&2";
    let finished = log.context.run(&mut sh(script)).linger(SHORT).wait().unwrap();
    assert!(finished.success() && finished.left_open);
    let left = pids(&log)[0];
    assert!(matches!(state(left), Some('S' | 'R' | 'D')));
    kill(left);
    assert_eq!(printed(&log, "stderr"), ["end"], "a line without end is logged");
    let said =
        "sh has exited, and 50ms later another process still holds its output open: what that prints is not logged";
    let records = records(&log, "logscope::command");
    assert_eq!(records[1], ("WARN".to_owned(), said.to_owned()));
    assert_eq!(records[2].1, "sh succeeded");
    assert!(finished.duration < DEADLINE);
}

#[test]
fn all_that_was_printed_before_the_exit_is_logged_without_linger_too() {
    init();
    for _ in 0..20 {
        let log = Log::new("uno");
        let script = "sleep 600 & echo $! >&2; i=0; while [ $i -lt 500 ]; do echo $i; i=$((i+1)); done";
        let finished = log.context.run(&mut sh(script)).linger(Duration::ZERO).wait().unwrap();
        assert_eq!((finished.lines, finished.left_open), (501, true));
        assert_eq!(printed(&log, "stdout").len(), 500);
        kill(printed(&log, "stderr")[0].parse().unwrap());
    }
}

#[test]
fn an_output_that_is_at_its_end_is_not_left_open() {
    const TEST: &str = "an_output_that_is_at_its_end_is_not_left_open";
    // In a process of its own: one that another test is just starting has copies of all pipes, until it executes its program.
    in_child(TEST, |_| {
        init();
        let run = |_| {
            let log = Log::new("uno");
            let finished = log.context.run(&mut sh("echo one; printf two >&2")).linger(Duration::ZERO).wait().unwrap();
            json!([finished.lines, finished.left_open])
        };
        (0..20).map(run).collect()
    });
    assert_eq!(Child::new(TEST).run().report, json!(vec![json!([2, false]); 20]));
}

#[test]
fn what_a_program_has_started_does_not_get_the_rest_of_its_stdin() {
    init();
    let log = Log::new("uno");
    let finished = log.context.run(&mut sh(READS_LATER)).stdin(vec![b'x'; 4 << 20]).linger(DEADLINE).wait().unwrap();
    assert!(finished.success() && !finished.left_open);
    let read = pids(&log)[0];
    assert!(read < 1 << 20, "{read} bytes are more than a pipe holds");
}

#[test]
fn another_process_that_prints_without_end_holds_up_nothing_either() {
    init();
    let log = Log::new("uno");
    let context = log.context.with_verbosity(logscope::LevelFilter::OFF);
    let (finished, left) = on_thread(move || {
        let finished = context.run(&mut sh("yes & echo $! >&2")).capture(true).linger(SHORT).wait().unwrap();
        let left = finished.stderr.text().trim().parse().unwrap();
        (finished, left)
    })();
    kill(left);
    assert!(finished.success() && finished.left_open);
}

#[test]
fn a_panic_in_the_level_function_reaches_the_caller_and_leaves_no_zombie() {
    init();
    let log = Log::new("uno");
    let payload = panic_of(|| log.context.run(&mut sh("echo one; sleep 0.2; echo two")).level_by(panics).wait());
    assert_eq!(text_of(&*payload), "no level for one");
    wait_until_reaped(pid(&log));
    assert!(OutputContext::try_current().is_none());

    let log = Log::new("uno");
    let script = "(trap '' TERM; exec sleep 600) >/dev/null 2>&1 & echo one; exec sleep 600";
    panic_of(|| log.context.run(&mut sh(script)).level_by(panics).kill_on_drop(true).wait());
    wait_until_reaped(pid(&log));
}

#[test]
fn a_program_that_is_dropped_and_does_not_end_is_killed_after_its_grace() {
    init();
    let log = Log::new("uno");
    let script = "trap '' TERM; echo one; while :; do sleep 1; done";
    let mut command = sh(script);
    let run = log.context.run(&mut command).level_by(panics).kill_on_drop(true).grace(SHORT);
    let start = Instant::now();
    panic_of(|| run.wait());
    wait_until_reaped(pid(&log));
    assert!(start.elapsed() >= SHORT);
}

#[test]
fn a_timeout_holds_for_a_program_that_nobody_waits_for_any_more() {
    init();
    with_enough_time(|timeout| {
        let (log, mut command) = (Log::new("uno"), sh("echo one; exec sleep 600"));
        let run = log.context.run(&mut command).level_by(panics).timeout(timeout);
        let result = catch_unwind(AssertUnwindSafe(|| run.wait()));
        wait_until_reaped(pid(&log));
        result.is_err()
    });
}

#[test]
fn many_that_are_dropped_are_all_waited_for() {
    init();
    let logs: Vec<_> = (0..16).map(|n| Log::new(n.to_string())).collect();
    std::thread::scope(|threads| {
        for (n, log) in logs.iter().enumerate() {
            threads.spawn(move || {
                let mut command = sh("echo one; exec sleep 600");
                let run = log.context.run(&mut command).level_by(panics).kill_on_drop(true);
                panic_of(|| run.wait());
                n
            });
        }
    });
    logs.iter().for_each(|log| wait_until_reaped(pid(log)));
}

#[test]
fn the_exit_of_the_process_kills_what_may_have_to_be_ended_and_nothing_else() {
    const TEST: &str = "the_exit_of_the_process_kills_what_may_have_to_be_ended_and_nothing_else";
    in_child(TEST, |_| {
        init();
        let (printed, pids) = channel();
        let script = "echo $$; (trap '' TERM; exec sleep 600) >/dev/null 2>&1 & echo $!; exec sleep 600";
        for options in [(true, false), (false, true), (false, false)] {
            let printed = printed.clone();
            std::thread::spawn(move || {
                let uno = OutputContext::builder("uno").sink(sink::null()).build();
                let mut command = sh(script);
                let run = uno.run(&mut command).level_by(|_, line| {
                    printed.send((options, line.parse::<u64>().unwrap())).unwrap();
                    Level::INFO
                });
                let run = if options.0 { run.timeout(Duration::from_secs(600)) } else { run };
                run.kill_on_drop(options.1).wait()
            });
        }
        let mut told: Vec<_> = (0..6).map(|_| pids.recv().unwrap()).collect();
        told.sort();
        json!(told.iter().map(|(options, pid)| json!([options.0 || options.1, pid])).collect::<Vec<_>>())
    });
    let report = Child::new(TEST).run().report;
    for entry in report.as_array().unwrap() {
        let pid = entry[1].as_u64().unwrap();
        if entry[0] == true {
            wait_until_dead(pid);
        } else {
            assert!(matches!(state(pid), Some('S' | 'R' | 'D')), "{:?}", state(pid));
            kill(pid);
        }
    }
}

#[test]
fn the_exit_of_the_process_tells_programs_to_end_before_it_kills_them() {
    const TEST: &str = "the_exit_of_the_process_tells_programs_to_end_before_it_kills_them";
    in_child(TEST, |folder| {
        init();
        let (printed, is_printed) = channel();
        let scripts = [
            "trap 'sleep 0.05; echo cleaned up >end; exit' TERM; echo $$; while :; do sleep 0.01; done",
            "trap '' TERM; echo $$; while :; do sleep 1; done",
        ];
        for script in scripts {
            let (printed, folder) = (printed.clone(), folder.to_owned());
            std::thread::spawn(move || {
                let uno = OutputContext::builder("uno").sink(sink::null()).build();
                let mut command = sh(script);
                let run = uno.run(command.current_dir(folder)).level_by(|_, line| {
                    // Shells tell which of their children were ended.
                    line.parse::<u64>().into_iter().for_each(|pid| printed.send(pid).unwrap());
                    Level::INFO
                });
                run.kill_on_drop(true).wait()
            });
        }
        json!([is_printed.recv().unwrap(), is_printed.recv().unwrap()])
    });
    let ended = Child::new(TEST).run();
    assert_eq!(ended.read("end"), "cleaned up\n");
    ended.report.as_array().unwrap().iter().for_each(|pid| wait_until_dead(pid.as_u64().unwrap()));
}

#[test]
fn a_sink_that_panics_or_fails_ends_no_run() {
    struct Broken;
    impl logscope::sink::Output for Broken {
        fn write(&self, line: logscope::sink::Line<'_>) -> io::Result<()> {
            if line.bytes().starts_with(b"one") { panic!("a broken sink") } else { Err(io::Error::other("full")) }
        }
    }
    init();
    let uno = OutputContext::builder("uno").sink(sink::custom(Broken).format(Format::raw())).build();
    let finished = uno.run(&mut sh("echo one; echo two; echo one")).wait().unwrap();
    assert_eq!((finished.lines, uno.ledger().failed), (3, 3));
}

#[test]
fn a_forked_child_runs_and_ends_programs_of_its_own_and_leaves_those_of_its_parent_alone() {
    const TEST: &str = "a_forked_child_runs_and_ends_programs_of_its_own_and_leaves_those_of_its_parent_alone";
    in_child(TEST, |_| {
        init();
        let drop_one = || {
            let (log, mut command) = (Log::new("uno"), sh("echo one; exec sleep 600"));
            let run = log.context.run(&mut command).level_by(panics).kill_on_drop(true);
            panic_of(|| run.wait());
            wait_until_reaped(pid(&log));
        };
        // Before the fork, so that the child finds the lists and the thread of its parent.
        drop_one();
        let uno = OutputContext::builder("uno").sink(sink::null()).build();
        let mut command = sh("echo one; exec cat");
        let mut is_first = true;
        let run = uno.run(&mut command).kill_on_drop(true).timeout(DEADLINE).level_by(|_, _| {
            if std::mem::take(&mut is_first) {
                fork(drop_one);
            }
            Level::INFO
        });
        json!(run.stdin(vec![b'\n'; 100_000]).wait().unwrap().check().unwrap().lines)
    });
    assert_eq!(Child::new(TEST).run().report, 100_001);
}

#[test]
fn a_forked_child_that_unwinds_leaves_the_program_to_its_parent() {
    const TEST: &str = "a_forked_child_that_unwinds_leaves_the_program_to_its_parent";
    in_child(TEST, |_| {
        init();
        let uno = OutputContext::builder("uno").sink(sink::null()).build();
        let (mut command, mut is_first) = (sh("echo one; exec cat"), true);
        // More than a pipe holds: the program runs while the child unwinds.
        let run = uno.run(&mut command).stdin(vec![b'\n'; 200_000]).kill_on_drop(true).timeout(10 * DEADLINE);
        let run = run.level_by(|_, _| {
            if std::mem::take(&mut is_first) {
                fork_and_unwind();
            }
            Level::INFO
        });
        json!(to_the_end_of_a_child(|| run.wait()).unwrap().check().unwrap().lines)
    });
    assert_eq!(Child::new(TEST).run().report, 200_001);
}

#[test]
fn where_exits_are_ignored_a_run_ends_with_an_error() {
    const TEST: &str = "where_exits_are_ignored_a_run_ends_with_an_error";
    in_child(TEST, |_| {
        use nix::sys::signal::{SigHandler, Signal, signal};
        init();
        // SAFETY: to ignore a signal runs no code.
        unsafe { signal(Signal::SIGCHLD, SigHandler::SigIgn) }.unwrap();
        let log = Log::new("uno");
        let error = log.context.run(&mut sh("echo one")).timeout(DEADLINE).wait().unwrap_err();
        json!([error.to_string(), printed(&log, "stdout")])
    });
    let report = Child::new(TEST).run().report;
    let why = "this process ignores SIGCHLD, or something else in it has waited for the program";
    let expected = format!("cannot wait for sh: No child processes (os error 10): {why}");
    assert_eq!(report, json!([expected, ["one"]]));
}
