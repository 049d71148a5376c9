//! Programs that are run from tasks: the same records, the same ends, and what becomes of a program whose future is dropped.

#![cfg(all(feature = "testing", target_os = "linux"))]
#![cfg(feature = "tokio")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod common;
#[path = "common/programs.rs"]
mod programs;

use std::future::IntoFuture as _;
use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::{Duration, Instant};

use common::{DEADLINE, Log, init, panic_of, text_of};
use logscope::{InContext as _, Level, OutputContext, sink};
use programs::{READS_LATER, last, pid, printed, records, state, wait_until_dead, wait_until_reaped};
use tokio::process::Command;
use tokio::sync::mpsc::unbounded_channel;

const SHORT: Duration = Duration::from_millis(50);

fn sh(script: &str) -> Command {
    programs::sh(script).into()
}

/// Runs `work` on a runtime with `workers` workers, or on this thread alone. It must end in time.
fn block_on<T>(workers: usize, work: impl Future<Output = T>) -> T {
    let mut builder = match workers {
        0 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = builder.worker_threads(workers.max(1)).enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(DEADLINE, work).await.expect("it ends in time") })
}

#[test]
fn the_records_are_those_of_a_run_that_is_waited_for() {
    init();
    for workers in [0, 2] {
        let log = Log::new("uno");
        let finished = block_on(workers, async {
            let mut command = sh("echo one; echo two >&2; printf 'part\\r\\n50%%\\r100%%'; exit 3");
            log.context.run_async(&mut command).stderr_level(Level::WARN).capture(true).await.unwrap()
        });
        assert_eq!((finished.status.code(), finished.lines, finished.success()), (Some(3), 4, false));
        assert_eq!((&*finished.stdout.text(), &*finished.stderr.text()), ("one\npart\r\n50%\r100%", "two\n"));
        assert_eq!(printed(&log, "stdout"), ["one", "part", "100%"]);
        assert_eq!(records(&log, "logscope::command::stderr"), [("WARN".to_owned(), "two".to_owned())]);
        let ends = records(&log, "logscope::command");
        assert_eq!((ends[0].1.as_str(), ends[1].1.as_str()), ("sh started", "sh failed (exit status: 3)"));
        assert_eq!(state(pid(&log)), None);
    }
}

#[test]
fn many_programs_run_at_once_in_tasks_of_their_own() {
    init();
    let logs: Vec<_> = (0..8).map(|n| Log::new(format!("build {n}"))).collect();
    block_on(2, async {
        let tasks = logs.iter().enumerate().map(|(n, log)| {
            let context = log.context.clone();
            tokio::spawn(async move {
                let mut command =
                    sh(&format!("i=0; while [ $i -lt 300 ]; do echo {n} $i; echo {n} $i >&2; i=$((i+1)); done"));
                context.run_async(&mut command).merged().await.unwrap().check().unwrap();
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
    for (n, log) in logs.iter().enumerate() {
        let expected: Vec<_> = (0..300).flat_map(|i| [format!("{n} {i}"), format!("{n} {i}")]).collect();
        assert_eq!(printed(log, "merged"), expected);
    }
}

#[test]
fn megabytes_on_both_pipes_pass_while_stdin_is_read_late() {
    init();
    let log = Log::new("uno");
    let script = "head -c 2000000 /dev/zero | tr '\\0' '\\n'; head -c 2000000 /dev/zero | tr '\\0' '\\n' >&2; wc -c";
    let uno = log.context.with_verbosity(logscope::LevelFilter::WARN);
    let finished =
        block_on(0, async { uno.run_async(&mut sh(script)).stdin(vec![b'x'; 3 << 20]).capture(true).await.unwrap() });
    assert_eq!(finished.check().map(|finished| finished.lines).unwrap(), 4_000_001);
}

#[test]
fn a_program_need_not_read_its_stdin() {
    init();
    let log = Log::new("uno");
    block_on(0, async {
        for script in ["echo one", "exec <&-; echo one; exec sleep 0.05", "head -c 1 >/dev/null; echo one"] {
            log.context.run_async(&mut sh(script)).stdin(vec![b'x'; 1 << 20]).await.unwrap().check().unwrap();
        }
    });
    assert_eq!(printed(&log, "stdout"), ["one"; 3]);
}

#[test]
fn what_a_program_has_started_does_not_get_the_rest_of_its_stdin() {
    init();
    let log = Log::new("uno");
    let finished = block_on(0, async {
        log.context.run_async(&mut sh(READS_LATER)).stdin(vec![b'x'; 4 << 20]).linger(DEADLINE).await.unwrap()
    });
    assert!(finished.success() && !finished.left_open);
    let read: u64 = printed(&log, "stdout")[0].trim().parse().unwrap();
    assert!(read < 1 << 20, "{read} bytes are more than a pipe holds");
}

#[test]
fn a_program_that_takes_too_long_is_ended_with_what_it_has_started() {
    init();
    let timeouts = [200, 1_000, 5_000, 30_000].map(Duration::from_millis);
    let is_ready_in = |timeout| {
        let log = Log::new("uno");
        let script = "trap '' TERM; sleep 600 & echo $!; wait; sleep 600";
        let finished =
            block_on(2, async { log.context.run_async(&mut sh(script)).timeout(timeout).grace(SHORT).await.unwrap() });
        assert!(finished.timed_out && !finished.success());
        assert_eq!(finished.check().unwrap_err().kind(), io::ErrorKind::TimedOut);
        let pids: Vec<u64> = printed(&log, "stdout").iter().map(|line| line.parse().unwrap()).collect();
        pids.iter().for_each(|pid| wait_until_dead(*pid));
        !pids.is_empty() && last(&log).fields["signal"] == 9
    };
    assert!(timeouts.into_iter().any(is_ready_in));
}

#[test]
fn another_process_that_holds_the_output_holds_up_nothing_for_longer_than_linger() {
    init();
    let log = Log::new("uno");
    let finished = block_on(0, async {
        log.context.run_async(&mut sh("sleep 600 & echo $!; printf end >&2")).linger(SHORT).await.unwrap()
    });
    assert!(finished.success() && finished.left_open);
    assert_eq!(printed(&log, "stderr"), ["end"]);
    let left = rustix::process::Pid::from_raw(printed(&log, "stdout")[0].parse().unwrap()).unwrap();
    rustix::process::kill_process(left, rustix::process::Signal::KILL).unwrap();
}

/// Drops the future of a run of `script` once the program has printed its first line, and returns the log.
fn drop_half_way(script: &str, kill: bool, by_command: bool) -> Log {
    let log = Log::new("uno");
    block_on(2, async {
        let (printed, mut is_printed) = unbounded_channel();
        let context = log.context.clone();
        let (mut command, script) = (sh(script), script.to_owned());
        let task = tokio::spawn(async move {
            if by_command {
                command.kill_on_drop(true);
            }
            let level_by = |_, _: &str| {
                let _ = printed.send(());
                Level::INFO
            };
            let run = context.run_async(&mut command).level_by(level_by).kill_on_drop(kill).grace(SHORT);
            run.await.unwrap();
            panic!("{script} does not end");
        });
        is_printed.recv().await.unwrap();
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    });
    log
}

#[test]
fn a_run_that_is_cancelled_ends_its_program_where_that_was_asked_for() {
    init();
    let script = "(trap '' TERM; exec sleep 600) >/dev/null 2>&1 & echo $!; exec sleep 600";
    for by_command in [false, true] {
        let log = drop_half_way(script, !by_command, by_command);
        let end = last(&log);
        assert_eq!((&*end.level, &*end.message), ("WARN", "the run of sh was dropped half way: it is told to end"));
        assert!(end.fields["seconds"].as_f64().unwrap() > 0.0, "{end:?}");
        wait_until_reaped(pid(&log));
        wait_until_dead(printed(&log, "stdout")[0].parse().unwrap());
    }
    let log = drop_half_way("trap '' TERM; echo one; while :; do sleep 1; done", true, false);
    wait_until_reaped(pid(&log));
}

#[test]
fn a_run_that_is_cancelled_leaves_its_program_alone_otherwise_and_no_zombie() {
    init();
    let log = drop_half_way("echo one; exec sleep 600", false, false);
    let end = last(&log).message;
    assert_eq!(end, "the run of sh was dropped half way: it goes on, and what it prints from here on is not logged");
    let pid = pid(&log);
    assert!(matches!(state(pid), Some('S' | 'R' | 'D')), "{:?}", state(pid));
    let process = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
    wait_until_reaped(pid);
}

#[test]
fn a_run_that_is_cancelled_logs_the_line_that_was_begun_and_knows_what_has_exited() {
    init();
    for exits in [false, true] {
        let log = Log::new("uno");
        block_on(0, async {
            let mut command = sh(if exits {
                "printf 'one\\nbegun'; sleep 600 & exit 0"
            } else {
                "printf 'one\\nbegun'; exec sleep 600"
            });
            let run = log.context.run_async(&mut command).linger(Duration::from_secs(600)).kill_on_drop(true);
            let mut run = pin!(run.into_future());
            // Each tick lets the runtime see what has become ready, and the run read it. Both parts come with one write.
            let mut ticks_since = 0;
            while ticks_since < 10 {
                assert!(tokio::time::timeout(Duration::from_millis(1), &mut run).await.is_err(), "it goes on");
                let is_there = printed(&log, "stdout") == ["one"] && (!exits || state(pid(&log)) == Some('Z'));
                ticks_since = if is_there { ticks_since + 1 } else { 0 };
            }
        });
        assert_eq!(printed(&log, "stdout"), ["one", "begun"]);
        let what = if exits {
            "it had exited, and what others print on its output is not logged"
        } else {
            "it is told to end"
        };
        assert_eq!(last(&log).message, format!("the run of sh was dropped half way: {what}"));
        wait_until_reaped(pid(&log));
    }
}

#[test]
fn a_future_that_is_never_polled_starts_nothing() {
    init();
    let log = Log::new("uno");
    block_on(0, async {
        let mut command = sh("echo one");
        drop(log.context.run_async(&mut command).kill_on_drop(true).into_future());
    });
    log.assert_holds::<&str>(&[]);
}

#[test]
fn a_panic_in_the_level_function_reaches_the_task() {
    init();
    let log = Log::new("uno");
    let payload = panic_of(AssertUnwindSafe(|| {
        block_on(0, async {
            let mut command = sh("echo one; exec sleep 600");
            let run = log.context.run_async(&mut command).level_by(|_, line| panic!("no level for {line}"));
            run.kill_on_drop(true).await
        })
    }));
    assert_eq!(text_of(&*payload), "no level for one");
    assert_eq!(last(&log).message, "the run of sh was dropped half way: it is told to end");
    wait_until_reaped(pid(&log));
}

#[test]
fn the_context_and_its_scopes_stay_with_the_task() {
    init();
    let log = Log::new("uno");
    let dos = OutputContext::builder("dos").sink(sink::null()).build();
    block_on(
        0,
        async {
            let mut command = sh("echo one; echo two");
            let level_by = |_, _: &str| {
                assert_eq!(OutputContext::current().name(), "uno");
                Level::INFO
            };
            log.context.run_async(&mut command).level_by(level_by).await.unwrap();
            assert_eq!(OutputContext::current().name(), "dos");
        }
        .in_context(&dos),
    );
    assert_eq!(printed(&log, "stdout"), ["one", "two"]);
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_program() {
    init();
    let log = Log::new("uno");
    let mut command = sh("echo one");
    let error = common::block_on(log.context.run_async(&mut command).into_future()).unwrap_err();
    assert!(error.to_string().contains("tokio runtime"), "{error}");
    log.assert_holds::<&str>(&[]);
    let error = block_on(0, async { log.context.run_async(&mut Command::new("/no/such/compiler")).await.unwrap_err() });
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[test]
fn a_runtime_without_io_or_time_panics_before_there_is_a_program() {
    init();
    for (lacks, text) in [("I/O", "IO is disabled"), ("time", "timers are disabled")] {
        let log = Log::new("uno");
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = if lacks == "time" { builder.enable_io() } else { builder.enable_time() }.build().unwrap();
        let payload = panic_of(AssertUnwindSafe(|| {
            runtime.block_on(async { log.context.run_async(&mut sh("echo one")).await.unwrap() })
        }));
        assert!(text_of(&*payload).contains(text), "{}", text_of(&*payload));
        log.assert_holds::<&str>(&[]);
    }
}

#[test]
fn all_that_was_printed_before_the_exit_is_logged_without_linger_too() {
    init();
    for round in 0..40 {
        let log = Log::new("uno");
        let script = "sleep 600 & echo $! >&2; i=0; while [ $i -lt 500 ]; do echo $i; i=$((i+1)); done";
        let finished =
            block_on(round % 3, async { log.context.run_async(&mut sh(script)).linger(Duration::ZERO).await.unwrap() });
        assert_eq!((finished.lines, finished.left_open), (501, true));
        let left = rustix::process::Pid::from_raw(printed(&log, "stderr")[0].parse().unwrap()).unwrap();
        rustix::process::kill_process(left, rustix::process::Signal::KILL).unwrap();
    }
}

#[test]
fn the_end_of_the_runtime_ends_what_was_to_be_ended() {
    init();
    let log = Log::new("uno");
    let start = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (printed, mut is_printed) = unbounded_channel();
    let context = log.context.clone();
    runtime.spawn(async move {
        let mut command = sh("echo one; exec sleep 600");
        let level_by = |_, _: &str| {
            let _ = printed.send(());
            Level::INFO
        };
        context.run_async(&mut command).level_by(level_by).kill_on_drop(true).await
    });
    runtime.block_on(is_printed.recv()).unwrap();
    drop(runtime);
    wait_until_reaped(pid(&log));
    assert!(start.elapsed() < DEADLINE);
}
