//! Models of a signal. Whoever waits is a thread with a waker here, which is all that a thread or a task is to a signal.

use loom::thread;

use super::*;
use crate::lock::Parker;
use crate::sync::Arc;

/// How somebody asks.
type Ask = fn(&Counted, u64, &mut Option<u64>, Waker) -> bool;

fn wait(counted: &Counted, target: u64, ask: Ask) {
    let (parker, mut ticket) = (Arc::new(Parker::new()), None);
    while !ask(counted, target, &mut ticket, Waker::from(Arc::clone(&parker))) {
        parker.wait_until(None);
    }
}

/// One raises the number `times` times, while each of the others waits for its target.
fn raised(times: u64, targets: &'static [u64], ask: Ask) {
    loom::model(move || {
        let counted = Arc::new(Counted::new());
        // Makes the lock that loom follows, before another thread uses it.
        assert_eq!(counted.number(), 0);
        let waiters: Vec<_> = targets
            .iter()
            .map(|target| {
                let counted = Arc::clone(&counted);
                thread::spawn(move || {
                    wait(&counted, *target, ask);
                    assert!(counted.number() >= *target);
                })
            })
            .collect();
        (0..times).for_each(|_| counted.raise());
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
        assert!(counted.state.lock().waiting.is_empty());
    });
}

#[test]
fn loom_all_who_wait_for_a_signal_are_woken() {
    raised(1, &[1, 1], Counted::ask);
    raised(2, &[1, 2], Counted::ask);
    raised(2, &[2], Counted::ask);
}

/// Nobody wakes whoever leaves its waker after the number has risen.
#[test]
#[should_panic(expected = "deadlock")]
fn loom_a_look_and_a_place_that_are_two_steps_lose_a_wake_up() {
    fn ask(counted: &Counted, target: u64, ticket: &mut Option<u64>, waker: Waker) -> bool {
        if counted.number() >= target {
            return true;
        }
        let mut state = counted.state.lock();
        let place = Place { ticket: state.next_ticket, target, waker: ForeignWaker::new(waker) };
        *ticket = Some(place.ticket);
        state.next_ticket += 1;
        state.waiting.push(place);
        false
    }
    raised(1, &[1], ask);
}

/// One who leaves while the number rises leaves nothing behind, and takes nobody else's wake-up along.
#[test]
fn loom_one_who_leaves_takes_no_wake_up_along() {
    loom::model(|| {
        let counted = Arc::new(Counted::new());
        assert_eq!(counted.number(), 0);
        let leaves = {
            let counted = Arc::clone(&counted);
            thread::spawn(move || {
                let mut ticket = None;
                if !counted.ask(1, &mut ticket, Waker::from(Arc::new(Parker::new()))) {
                    counted.leave(ticket.expect("it waits"));
                }
            })
        };
        let raises = {
            let counted = Arc::clone(&counted);
            thread::spawn(move || counted.raise())
        };
        wait(&counted, 1, Counted::ask);
        leaves.join().unwrap();
        raises.join().unwrap();
        assert!(counted.state.lock().waiting.is_empty());
    });
}
