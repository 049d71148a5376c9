//! Forced interleavings.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use logscope::testing::{Turns, random, run_together};

fn panic_text<R>(f: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => payload.downcast_ref::<String>().cloned().unwrap_or_default(),
    }
}

/// In whatever order threads come, the turns are taken in theirs.
#[test]
fn turns_are_taken_in_order_by_any_threads() {
    let mut order: Vec<usize> = (0..8).flat_map(|thread| [thread; 3]).collect();
    random().shuffle(&mut order);
    let turns = Turns::new(order.iter().map(|thread| format!("thread {thread}")));
    let taken = Mutex::new(Vec::new());
    run_together(8, |thread| {
        for _ in 0..3 {
            turns.take(&format!("thread {thread}"), || taken.lock().unwrap().push(thread));
        }
    });
    turns.finish();
    assert_eq!(taken.into_inner().unwrap(), order);
}

#[test]
fn threads_and_tasks_take_turns_with_one_another() {
    let turns = Turns::new(["task", "thread", "task"]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let task = runtime.spawn({
        let turns = turns.clone();
        async move {
            turns.take_async("task", async { tokio::task::yield_now().await }).await;
            turns.take_async("task", async {}).await;
        }
    });
    turns.pass("thread");
    turns.finish();
    runtime.block_on(task).unwrap();
}

#[test]
fn who_waits_in_vain_is_named_with_the_turn_and_whose_turn_it_was() {
    let turns = Turns::new(["read", "write", "read again"]).deadline(Duration::from_millis(50));
    turns.pass("read");
    let text = thread::scope(|threads| {
        let late = thread::Builder::new().name("late".to_owned());
        let late = late.spawn_scoped(threads, || panic_text(|| turns.pass("read again"))).unwrap();
        late.join().unwrap()
    });
    assert!(text.contains("the thread \"late\" waited 50ms in vain for the turn \"read again\""), "{text}");
    assert!(text.contains("1. \"read\": over"), "{text}");
    assert!(text.contains("2. \"write\": is next, and nobody has come to take it"), "{text}");
    assert!(text.contains("3. \"read again\": \"late\" waits for it, at tests/testing_turns.rs"), "{text}");
    let text = panic_text(|| turns.finish());
    assert!(text.contains("the thread \"late\" waited 50ms in vain for the turn \"read again\""), "{text}");
    let turns = Turns::new(["nobody"]).deadline(Duration::from_millis(50));
    let text = panic_text(|| turns.finish());
    assert!(text.contains("the turns were not over within 50ms: \n  1. \"nobody\": is next"), "{text}");
}

#[test]
fn a_turn_that_is_waited_for_in_vain_ends_the_waits_of_all_others() {
    let turns = Turns::new(["nobody", "early", "late"]).deadline(Duration::from_millis(300));
    let texts = thread::scope(|threads| {
        let early = threads.spawn(|| (panic_text(|| turns.pass("early")), Instant::now()));
        let (early, failed) = early.join().unwrap();
        // A wait that begins now is over at once, too.
        let late = panic_text(|| turns.pass("late"));
        assert!(failed.elapsed() < Duration::from_millis(300), "it has waited for its own deadline");
        [early, late]
    });
    assert!(texts[0].contains("waited 300ms in vain for the turn \"early\""), "{}", texts[0]);
    assert!(texts[1].contains("the turn \"late\" does not come: the thread "), "{}", texts[1]);
    assert!(texts[1].contains("waited 300ms in vain for the turn \"early\""), "{}", texts[1]);
}

#[test]
fn a_turn_that_takes_long_is_told_as_under_way() {
    let turns = Turns::new(["long", "short"]).deadline(Duration::from_millis(50));
    let text = turns
        .take("long", || thread::scope(|threads| threads.spawn(|| panic_text(|| turns.pass("short"))).join().unwrap()));
    assert!(text.contains("1. \"long\": under way in \"a_turn_that_takes_long_is_told_as_under_way\""), "{text}");
}

#[test]
fn a_panic_in_a_turn_ends_the_waits_of_all_others() {
    let turns = Turns::new(["first", "second", "third"]);
    let texts = thread::scope(|threads| {
        let waiting = ["second", "third"].map(|turn| {
            let turns = &turns;
            threads.spawn(move || panic_text(|| turns.pass(turn)))
        });
        panic_text(|| turns.take("first", || panic!("the work of the {} turn", "first")));
        waiting.map(|thread| thread.join().unwrap())
    });
    for (text, turn) in texts.iter().zip(["second", "third"]) {
        assert!(text.contains(&format!("the turn {turn:?} does not come: the turn \"first\" panicked")), "{text}");
    }
    assert!(panic_text(|| turns.finish()).contains("the turn \"first\" panicked"));
}

#[test]
fn a_task_that_is_dropped_in_its_turn_ends_the_waits_of_all_others() {
    let turns = Turns::new(["first", "second"]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let task = tokio::spawn(turns.take_async("first", std::future::pending::<()>()));
        tokio::task::yield_now().await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    });
    let text = panic_text(|| turns.pass("second"));
    assert!(text.contains("the turn \"first\" was dropped before its end"), "{text}");
}

#[test]
fn a_turn_that_is_not_there_or_was_taken_is_told_at_once() {
    let turns = Turns::new(["once"]);
    assert!(panic_text(|| turns.pass("twice")).contains("the turn \"twice\" is not there"));
    turns.pass("once");
    assert!(panic_text(|| turns.pass("once")).contains("the turn \"once\" was taken already, as often as it is there"));
    turns.finish();
}
