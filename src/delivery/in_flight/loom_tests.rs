//! Models of `in_flight`.

use loom::sync::Arc;
use loom::thread;

use super::*;

/// Begins a call without a guard, and returns its epoch.
fn begin(in_flight: &InFlight) -> usize {
    usize::from(in_flight.begun.fetch_add(1, Ordering::Release) & EPOCH != 0)
}

/// Two threads log to two sinks each while a third closes. The ledger that the third reads must include the second delivery of each
/// record that got a number.
fn a_closed_ledger_is_whole(begin: fn(&InFlight) -> bool) {
    loom::model(move || {
        let shared = Arc::new((InFlight::new(), AtomicU64::new(0)));
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
    a_closed_ledger_is_whole(|in_flight| in_flight.begin().number().is_some());
}

#[test]
#[should_panic(expected = "does not have")]
fn loom_a_relaxed_number_hides_a_delivery() {
    a_closed_ledger_is_whole(|in_flight| in_flight.begun.fetch_add(1, Ordering::Relaxed) & CLOSED == 0);
}

/// How a thread waits, and how a call ends.
#[derive(Clone, Copy)]
struct Steps {
    wait: fn(&InFlight),
    end: fn(&InFlight, usize),
}

const STEPS: Steps = Steps { wait: |in_flight| _ = in_flight.wait(None), end: InFlight::end };

/// A call is in flight when a thread begins to wait, after a wait before it has given up. Another call begins and ends meanwhile. When the
/// thread has waited, what the first call has written must be there.
fn a_wait_ends_after_the_calls_before_it(steps: Steps) {
    loom::model(move || {
        let shared = Arc::new((InFlight::new(), AtomicU64::new(0)));
        let epoch = begin(&shared.0);
        // A wait whose deadline passes at once.
        let mut given_up = Wait::default();
        assert_eq!(shared.0.advance(&mut shared.0.sealed.lock(), &mut given_up), None);
        let earlier = Arc::clone(&shared);
        let earlier = thread::spawn(move || {
            earlier.1.store(1, Ordering::Relaxed);
            (steps.end)(&earlier.0, epoch);
        });
        let later = Arc::clone(&shared);
        let later = thread::spawn(move || later.0.end(begin(&later.0)));
        (steps.wait)(&shared.0);
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

#[test]
#[should_panic(expected = "an earlier call is in flight")]
fn loom_counting_lets_later_calls_stand_in_for_earlier_ones() {
    let wait = |in_flight: &InFlight| {
        let begun = in_flight.begun();
        let ended = || in_flight.ended.iter().map(|ended| ended.load(Ordering::Acquire) & !AWAITED).sum::<u64>();
        while ended() < begun {
            thread::yield_now();
        }
    };
    a_wait_ends_after_the_calls_before_it(Steps { wait, ..STEPS });
}

#[test]
#[should_panic(expected = "an earlier call is in flight")]
fn loom_sealing_beside_an_epoch_in_flight_forgets_its_calls() {
    let wait = |in_flight: &InFlight| {
        let mut sealed = in_flight.sealed.lock();
        let mut wait = Wait { seal: Some(in_flight.seal(&mut sealed)), has_waited: false };
        while in_flight.advance(&mut sealed, &mut wait).is_none() {
            (sealed, _) = in_flight.call_ended.wait_until(sealed, None);
        }
    };
    a_wait_ends_after_the_calls_before_it(Steps { wait, ..STEPS });
}

#[test]
#[should_panic(expected = "an earlier call is in flight")]
fn loom_a_relaxed_end_hides_what_the_call_wrote() {
    let end = |in_flight: &InFlight, epoch: usize| {
        if in_flight.ended[epoch].fetch_add(1, Ordering::Relaxed) & AWAITED != 0 {
            in_flight.wake(epoch);
        }
    };
    a_wait_ends_after_the_calls_before_it(Steps { end, ..STEPS });
}

/// Two threads wait for one call, which wakes both.
fn nobody_waits_for_ever(end: fn(&InFlight, usize)) {
    loom::model(move || {
        let in_flight = Arc::new(InFlight::new());
        let epoch = begin(&in_flight);
        let waiting = Arc::clone(&in_flight);
        let waiting = thread::spawn(move || waiting.wait(None));
        let ending = Arc::clone(&in_flight);
        let ending = thread::spawn(move || end(&ending, epoch));
        in_flight.wait(None);
        waiting.join().unwrap();
        ending.join().unwrap();
    });
}

#[test]
fn loom_nobody_waits_for_ever() {
    nobody_waits_for_ever(InFlight::end);
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_looking_for_waiters_before_the_call_ends_wakes_nobody() {
    nobody_waits_for_ever(|in_flight, epoch| {
        let is_awaited = in_flight.ended[epoch].load(Ordering::Acquire) & AWAITED != 0;
        in_flight.ended[epoch].fetch_add(1, Ordering::Release);
        if is_awaited {
            in_flight.wake(epoch);
        }
    });
}
