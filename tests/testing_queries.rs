//! Queries find what they ask for, wait for it without polling, and say what they missed.

// Clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use logscope::testing::{self, Log};
use logscope::{InContext as _, Level};

/// Long enough for a busy machine.
const LONG: Duration = Duration::from_secs(60);

/// The message of the panic of `f`.
#[track_caller]
fn message(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("it panics");
    payload.downcast_ref::<String>().expect("it is a text").clone()
}

fn log_some() {
    let _span = tracing::info_span!("query", table = "users").entered();
    tracing::warn!(target: "db::pool", ms = 12, rows = ?[1, 2], "slow query");
    tracing::warn!(target: "db", ms = 3, "slow query");
    tracing::info!(target: "dbx", "connected");
}

#[test]
fn each_condition_selects() {
    testing::capture(|log| {
        log_some();
        tracing::error!(target: "web", code = 500_u16, "failed");
        let all = || log.records();
        assert_eq!(all().count(), 4);
        assert_eq!(all().level(Level::WARN).count(), 2);
        assert_eq!(all().level_at_least(Level::WARN).count(), 3);
        assert_eq!(all().target("db").count(), 2);
        assert_eq!(all().target("db::pool").count(), 1);
        assert_eq!((all().target_is("db").count(), all().target_is("d").count()), (1, 0));
        assert_eq!(all().message("slow").count(), 2);
        assert_eq!((all().message_starts_with("slow").count(), all().message_starts_with("query").count()), (2, 0));
        assert_eq!((all().message_is("slow").count(), all().message_is("slow query").count()), (0, 2));
        assert_eq!((all().field("ms", 12_u64).count(), all().field("ms", 12_i8).count()), (1, 1));
        assert_eq!(all().field("ms", "12").count(), 0);
        assert_eq!(all().field("rows", "[1, 2]").count(), 1);
        assert_eq!(all().has_field("ms").count(), 2);
        assert_eq!(all().field_matches("ms", |ms| ms.as_u64() > Some(5)).count(), 1);
        assert_eq!(all().in_span("query").count(), 3);
        assert_eq!(all().in_span_with("query", "table", "users").count(), 3);
        assert_eq!(all().in_span_with("query", "table", "orders").count(), 0);
        assert_eq!(all().context("each_condition_selects").count(), 4);
        assert_eq!(all().thread("each_condition_selects").count(), 4);
        assert_eq!(all().matching("has a line", |record| record.line.is_some()).count(), 4);
        assert_eq!(all().level(Level::WARN).target("db").in_span("query").field("ms", 3).one().message, "slow query");
        assert_eq!(all().first().target, "db::pool");
        all().level(Level::TRACE).none();
        assert_eq!(all().in_order(["slow", "connected", "failed"]).len(), 3);
        assert_eq!(all().exactly(4).len(), 4);
    });
}

#[test]
fn a_failure_says_how_much_of_a_target_or_a_message_was_asked_for() {
    testing::capture(|log| {
        log_some();
        let text = message(|| drop(log.records().target_is("db").message_starts_with("query").one()));
        assert!(
            text.contains("asked for: target db and none below it, message that begins with \"query\"\n"),
            "{text}"
        );
        assert!(text.contains("not message that begins with \"query\": it is \"slow query\""), "{text}");
    });
}

#[test]
fn a_failure_says_what_was_asked_what_misses_it_by_least_and_shows_the_log() {
    testing::capture(|log| {
        log_some();
        let asked = log.records().level(Level::WARN).target("db").field("ms", 13).in_span("query");
        let text = message(|| drop(asked.one()));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "expected exactly one record, found no record");
        assert_eq!(lines[1], "  asked for: level WARN, target db, field ms=13, in span query");
        assert_eq!(lines[2], "  nearest misses:");
        assert!(lines[3].contains("db::pool: slow query ms=12"), "{text}");
        assert_eq!(lines[4], "      not field ms=13: it is 12");
        assert!(lines[5].contains("db: slow query ms=3"), "{text}");
        assert_eq!(lines[6], "      not field ms=13: it is 3");
        assert!(lines[7].starts_with("  the log of a_failure_says") && lines[7].ends_with("(3 records):"), "{text}");
        assert_eq!(lines.len(), 11, "{text}");

        let text = message(|| log.records().message("slow").none());
        assert!(
            text.starts_with("expected no record, found 2 records\n  asked for: message with \"slow\"\n  found:\n"),
            "{text}"
        );
        let text = message(|| drop(log.records().in_order(["connected", "slow"])));
        assert!(
            text.starts_with("expected records in order, and there is none with \"slow\" after \"connected\", found 3"),
            "{text}"
        );
        let text = message(|| drop(log.records().field("ms", "12").first()));
        assert!(text.contains("not field ms=\"12\": it is 12"), "{text}");
        let text = message(|| drop(log.records().exactly(7)));
        assert!(text.starts_with("expected exactly 7 records, found 3 records\n  asked for: any record"), "{text}");
    });
}

#[test]
fn a_failure_is_where_the_assertion_is() {
    let (sender, places) = channel();
    let printed = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let ours = info.location().filter(|location| location.file() == file!()).map(|location| location.line());
        let _ = sender.send(ours);
        printed(info);
    }));
    testing::capture(|log| {
        let line = line!() + 1;
        message(|| drop(log.records().message("this is nowhere").one()));
        assert!(places.try_iter().any(|place| place == Some(line)));
    });
}

#[test]
fn within_waits_for_records_of_other_threads() {
    let start = Instant::now();
    testing::capture(|log| {
        let (go, gone) = channel::<()>();
        let worker = logscope::thread::spawn(move || {
            for _ in gone {
                tracing::info!("pong");
            }
        });
        for number in 1..=100 {
            go.send(()).unwrap();
            log.records().message("pong").within(LONG).exactly(number);
            assert!(start.elapsed() < LONG, "a record ends the wait, not the deadline");
        }
        drop(go);
        worker.join().unwrap();
        // In order, and across records that are not asked for.
        let logging = logscope::thread::spawn(|| ["one", "other", "two"].map(|text| tracing::info!("step {text}")));
        log.records().within(LONG).in_order(["step one", "step two"]);
        logging.join().unwrap();
    });
    assert!(start.elapsed() < LONG, "a record ends the wait, not the deadline");
}

#[test]
fn within_ends_at_its_deadline_and_none_waits_for_all_of_it() {
    testing::capture(|log| {
        let short = Duration::from_millis(30);
        let start = Instant::now();
        assert_eq!(log.records().within(short).count(), 0);
        log.records().within(short).none();
        message(|| drop(log.records().within(short).one()));
        assert!(start.elapsed() >= 3 * short);
        // A record ends the wait of `none` at once.
        let logging = logscope::thread::spawn(|| tracing::info!("here"));
        let start = Instant::now();
        message(|| log.records().within(LONG).none());
        assert!(start.elapsed() < LONG / 2);
        logging.join().unwrap();
    });
}

#[test]
fn a_predicate_may_log_and_ask_for_the_log_itself() {
    testing::capture(|log| {
        tracing::info!("first");
        let inner = log.clone();
        let query = log.records().message("first").matching("asks", move |_| {
            tracing::info!("asked");
            inner.records().message("asked").count() > 0
        });
        query.within(LONG).one();
    });
}

#[test]
fn arrived_waits_in_a_task_and_lets_others_go_on() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(testing::capture_async(async |log: Log| {
        let start = Instant::now();
        // The task can log only while this one waits.
        let task = tokio::spawn(async { tracing::info!("linked") }.in_current_context());
        log.records().message("linked").within(LONG).arrived().await.one();
        task.await.unwrap();
        // From a thread, which wakes the task.
        let thread = logscope::thread::spawn(|| tracing::info!("from a thread"));
        log.records().message("from a thread").within(LONG).arrived().await.one();
        thread.join().unwrap();
        assert!(start.elapsed() < LONG, "a record ends the wait, not the deadline");
        // In vain.
        let start = Instant::now();
        log.records().message("never").within(Duration::from_millis(30)).arrived().await.none();
        assert!(start.elapsed() >= Duration::from_millis(30));
        // Without a deadline it does not wait.
        log.records().message("never").arrived().await.none();
    }));
}

/// Has another thread log "late" once a query of the test has seen "early", and so waits or is over.
fn while_asked<R>(log: &Log, ask: impl FnOnce(testing::Query) -> R) -> R {
    tracing::info!("early");
    let asked = testing::Signal::named("the query has looked");
    let late = logscope::thread::spawn({
        let asked = asked.clone();
        move || {
            asked.wait(LONG).unwrap();
            tracing::info!("late");
        }
    });
    let looked = move |record: &logscope::RecordBuf| {
        asked.set();
        record.message == "late"
    };
    let result = ask(log.records().matching("is the late one", looked));
    late.join().unwrap();
    result
}

#[test]
fn a_deadline_that_the_clock_does_not_reach_is_waited_for() {
    testing::capture(|log| {
        while_asked(log, |query| query.within(Duration::MAX).one());
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    testing::capture(|log| {
        while_asked(log, |query| runtime.block_on(query.within(Duration::MAX).arrived()).one());
    });
}

#[test]
fn exactly_none_is_waited_for() {
    testing::capture(|log| {
        let text = while_asked(log, |query| message(|| drop(query.within(LONG).exactly(0))));
        assert!(text.starts_with("expected exactly no record, found 1 record"), "{text}");
    });
}

#[test]
fn a_task_waits_for_a_number_of_records() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    testing::capture(|log| {
        tracing::info!("late");
        while_asked(log, |query| runtime.block_on(query.within(LONG).arrived_times(2)).exactly(2));
    });
}

/// Is woken, and does nothing.
struct Sleeper;

impl std::task::Wake for Sleeper {
    fn wake(self: std::sync::Arc<Self>) {}
}

#[test]
fn a_task_that_is_polled_often_is_woken_once() {
    testing::capture(|log| {
        let sleeper = std::sync::Arc::new(Sleeper);
        let waker = std::task::Waker::from(std::sync::Arc::clone(&sleeper));
        let mut arrived = std::pin::pin!(log.records().within(LONG).arrived());
        for _ in 0..10 {
            assert!(arrived.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
        }
        // Here, above, where records wake it, and where the deadline does.
        assert_eq!(std::sync::Arc::strong_count(&sleeper), 4);
    });
}

#[test]
fn the_log_in_a_failure_has_what_is_to_be_shown_and_says_what_is_not() {
    testing::options().shown(Level::WARN).capture(|log| {
        tracing::info!("hidden");
        tracing::warn!("shown");
        let text = message(|| drop(log.records().message("hid").level(Level::WARN).one()));
        assert!(text.contains("(2 records, 1 not shown: `CaptureOptions::shown`):\n"), "{text}");
        assert!(text.contains("nearest misses") && text.matches("hidden").count() == 1, "only the near miss: {text}");
        assert!(text.ends_with("shown"), "{text}");
    });
}

#[test]
fn a_record_that_lost_the_context_is_a_near_miss() {
    testing::capture(|log| {
        std::thread::spawn(|| tracing::info!("from a bare thread")).join().unwrap();
        let text = message(|| drop(log.records().message("bare").one()));
        let expected = "not in the test's context: logged outside every context at tests/testing_queries.rs:";
        assert!(text.contains("  nearest misses:\n    00:") && text.contains(expected), "{text}");
        assert!(text.contains("`logscope::docs::carry`"), "{text}");
        let text = message(|| drop(log.records().message("other").one()));
        assert!(!text.contains("not in the test's context"), "{text}");
    });
}

#[test]
fn a_failure_says_how_long_was_waited_and_what_that_held_up() {
    let short = Duration::from_millis(30);
    testing::capture(|log| {
        let text = message(|| drop(log.records().within(short).one()));
        assert!(text.contains("\n  waited: up to 30ms\n"), "{text}");
        assert!(!message(|| drop(log.records().one())).contains("waited:"));
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(testing::capture_async(async |log: Log| {
        let text = message(|| drop(log.records().within(short).one()));
        assert!(
            text.contains("up to 30ms, on a thread of a tokio runtime") && text.contains("`.arrived().await`"),
            "{text}"
        );
        let arrived = log.records().within(short).arrived().await;
        let text = message(|| drop(arrived.one()));
        assert!(text.contains("\n  waited: up to 30ms\n"), "{text}");
    }));
}

#[test]
fn the_near_miss_of_an_order_is_what_has_the_missing_text() {
    testing::capture(|log| {
        tracing::warn!("started");
        tracing::error!("failed");
        tracing::info!("done");
        let text = message(|| drop(log.records().level(Level::WARN).in_order(["started", "done"])));
        let misses = text.split("nearest misses:").nth(1).unwrap().split("the log of").next().unwrap();
        assert!(misses.contains("done\n      not level WARN: it is INFO") && !misses.contains("failed"), "{text}");
        let text = message(|| drop(log.records().in_order(["done", "started"])));
        assert!(text.contains("started\n      not after the others: it came before"), "{text}");
    });
}

#[test]
fn of_many_records_a_failure_shows_both_ends() {
    testing::capture(|log| {
        (0..100).for_each(|number| tracing::info!(number, "tick"));
        let text = message(|| drop(log.records().message("tick").exactly(99)));
        assert_eq!(text.matches("tick number=").count(), 60, "{text}");
        assert!(
            text.contains("number=29\n    … 40 more, which LOGSCOPE_TEST_DIR would have\n")
                && text.contains("number=70\n"),
            "{text}"
        );
    });
}

#[test]
fn at_least_so_many_are_asserted_and_waited_for() {
    testing::capture(|log| {
        log_some();
        assert_eq!(log.records().level(Level::WARN).at_least(1).len(), 2);
        log.records().level(Level::ERROR).at_least(0);
        let text = message(|| drop(log.records().level(Level::WARN).at_least(3)));
        assert!(text.starts_with("expected 3 records or more, found 2 records\n"), "{text}");
        let late = logscope::thread::spawn(|| (0..5).for_each(|number| tracing::info!(number, "late")));
        assert!(log.records().message("late").within(LONG).at_least(3).len() >= 3);
        late.join().unwrap();
    });
}
