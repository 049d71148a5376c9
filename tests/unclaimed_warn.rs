//! A record tells of unclaimed events, where the program asks for it: at once, then each minute, and before the process ends.
//!
//! What is told is a matter of the process, so each test runs in a child of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;

use std::time::Duration;

use child::{Child, Ended, in_child};
use logscope::sink::{self, Sink};
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
        let forgetful = sink::callback(|_| {
            forget(2);
        });
        install(vec![forgetful]);
        let _uno = OutputContext::builder("uno").sink(sink::null()).build();
        forget(1);
        assert!(unclaimed().total >= 2);
        let _ = logscope::shutdown(Duration::from_secs(60));
    });
    assert!(ended.stderr.lines().count() < 30, "{}", ended.stderr);
}
