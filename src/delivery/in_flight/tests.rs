//! Tests of `in_flight`.

use std::time::Duration;

use super::*;

fn soon() -> Option<Instant> {
    Instant::now().checked_add(Duration::from_millis(1))
}

#[test]
fn calls_are_numbered_and_refused_once_closed() {
    let in_flight = InFlight::new();
    let number = || in_flight.begin().number();
    assert_eq!((number(), number()), (Some(1), Some(2)));
    assert_eq!(in_flight.wait(None), CallsEnd::NoneInFlight);
    assert_eq!(number(), Some(3), "sealing an epoch changes no number");
    in_flight.close();
    assert_eq!((number(), number()), (None, None));
    assert_eq!(in_flight.wait(None), CallsEnd::NoneInFlight, "a refused call has ended");
    in_flight.close();
    assert!(in_flight.is_closed());
    assert_eq!(in_flight.begun(), 5);
}

#[test]
fn later_calls_do_not_stand_in_for_a_call_in_flight_however_often_a_wait_times_out() {
    let in_flight = InFlight::new();
    let call = in_flight.begin();
    for _ in 0..5 {
        assert_eq!(in_flight.wait(soon()), CallsEnd::TimedOut);
        (0..3).for_each(|_| drop(in_flight.begin()));
    }
    let later = in_flight.begin();
    drop(call);
    assert_eq!(in_flight.wait(soon()), CallsEnd::TimedOut, "the later call is in flight");
    drop(later);
    assert_eq!(in_flight.wait(None), CallsEnd::NoneInFlight);
}

#[test]
fn a_task_is_woken_when_the_last_call_ends() {
    struct CountWakes(crate::sync::AtomicU64);
    impl std::task::Wake for CountWakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let wakes = Arc::new(CountWakes(crate::sync::AtomicU64::new(0)));
    let waker = Waker::from(Arc::clone(&wakes));
    let mut context = Context::from_waker(&waker);
    let in_flight = Arc::new(InFlight::new());
    let call = in_flight.begin();
    let mut waits = [(); 3].map(|()| CallsEnded::new(Arc::clone(&in_flight), |in_flight| in_flight));
    for _ in 0..2 {
        for wait in &mut waits {
            assert!(Pin::new(wait).poll(&mut context).is_pending());
        }
    }
    drop(call);
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1, "one task is woken once, however often it was polled");
    for wait in &mut waits {
        assert_eq!(Pin::new(wait).poll(&mut context), Poll::Ready(CallsEnd::Ended));
    }
}
