//! Tests of `in_flight`.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::*;
use crate::limits::CONTEXT_FORK_GENERATIONS;
use crate::sync::{Arc, Ordering};

fn soon() -> Option<Instant> {
    Instant::now().checked_add(Duration::from_millis(1))
}

/// Begins a wait, and waits a moment. True if the calls have ended.
fn have_ended(in_flight: &InFlight) -> bool {
    in_flight.wait(&mut in_flight.begin_wait(), soon())
}

#[test]
fn calls_are_numbered_and_refused_once_closed() {
    let in_flight = InFlight::new();
    assert!(!in_flight.is_inherited());
    let number = || in_flight.begin().number();
    assert_eq!((number(), number()), (Some(1), Some(2)));
    assert!(in_flight.begin_wait().is_over());
    let call = in_flight.begin();
    let mut wait = in_flight.begin_wait();
    assert!(!wait.is_over());
    assert_eq!((call.number(), number()), (Some(3), Some(4)), "sealing an epoch changes no number");
    drop(call);
    assert!(in_flight.wait(&mut wait, soon()) && wait.is_over());
    in_flight.close();
    assert_eq!((number(), number()), (None, None));
    assert!(in_flight.begin_wait().is_over(), "a refused call has ended");
    in_flight.close();
    assert!(in_flight.is_closed());
    assert_eq!(in_flight.begun(), 6);
}

#[test]
fn later_calls_do_not_stand_in_for_a_call_in_flight_however_often_a_wait_times_out() {
    let in_flight = InFlight::new();
    let call = in_flight.begin();
    for _ in 0..5 {
        assert!(!have_ended(&in_flight));
        (0..3).for_each(|_| drop(in_flight.begin()));
    }
    let later = in_flight.begin();
    drop(call);
    assert!(!have_ended(&in_flight), "the later call is in flight");
    drop(later);
    assert!(in_flight.begin_wait().is_over());
}

#[test]
fn a_wait_is_for_the_calls_that_were_in_flight_when_it_was_begun() {
    let in_flight = InFlight::new();
    let call = in_flight.begin();
    let mut wait = in_flight.begin_wait();
    let _later = in_flight.begin();
    drop(call);
    assert!(in_flight.wait(&mut wait, soon()), "the later call is not waited for");
}

#[test]
fn a_forked_child_forgets_the_calls_of_its_parent_and_waits_for_its_own() {
    let parents = Epochs::new(0);
    let (_ended, _parents_call) = (drop(parents.begin()), parents.begin());
    let _held = parents.waiters().sealed.lock();
    let childs = Epochs::inherit(&parents);
    assert!(childs.begin_wait().is_over());
    let call = childs.begin();
    assert_eq!(call.number(), Some(3));
    let mut wait = childs.begin_wait();
    assert!(!childs.wait(&mut wait, soon()));
    drop(call);
    assert!(childs.wait(&mut wait, soon()));
}

#[test]
fn each_generation_of_forked_children_goes_on_from_the_nearest_one_before_it() {
    let first = Epochs::new(0);
    let _parents_call = first.begin();
    let of = |forks| first.after_forks(forks);
    // What a thread of the parent holds at the fork is not waited for.
    let _held = first.waiters().sealed.lock();
    let child = of(1);
    assert!(child.begin_wait().is_over());
    assert_eq!(child.begin().number(), Some(2));
    let grandchild = of(2);
    assert_eq!(grandchild.begin().number(), Some(3), "it goes on from the child");
    assert_eq!((child.begun(), first.begun()), (2, 1));
    let last = CONTEXT_FORK_GENERATIONS;
    assert_eq!(of(last).begin().number(), Some(4));
    assert!(std::ptr::eq(of(last), of(last + 1)) && !std::ptr::eq(of(last), grandchild));
    child.close();
    assert!(child.is_closed() && !grandchild.is_closed() && of(1).begin().number().is_none());
}

struct CountWakes(crate::sync::AtomicU64);

impl std::task::Wake for CountWakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn tasks_are_woken_when_the_last_call_ends_and_those_that_are_dropped_are_forgotten() {
    let wakes = Arc::new(CountWakes(crate::sync::AtomicU64::new(0)));
    let waker = Waker::from(Arc::clone(&wakes));
    let mut context = Context::from_waker(&waker);
    let in_flight = Arc::new(InFlight::new());
    let call = in_flight.begin();
    let new = || CallsEnded::new(Arc::clone(&in_flight), |in_flight| in_flight, in_flight.begin_wait());
    let mut waits = [(); 3].map(|()| new());
    for _ in 0..100 {
        for wait in &mut waits {
            assert!(Pin::new(wait).poll(&mut context).is_pending());
        }
        assert!(Pin::new(&mut new()).poll(&mut context).is_pending(), "and is dropped");
    }
    assert_eq!(in_flight.epochs().waiters().sealed.lock().wakers.len(), 3);
    drop(call);
    assert_eq!(wakes.0.load(Ordering::Relaxed), 3, "each task is woken once, however often it was polled");
    for wait in &mut waits {
        assert_eq!(Pin::new(wait).poll(&mut context), Poll::Ready(()));
    }
}

/// Each task has a waker of its own, and keeps it however often others are polled or dropped.
#[test]
fn each_task_is_woken_by_its_own_waker() {
    let wakes: [_; 3] = std::array::from_fn(|_| Arc::new(CountWakes(crate::sync::AtomicU64::new(0))));
    let wakers = wakes.each_ref().map(|wakes| Waker::from(Arc::clone(wakes)));
    let in_flight = Arc::new(InFlight::new());
    let call = in_flight.begin();
    let mut waits =
        [(); 3].map(|()| Some(CallsEnded::new(Arc::clone(&in_flight), |in_flight| in_flight, in_flight.begin_wait())));
    for _ in 0..2 {
        for (wait, waker) in waits.iter_mut().zip(&wakers) {
            assert!(Pin::new(wait.as_mut().unwrap()).poll(&mut Context::from_waker(waker)).is_pending());
        }
    }
    waits[1] = None;
    drop(call);
    assert_eq!(wakes.map(|wakes| wakes.0.load(Ordering::Relaxed)), [1, 0, 1]);
}
