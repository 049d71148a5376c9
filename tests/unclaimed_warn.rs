//! A record tells of unclaimed events, where the program asks for it: at once, then each minute, and before the process ends.
//!
//! What is told is a matter of the process, so each test runs in a child of its own.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;

#[cfg(unix)]
#[path = "common/fork.rs"]
mod fork;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use child::{Child, Ended, in_child};
use logscope::sink::{self, Queue, Sink};
use logscope::{Format, LevelFilter, OutputContext, Time, Unclaimed, unclaimed};
use serde_json::Value;

fn play(role: &str, play: impl FnOnce()) -> Ended {
    in_child(role, |_| {
        play();
        Value::Bool(true)
    });
    Child::new(role).run()
}

fn install(sinks: Vec<Sink>) -> OutputContext {
    let format = || Format::logfmt().context(false).time(Time::None);
    let builder = OutputContext::builder("main").verbosity("error,app=info".parse::<logscope::Verbosity>().unwrap());
    let main = sinks.into_iter().fold(builder, |builder, sink| builder.sink(sink.format(format()))).build();
    logscope::configure().default_context(main.clone()).unclaimed_for("app", Unclaimed::Warn).install().unwrap();
    main
}

fn forget(line: u32) {
    match line {
        0 => tracing::error!(target: "counted", "forgotten"),
        1 => tracing::info!(target: "app", "one"),
        _ => tracing::info!(target: "app::x", "two"),
    }
}

const MESSAGE: &str = "events reached the process default while other contexts were alive";

#[test]
fn the_first_record_follows_its_event_and_the_last_comes_before_the_end() {
    let ended = play("the_first_record_follows_its_event_and_the_last_comes_before_the_end", || {
        let (memory, lines) = sink::memory();
        let stderr = sink::stderr();
        let main = install(vec![memory, stderr]);
        let _uno = OutputContext::builder("uno").sink(sink::null()).build();
        forget(0);
        assert_eq!(lines.lines().len(), 1, "counted only");
        forget(1);
        let told = lines.lines();
        assert_eq!(told.len(), 3);
        assert!(told[1].contains("msg=one"), "the event comes first: {told:?}");
        assert!(
            told[2].contains("level=warn") && told[2].contains("target=logscope") && told[2].contains(MESSAGE),
            "{told:?}"
        );
        assert!(told[2].contains("events=1 ") && told[2].contains("1 INFO app at "), "{told:?}");
        (0..3).for_each(|_| forget(2));
        assert_eq!(lines.lines().len(), 6, "the next record is due in a minute");
        assert_eq!(unclaimed().total, 5, "the record itself does not count");
        let _ = logscope::shutdown(Duration::from_secs(60));
        let told = lines.lines();
        assert_eq!(told.len(), 7);
        assert!(told[6].contains("events=3 ") && told[6].contains("3 INFO app::x at "), "{told:?}");
        let _ = logscope::shutdown(Duration::from_secs(60));
        assert_eq!((lines.lines().len(), main.ledger().accepted), (7, 14), "told once, in both sinks");
        forget(1);
    });
    let told: Vec<_> = ended.stderr.lines().filter(|line| line.contains(MESSAGE)).collect();
    assert_eq!(told.len(), 3, "the exit tells what came after the shutdown: {}", ended.stderr);
    assert!(ended.fallback_lines().is_empty(), "{}", ended.stderr);
}

#[test]
fn stderr_is_told_if_no_sink_wants_the_record() {
    let ended = play("stderr_is_told_if_no_sink_wants_the_record", || {
        let (memory, lines) = sink::memory();
        install(vec![memory.max_level(LevelFilter::ERROR)]);
        let _uno = OutputContext::builder("uno").sink(sink::null()).build();
        forget(1);
        assert!(lines.lines().is_empty());
    });
    assert_eq!(ended.fallback_lines().len(), 1, "{}", ended.stderr);
    assert!(ended.fallback_lines()[0].contains("1 event reached"), "{}", ended.stderr);
}

#[test]
fn stderr_is_told_if_the_default_is_closed() {
    let ended = play("stderr_is_told_if_the_default_is_closed", || {
        let (memory, lines) = sink::memory();
        let main = install(vec![memory]);
        let _uno = OutputContext::builder("uno").sink(sink::null()).build();
        let _ = main.close(Duration::from_secs(60));
        forget(1);
        assert!(lines.lines().is_empty());
    });
    assert_eq!(
        ended.fallback_lines().iter().filter(|line| line.contains("event reached")).count(),
        1,
        "{}",
        ended.stderr
    );
}

#[test]
fn an_output_that_forgets_is_not_called_again_for_the_record() {
    let ended = play("an_output_that_forgets_is_not_called_again_for_the_record", || {
        let told = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&told);
        let forgetful = sink::callback(move |line| {
            seen.fetch_add(usize::from(line.contains(MESSAGE)), Ordering::Relaxed);
            forget(2);
        });
        install(vec![forgetful]);
        let _uno = OutputContext::builder("uno").sink(sink::null()).build();
        forget(1);
        assert_eq!(told.load(Ordering::Relaxed), 1, "after the call, and not inside the output");
        assert!(unclaimed().total >= 2);
        let _ = logscope::shutdown(Duration::from_secs(60));
    });
    assert!(ended.stderr.lines().count() < 30, "{}", ended.stderr);
}

#[test]
fn the_last_record_is_written_before_the_queues_are_closed() {
    let ended = play("the_last_record_is_written_before_the_queues_are_closed", || {
        install(vec![sink::stderr().queued(Queue::new())]);
        let _uno = OutputContext::builder("uno").sink(sink::null()).build();
        (0..3).for_each(|_| forget(1));
    });
    let told: Vec<_> = ended.stderr.lines().filter(|line| line.contains(MESSAGE)).collect();
    assert_eq!(told.len(), 2, "{}", ended.stderr);
    assert!(told[0].contains("events=1 ") && told[1].contains("events=2 "), "{told:?}");
    assert!(ended.fallback_lines().is_empty(), "{}", ended.stderr);
}

/// An output that stands still must not hold the end of the process up, nor cost other outputs their time.
#[test]
fn an_output_that_stands_still_does_not_hold_up_the_end() {
    for by_shutdown in [false, true] {
        let ended = stand_still(by_shutdown);
        let lines: Vec<_> =
            ended.fallback_lines().into_iter().filter(|line| line.contains("2 events reached")).collect();
        assert_eq!(lines.len(), 1, "{}", ended.stderr);
        assert!(ended.stderr.contains("a line of uno"), "{}", ended.stderr);
    }
}

fn stand_still(by_shutdown: bool) -> Ended {
    let role = "an_output_that_stands_still_does_not_hold_up_the_end";
    in_child(role, |_| {
        let (entered, is_entered) = mpsc::channel();
        let stuck = sink::callback(move |line| {
            if line.contains("stuck") {
                entered.send(()).unwrap();
                loop {
                    thread::park();
                }
            }
        });
        let main = install(vec![stuck]);
        let uno = OutputContext::builder("uno").sink(sink::stderr().queued(Queue::new())).build();
        (0..3).for_each(|_| forget(1));
        thread::spawn(move || main.scope(|| tracing::info!(target: "app", "stuck")));
        is_entered.recv().unwrap();
        uno.scope(|| tracing::info!("a line of uno"));
        if std::env::var("BY_SHUTDOWN").unwrap() == "true" {
            let start = Instant::now();
            let _ = logscope::shutdown(Duration::from_millis(500));
            assert!(start.elapsed() < Duration::from_secs(60));
        }
        Value::Null
    });
    Child::new(role).var("BY_SHUTDOWN", by_shutdown).run()
}

/// What the parent has counted and not told is not told by a child.
#[cfg(unix)]
#[test]
fn a_forked_child_tells_of_its_own_events_only() {
    let ended = play("a_forked_child_tells_of_its_own_events_only", || {
        install(vec![sink::stderr()]);
        let _uno = OutputContext::builder("uno").sink(sink::null()).build();
        (0..3).for_each(|_| forget(1));
        fork::fork(|| std::process::exit(0));
        fork::fork(|| {
            (0..6).for_each(|_| forget(2));
            std::process::exit(0)
        });
    });
    let told: Vec<_> = ended.stderr.lines().filter(|line| line.contains(MESSAGE)).collect();
    let counts: Vec<_> = ["events=1 ", "events=1 ", "events=5 ", "events=2 "].to_vec();
    assert_eq!(told.len(), counts.len(), "{}", ended.stderr);
    assert!(told.iter().zip(counts).all(|(line, count)| line.contains(count)), "{told:?}");
}
