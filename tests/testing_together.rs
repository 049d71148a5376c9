//! Looking and trying again, and several threads at once.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use logscope::testing::{Backoff, capture, retry, run_together, seed, wait_until, wait_until_async};
use logscope::{ErrorKind, LevelFilter, OutputContext, sink};

fn panic_text<R>(f: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => payload.downcast_ref::<String>().cloned().unwrap_or_default(),
    }
}

#[test]
fn a_look_that_succeeds_ends_the_wait_with_its_value() {
    let looks = AtomicUsize::new(0);
    let third = || looks.fetch_add(1, Ordering::Relaxed) == 2;
    wait_until(Duration::from_secs(60), third).unwrap();
    assert_eq!(looks.into_inner(), 3);
    assert_eq!(wait_until(Duration::ZERO, || Some(7)).unwrap(), 7);
    assert_eq!(wait_until(Duration::ZERO, || Ok::<_, ()>("found")).unwrap(), "found");
}

#[test]
fn a_failure_has_the_place_and_the_last_value() {
    let (mut looks, start) = (0, Instant::now());
    let error = wait_until(Duration::from_millis(30), || {
        looks += 1;
        Err::<(), _>(format!("{looks} looks"))
    })
    .unwrap_err();
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(30));
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    let text = error.to_string();
    assert!(text.starts_with(file!()) && text.contains("not within 30ms"), "{text}");
    assert!(text.ends_with(&format!("looked {looks} times, last: Err(\"{looks} looks\")")), "{text}");
    // At the beginning and at the end; the pauses in between are a millisecond or longer.
    assert!(looks >= 2 && looks <= 2 + took.as_millis(), "{looks} looks in {took:?}");
    assert!(wait_until(Duration::ZERO, || false).unwrap_err().to_string().ends_with("last: false"));
    assert!(wait_until(Duration::ZERO, || None::<()>).unwrap_err().to_string().ends_with("last: None"));
}

#[test]
fn a_task_looks_too() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let task = tokio::spawn(async {});
        wait_until_async(Duration::from_secs(60), || task.is_finished()).await.unwrap();
        let error = wait_until_async(Duration::from_millis(10), || None::<()>).await.unwrap_err();
        assert!(error.to_string().contains("last: None"), "{error}");
    });
}

#[test]
fn attempts_are_counted_and_the_last_error_is_returned() {
    let backoff = Backoff::new().first(Duration::from_micros(100)).longest(Duration::from_millis(1));
    for (attempts, expected) in [(1, 1), (3, 3), (0, 1)] {
        let mut made = 0;
        let result: Result<(), _> = retry(backoff.attempts(attempts), || {
            made += 1;
            Err(made)
        });
        assert_eq!((result, made), (Err(expected), expected));
    }
    capture(|log| {
        let mut made = 0;
        let result = retry(backoff, || {
            made += 1;
            if made == 4 { Ok(made) } else { Err("refused") }
        });
        assert_eq!(result, Ok(4));
        log.records().target("logscope::testing").message("has failed").exactly(3);
    });
}

#[test]
fn all_threads_begin_at_once_and_results_are_in_order() {
    // Would never be passed if one ran after the other.
    let barrier = Barrier::new(8);
    let names = run_together(8, |number| {
        barrier.wait();
        (number, thread::current().name().unwrap().to_owned())
    });
    for (number, (own, name)) in names.into_iter().enumerate() {
        assert_eq!(own, number);
        assert!(name.ends_with(&format!("all_threads_begin_at_once_and_results_are_in_order-{number}")), "{name}");
    }
    assert!(run_together(0, |number| number).is_empty());
}

/// Each thread that works sees all others, which have their names by then.
#[cfg(target_os = "linux")]
#[test]
fn no_thread_begins_before_all_are_there() {
    let count = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
        names.filter(|name| name.starts_with("all-are-there-")).count()
    };
    let caller = thread::Builder::new().name("all-are-there".to_owned());
    let first = caller.spawn(move || {
        // The last one to end is the first that may be gone.
        let (counted, all) = (Barrier::new(6), AtomicUsize::new(0));
        run_together(6, |_| {
            all.fetch_max(6 - count().min(6), Ordering::Relaxed);
            counted.wait();
        });
        all.into_inner()
    });
    assert_eq!(first.unwrap().join().unwrap(), 0, "so many were missing when another had begun");
}

#[test]
fn threads_run_in_the_context_and_span_of_their_caller() {
    capture(|log| {
        let span = tracing::info_span!("outer");
        span.in_scope(|| run_together(4, |number| tracing::info!(number, "hello")));
        log.records().message("hello").in_span("outer").exactly(4);
    });
    let (sink, memory) = sink::memory();
    let uno = OutputContext::builder("uno").verbosity(LevelFilter::INFO).sink(sink).build();
    let names = uno.scope(|| {
        run_together(2, |_| OutputContext::with_current(|context| (context.name().to_owned(), context.id())))
    });
    assert!(names.iter().all(|(name, id)| name == "uno" && *id == uno.id()));
    assert!(memory.is_empty());
}

#[test]
fn every_panic_is_reported_with_its_number_and_its_log() {
    let text = panic_text(|| {
        capture(|_| {
            run_together(4, |number| {
                tracing::info!("the record of thread {number}");
                assert!(number % 2 == 0, "thread {number} is odd");
            })
        })
    });
    assert!(text.starts_with("2 of 4 threads panicked"), "{text}");
    assert!(text.contains(&format!("LOGSCOPE_TEST_SEED={:#x}", seed())), "{text}");
    let name = std::thread::current().name().unwrap_or("together").to_owned();
    let (first, second) = text.split_once(&format!("\nthread 3 ({name}-3): ")).unwrap_or_else(|| panic!("{text}"));
    assert!(first.contains(&format!("\nthread 1 ({name}-1): thread 1 is odd\n")), "{text}");
    assert!(first.contains("the record of thread 1") && second.contains("the record of thread 3"), "{text}");
    assert!(!text.contains("the record of thread 0") && !first.contains("the record of thread 3"), "{text}");
}
