//! Scenarios again and again: on one thread and on several, shuffled, and alone.

#![cfg(all(unix, feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use logscope::testing::{Signal, Stability, child, seed, stability};

fn panic_text<R>(f: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => payload.downcast_ref::<String>().cloned().unwrap_or_default(),
    }
}

#[path = "common/suite.rs"]
mod suite;

#[test]
fn each_run_is_made_on_each_number_of_threads_and_the_table_says_so() {
    let (runs, under_way) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
    let report = stability(8, [1, 2, 4], |run| {
        assert!(under_way.fetch_add(1, Ordering::SeqCst) < run.threads());
        runs.lock().unwrap().push((run.threads(), run.number(), run.random().next()));
        under_way.fetch_sub(1, Ordering::SeqCst);
    });
    let runs = runs.into_inner().unwrap();
    let mut numbers: Vec<_> = runs.iter().map(|(threads, number, _)| (*threads, *number)).collect();
    numbers.sort_unstable();
    assert!(
        numbers.into_iter().eq([1, 2, 4].into_iter().flat_map(|threads| (0..8).map(move |number| (threads, number))))
    );
    for number in 0..8 {
        let mut randoms: Vec<u64> = runs.iter().filter(|run| run.1 == number).map(|run| run.2).collect();
        randoms.dedup();
        assert_eq!(randoms.len(), 1, "the numbers of run {number} are the same on any number of threads");
    }
    let table = report.to_string();
    let words: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words[0], ["threads", "runs", "passed", "time", "speed-up"]);
    assert_eq!((&words[1][..3], words[1][4]), (&["1", "8", "8"][..], "1.00"));
    assert_eq!((&words[2][..3], &words[3][..3]), (&["2", "8", "8"][..], &["4", "8", "8"][..]));
}

/// Each waits for the others of its level: they would never all be there if one ran after the other.
#[test]
fn so_many_runs_are_under_way_at_the_same_time() {
    let here = Signal::new();
    stability(4, [4], |run| {
        here.set();
        here.wait_for(4, Duration::from_secs(60)).unwrap();
        assert_eq!(run.threads(), 4);
    });
}

#[test]
fn the_first_failure_has_its_log_its_seed_and_the_table() {
    let text = panic_text(|| {
        stability(10, [1, 2], |run| {
            tracing::trace!(number = run.number(), "begun");
            assert!(run.number() < 5, "run {} is one too many", run.number());
        })
    });
    assert!(text.starts_with("\"the scenario\" has failed in run 5, on 1 thread: run 5 is one too many"), "{text}");
    assert!(text.contains(&format!("LOGSCOPE_TEST_SEED={:#x}", seed())), "{text}");
    let table: Vec<&str> =
        text.lines().find(|line| line.trim_start().starts_with("1 ")).unwrap().split_whitespace().collect();
    assert_eq!((&table[..3], table[4]), (&["1", "10", "5"][..], "-"));
    let log = text.split_once("its log:\n").unwrap().1;
    assert!(log.contains("begun number=5") && !log.contains("number=4"), "{text}");
}

#[test]
fn a_shuffle_finds_a_scenario_that_another_breaks() {
    let is_dirty = AtomicBool::new(false);
    let scenarios = || {
        Stability::new(40)
            .threads([1])
            .scenario("cleans", |_| is_dirty.store(false, Ordering::SeqCst))
            .scenario("needs it clean", |_| assert!(!is_dirty.load(Ordering::SeqCst), "it is dirty"))
            .scenario("leaves dirt", |_| is_dirty.store(true, Ordering::SeqCst))
            .alone(child)
    };
    scenarios().run();
    is_dirty.store(false, Ordering::SeqCst);
    let text = panic_text(|| scenarios().shuffled(true).run());
    assert!(text.starts_with("\"needs it clean\" has failed in run "), "{text}");
    assert!(text.contains("It passes alone") || text.contains("it may depend on earlier runs"), "{text}");
}

#[test]
fn a_scenario_that_needs_another_fails_alone() {
    let is_made = AtomicBool::new(false);
    let text = panic_text(|| {
        Stability::new(1)
            .threads([1])
            .scenario("makes it", |_| is_made.store(true, Ordering::SeqCst))
            .scenario("needs it", |_| {
                tracing::info!("looking for it");
                assert!(is_made.load(Ordering::SeqCst), "it is not there");
            })
            .alone(child)
            .run()
    });
    assert!(text.starts_with("\"needs it\" fails alone, in a process where nothing ran before it: "), "{text}");
    assert!(
        text.contains("it is not there") && text.contains("looking for it") && text.contains("LOGSCOPE_TEST_SEED="),
        "{text}"
    );
}

#[test]
fn the_same_seed_gives_the_same_orders() {
    let orders = || {
        let order = Mutex::new(String::new());
        let names = ["a", "b", "c", "d", "e"];
        let add = |name: &'static str| {
            let order = &order;
            move |_: &mut logscope::testing::Run| order.lock().unwrap().push_str(name)
        };
        names
            .into_iter()
            .fold(Stability::new(5).threads([1]).shuffled(true), |all, name| all.scenario(name, add(name)))
            .run();
        order.into_inner().unwrap()
    };
    let with = |seed: &str| child().env("LOGSCOPE_TEST_SEED", seed).run(orders).report.unwrap();
    let (first, second, third) = (with("1"), with("1"), with("2"));
    assert!(first == second && first != third && first.len() == 25, "{first} {second} {third}");
}

#[test]
fn alone_a_scenario_plays_the_random_numbers_that_it_plays_among_others() {
    let numbers = Mutex::new(Vec::new());
    let draw = |run: &mut logscope::testing::Run| {
        let number = run.random().next();
        if let Ok(folder) = std::env::var("NUMBERS") {
            std::fs::write(folder, number.to_string()).unwrap();
        }
        numbers.lock().unwrap().push(number);
    };
    let alone = logscope::testing::scratch_dir();
    Stability::new(1)
        .threads([1])
        .scenario("first", |run| assert_ne!(run.random().next(), run.random().next()))
        .scenario("second", draw)
        .alone(|| child().env("NUMBERS", alone.join("numbers")))
        .shuffled(true)
        .run();
    let alone: u64 = std::fs::read_to_string(alone.join("numbers")).unwrap().parse().unwrap();
    assert_eq!(numbers.into_inner().unwrap(), [alone]);
}

#[test]
fn what_no_run_claims_is_shown_with_the_test() {
    let ended = child().run(|| {
        stability(1, [1], |_| ());
        tracing::info!("outside every run");
    });
    assert!(ended.stdout.contains("outside every run"), "libtest captures stdout: {ended:?}");
}

#[test]
fn the_table_of_a_failure_stands_in_its_message_only() {
    let printed = suite::scenario("fails_in_a_run", &[], &[]);
    assert_eq!(printed.stdout.matches("threads   runs").count(), 1, "{}", printed.stdout);
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn fails_in_a_run() {
    stability(2, [1], |_| panic!("on purpose"));
}
