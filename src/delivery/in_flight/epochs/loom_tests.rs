//! Models of `in_flight`.

use loom::sync::Arc;
use loom::thread;

use super::*;

/// Begins a call without a guard, and returns its epoch.
fn begin(in_flight: &Epochs) -> usize {
    usize::from(in_flight.begun.fetch_add(1, Ordering::Release) & EPOCH != 0)
}

/// Two threads log to two sinks each while a third closes. The ledger that the third reads must include the second delivery of each
/// record that got a number.
fn a_closed_ledger_is_whole(begin: fn(&Epochs) -> bool) {
    loom::model(move || {
        let shared = Arc::new((Epochs::new(0), AtomicU64::new(0)));
        let logging: Vec<_> = (0..2)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    shared.1.fetch_add(1, Ordering::Relaxed);
                    begin(&shared.0)
                })
            })
            .collect();
        shared.0.close();
        let accepted = shared.1.load(Ordering::Relaxed);
        let numbered = logging.into_iter().filter_map(|thread| thread.join().ok()).filter(|numbered| *numbered).count();
        assert!(accepted >= numbered as u64, "a record was numbered that the closed ledger does not have");
    });
}

#[test]
fn loom_a_closed_ledger_is_whole() {
    a_closed_ledger_is_whole(|epochs| epochs.begin().number().is_some());
}

#[test]
#[should_panic(expected = "does not have")]
fn loom_a_relaxed_number_hides_a_delivery() {
    a_closed_ledger_is_whole(|epochs| epochs.begun.fetch_add(1, Ordering::Relaxed) & CLOSED == 0);
}

/// How a thread begins to wait, and how a call ends.
#[derive(Clone, Copy)]
struct Steps {
    begin_wait: fn(&Epochs) -> Wait,
    end: fn(&Epochs, usize),
}

const STEPS: Steps = Steps { begin_wait: Epochs::begin_wait, end: Epochs::end };

/// Waits in two steps, as a flush does.
fn wait(epochs: &Epochs, begin_wait: fn(&Epochs) -> Wait) {
    let mut wait = begin_wait(epochs);
    if !wait.is_over() {
        assert!(epochs.wait(&mut wait, None));
    }
}

/// A call is in flight when a thread begins to wait, after a wait before it has given up. Another call begins and ends meanwhile. When the
/// thread has waited, what the first call has written must be there.
fn a_wait_ends_after_the_calls_before_it(steps: Steps) {
    loom::model(move || {
        let shared = Arc::new((Epochs::new(0), AtomicU64::new(0)));
        let epoch = begin(&shared.0);
        // A wait whose deadline passes at once.
        assert!(!shared.0.begin_wait().is_over());
        let earlier = Arc::clone(&shared);
        let earlier = thread::spawn(move || {
            earlier.1.store(1, Ordering::Relaxed);
            (steps.end)(&earlier.0, epoch);
        });
        let later = Arc::clone(&shared);
        let later = thread::spawn(move || later.0.end(begin(&later.0)));
        wait(&shared.0, steps.begin_wait);
        let has_written = shared.1.load(Ordering::Relaxed) == 1;
        // Joined before the check: when it fails, no thread must hold a lock, whose guard would be dropped outside the model.
        earlier.join().unwrap();
        later.join().unwrap();
        assert!(has_written, "the wait is over, and an earlier call is in flight");
    });
}

#[test]
fn loom_a_wait_ends_after_the_calls_before_it() {
    a_wait_ends_after_the_calls_before_it(STEPS);
}

fn over() -> Wait {
    Wait { generation: 0, seal: None, is_over: true }
}

#[test]
#[should_panic(expected = "an earlier call is in flight")]
fn loom_counting_lets_later_calls_stand_in_for_earlier_ones() {
    let begin_wait = |epochs: &Epochs| {
        let begun = epochs.begun();
        let ended = || epochs.ended.iter().map(|ended| ended.load(Ordering::Acquire) & !AWAITED).sum::<u64>();
        while ended() < begun {
            thread::yield_now();
        }
        over()
    };
    a_wait_ends_after_the_calls_before_it(Steps { begin_wait, ..STEPS });
}

#[test]
#[should_panic(expected = "an earlier call is in flight")]
fn loom_reading_what_has_begun_before_the_ends_lets_later_calls_stand_in() {
    let begin_wait = |epochs: &Epochs| {
        let begun = epochs.begun();
        let ended: u64 = epochs.ended.iter().map(|ended| ended.load(Ordering::Acquire) & !AWAITED).sum();
        if begun == ended { over() } else { epochs.begin_wait() }
    };
    a_wait_ends_after_the_calls_before_it(Steps { begin_wait, ..STEPS });
}

#[test]
#[should_panic(expected = "an earlier call is in flight")]
fn loom_sealing_beside_an_epoch_in_flight_forgets_its_calls() {
    let begin_wait = |epochs: &Epochs| {
        let seal = epochs.seal(&mut epochs.waiters().sealed.lock());
        Wait { generation: 0, seal: Some(seal), is_over: false }
    };
    a_wait_ends_after_the_calls_before_it(Steps { begin_wait, ..STEPS });
}

#[test]
#[should_panic(expected = "an earlier call is in flight")]
fn loom_a_relaxed_end_hides_what_the_call_wrote() {
    let end = |epochs: &Epochs, epoch: usize| {
        if epochs.ended[epoch].fetch_add(1, Ordering::Relaxed) & AWAITED != 0 {
            epochs.wake(epoch);
        }
    };
    a_wait_ends_after_the_calls_before_it(Steps { end, ..STEPS });
}

/// A call takes its number and then enqueues a record. A flush that begins after the number was taken must request that the queue be written
/// up to that record.
fn a_flush_requests_what_earlier_calls_enqueue(flush: fn(&Epochs, request: &dyn Fn())) {
    loom::model(move || {
        // The calls, how much is enqueued, and up to where it is requested to be written.
        let shared = Arc::new((Epochs::new(0), AtomicU64::new(0), AtomicU64::new(0)));
        let epoch = begin(&shared.0);
        let call = Arc::clone(&shared);
        let call = thread::spawn(move || {
            call.1.store(1, Ordering::Relaxed);
            call.0.end(epoch);
        });
        flush(&shared.0, &|| shared.2.store(shared.1.load(Ordering::Relaxed), Ordering::Relaxed));
        let requested = shared.2.load(Ordering::Relaxed);
        call.join().unwrap();
        assert_eq!(requested, 1, "the record of an earlier call is behind what the flush requests");
    });
}

#[test]
fn loom_a_flush_requests_what_earlier_calls_enqueue() {
    a_flush_requests_what_earlier_calls_enqueue(|epochs, request| {
        let mut wait = epochs.begin_wait();
        request();
        if !wait.is_over() {
            assert!(epochs.wait(&mut wait, None));
            request();
        }
    });
}

#[test]
#[should_panic(expected = "behind what the flush requests")]
fn loom_a_flush_that_looks_for_calls_after_its_request_misses_one() {
    a_flush_requests_what_earlier_calls_enqueue(|epochs, request| {
        request();
        let mut wait = epochs.begin_wait();
        if !wait.is_over() {
            assert!(epochs.wait(&mut wait, None));
            request();
        }
    });
}

/// Two threads wait for one call, which wakes both.
fn nobody_waits_for_ever(end: fn(&Epochs, usize)) {
    loom::model(move || {
        let epochs = Arc::new(Epochs::new(0));
        let epoch = begin(&epochs);
        let waiting = Arc::clone(&epochs);
        let waiting = thread::spawn(move || wait(&waiting, Epochs::begin_wait));
        let ending = Arc::clone(&epochs);
        let ending = thread::spawn(move || end(&ending, epoch));
        wait(&epochs, Epochs::begin_wait);
        waiting.join().unwrap();
        ending.join().unwrap();
    });
}

#[test]
fn loom_nobody_waits_for_ever() {
    nobody_waits_for_ever(Epochs::end);
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_looking_for_waiters_before_the_call_ends_wakes_nobody() {
    nobody_waits_for_ever(|epochs, epoch| {
        let is_awaited = epochs.ended[epoch].load(Ordering::Acquire) & AWAITED != 0;
        epochs.ended[epoch].fetch_add(1, Ordering::Release);
        if is_awaited {
            epochs.wake(epoch);
        }
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_a_call_that_does_not_acquire_the_mark_finds_nobody() {
    nobody_waits_for_ever(|epochs, epoch| {
        if epochs.ended[epoch].fetch_add(1, Ordering::Release) & AWAITED != 0
            && let Some(extra) = epochs.extra.get()
        {
            epochs.wake_all(&extra.waiters, epoch);
        }
    });
}
