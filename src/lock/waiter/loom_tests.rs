//! Models of gates: whoever waits is a thread with a waker here, which is all that a thread or a task is to a gate.

mod handing_on;

use std::mem::ManuallyDrop;

use loom::cell::UnsafeCell;
use loom::thread;

use super::super::parker::Parker;
use super::super::word::{CLOSED, LINE, PERMIT, SERVE};
use super::*;
use crate::sync::Arc;
use crate::sync::Ordering::{AcqRel, Acquire, Relaxed};

/// How permits are given back, how a waiter that is not wanted any more ends, and how a gate is closed.
#[derive(Clone, Copy)]
struct Steps {
    give_back: fn(&Gate, u64),
    /// True if the waiter has the permit.
    leave: fn(&mut Waiter<'_>) -> bool,
    close: fn(&Gate),
}

const STEPS: Steps = Steps { give_back: Gate::give_back, leave: |waiter| waiter.leave(), close: Gate::close };

fn waker() -> (Arc<Parker>, Waker) {
    let parker = Arc::new(Parker::new());
    (Arc::clone(&parker), Waker::from(parker))
}

/// While a model fails, a waiter that is dropped would panic again, and abort the tests.
struct Quiet<'a>(ManuallyDrop<Waiter<'a>>);

impl<'a> Quiet<'a> {
    fn new(gate: &'a Gate, permits: u64) -> Self {
        Quiet(ManuallyDrop::new(Waiter::new(gate, permits)))
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.0.give_up();
        }
    }
}

fn take(gate: &Gate, permits: u64) -> Result<(), Closed> {
    if gate.try_take(permits)? {
        return Ok(());
    }
    let (parker, waker) = waker();
    let mut waiter = Quiet::new(gate, permits);
    while !waiter.0.ask(waker.clone())? {
        parker.wait_until(None);
    }
    Ok(())
}

/// A number that one thread may touch at a time.
struct Guarded {
    gate: Gate,
    number: UnsafeCell<u32>,
}

// SAFETY: loom checks every access to the number.
unsafe impl Sync for Guarded {}
// SAFETY: see above.
unsafe impl Send for Guarded {}

impl Guarded {
    fn new(turns: u64) -> Arc<Guarded> {
        let guarded = Arc::new(Guarded { gate: Gate::new(1, turns), number: UnsafeCell::new(0) });
        // Makes the number that loom follows, before another thread uses it.
        assert_eq!(guarded.gate.free(), 1);
        guarded
    }

    fn raise(&self, steps: Steps) {
        take(&self.gate, 1).expect("it is not closed");
        self.number.with_mut(|number| {
            // SAFETY: loom checks that nobody else touches it meanwhile.
            unsafe { *number += 1 }
        });
        (steps.give_back)(&self.gate, 1);
    }
}

/// So many others raise the number once, and one so many times. (A model of three of whom one comes twice takes minutes.)
fn one_at_a_time(turns: u64, others: u32, times: u32, steps: Steps) {
    loom::model(move || {
        let guarded = Guarded::new(turns);
        let raise = |times: u32| {
            let guarded = Arc::clone(&guarded);
            move || (0..times).for_each(|_| guarded.raise(steps))
        };
        let threads: Vec<_> = (0..others).map(|_| thread::spawn(raise(1))).collect();
        raise(times)();
        threads.into_iter().for_each(|other| other.join().unwrap());
        take(&guarded.gate, 1).unwrap();
        // SAFETY: as above.
        assert_eq!(guarded.number.with(|number| unsafe { *number }), others + times);
        guarded.gate.give_back(1);
        assert_eq!((guarded.gate.free(), guarded.gate.waiting()), (1, 0));
    });
}

#[test]
fn loom_the_first_in_line_is_handed_the_lock() {
    one_at_a_time(0, 2, 1, STEPS);
    one_at_a_time(0, 1, 2, STEPS);
}

#[test]
fn loom_the_first_in_line_is_called_while_others_are_faster() {
    one_at_a_time(1, 1, 2, STEPS);
    one_at_a_time(2, 1, 2, STEPS);
}

/// Whoever gets in line between the look at the word and the change of it is woken by nobody.
#[test]
#[should_panic(expected = "deadlock")]
fn loom_a_permit_that_is_given_back_in_two_steps_loses_a_wake_up() {
    fn give_back(gate: &Gate, permits: u64) {
        let word = gate.word.load(Acquire);
        if word & (SERVE | LINE) == 0 {
            gate.word.fetch_add(permits * PERMIT, AcqRel);
        } else {
            gate.give_back(permits);
        }
    }
    one_at_a_time(0, 2, 1, Steps { give_back, ..STEPS });
}

/// The first in line has no turns left, and whoever gives the permit back does not look.
#[test]
#[should_panic(expected = "deadlock")]
fn loom_a_turn_that_is_not_followed_by_a_look_loses_a_wake_up() {
    fn give_back(gate: &Gate, permits: u64) {
        let mut word = gate.word.load(Relaxed);
        while word & SERVE == 0 || word & LINE != 0 {
            match gate.word.compare_exchange(word, word + permits * PERMIT, AcqRel, Relaxed) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
        gate.give_back(permits);
    }
    one_at_a_time(1, 1, 2, Steps { give_back, ..STEPS });
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_a_permit_that_is_given_back_relaxed_does_not_hand_on_what_was_written() {
    fn give_back(gate: &Gate, permits: u64) {
        let mut word = gate.word.load(Relaxed);
        while word & (SERVE | LINE) == 0 {
            match gate.word.compare_exchange(word, word + permits * PERMIT, Relaxed, Relaxed) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
        gate.give_back(permits);
    }
    one_at_a_time(0, 2, 1, Steps { give_back, ..STEPS });
}

/// Two get in line and one of them stops waiting, while the permit is given back: its time is over, or its future is dropped, at any moment:
/// before it is called or handed the permit, or after. The other gets the permit in any case.
fn one_stops_waiting(turns: u64, steps: Steps) {
    loom::model(move || {
        let gate = Arc::new(Gate::new(1, turns));
        assert_eq!(gate.try_take(1), Ok(true));
        let spawned = Arc::clone(&gate);
        let stops = thread::spawn(move || {
            let (_, waker) = waker();
            let mut waiter = Quiet::new(&spawned, 1);
            if waiter.0.ask(waker).unwrap() || (steps.leave)(&mut waiter.0) {
                (steps.give_back)(&spawned, 1);
            }
        });
        let spawned = Arc::clone(&gate);
        let stays = thread::spawn(move || {
            take(&spawned, 1).unwrap();
            (steps.give_back)(&spawned, 1);
        });
        (steps.give_back)(&gate, 1);
        stops.join().unwrap();
        stays.join().unwrap();
        assert_eq!((gate.free(), gate.waiting()), (1, 0), "a permit is lost");
    });
}

#[test]
fn loom_a_waiter_leaves_while_it_is_called_or_handed_the_lock() {
    one_stops_waiting(0, STEPS);
    one_stops_waiting(1, STEPS);
    one_stops_waiting(2, STEPS);
}

/// A future that is dropped leaves nothing behind either, whatever its last answer was.
#[test]
fn loom_a_waiter_is_dropped_while_it_is_called_or_handed_the_lock() {
    fn leave(waiter: &mut Waiter<'_>) -> bool {
        waiter.give_up();
        false
    }
    one_stops_waiting(0, Steps { leave, ..STEPS });
    one_stops_waiting(1, Steps { leave, ..STEPS });
}

/// It was called, and the call is lost with it.
#[test]
#[should_panic(expected = "deadlock")]
fn loom_a_waiter_that_takes_its_call_with_it_loses_a_wake_up() {
    fn leave(waiter: &mut Waiter<'_>) -> bool {
        let mut line = waiter.gate.line.lock();
        waiter.is_in_line = false;
        match waiter.ticket.map(|ticket| line.find(ticket)) {
            Some(Ok(index)) => {
                let place = line.places.remove(index);
                drop(line);
                drop(place);
                false
            }
            _ => true,
        }
    }
    one_stops_waiting(1, Steps { leave, ..STEPS });
}

/// The time is over, and nobody looks whether the permit has just been handed over.
#[test]
#[should_panic(expected = "a permit is lost")]
fn loom_a_time_out_that_does_not_look_loses_the_permit() {
    fn leave(waiter: &mut Waiter<'_>) -> bool {
        let _was_granted = waiter.leave();
        false
    }
    one_stops_waiting(0, Steps { leave, ..STEPS });
}

/// Somebody steps out of the line, as a thread does to log, and comes back to its place.
#[test]
fn loom_a_waiter_leaves_the_line_and_comes_back() {
    for turns in [0, 1] {
        loom::model(move || {
            let gate = Arc::new(Gate::new(1, turns));
            assert_eq!(gate.try_take(1), Ok(true));
            let spawned = Arc::clone(&gate);
            let returns = thread::spawn(move || {
                let (parker, waker) = waker();
                let mut waiter = Quiet::new(&spawned, 1);
                let mut has_it = waiter.0.ask(waker.clone()).unwrap() || waiter.0.leave();
                while !has_it {
                    has_it = waiter.0.ask(waker.clone()).unwrap();
                    if !has_it {
                        parker.wait_until(None);
                    }
                }
                spawned.give_back(1);
            });
            let spawned = Arc::clone(&gate);
            let stays = thread::spawn(move || {
                take(&spawned, 1).unwrap();
                spawned.give_back(1);
            });
            gate.give_back(1);
            returns.join().unwrap();
            stays.join().unwrap();
            assert_eq!((gate.free(), gate.waiting()), (1, 0));
        });
    }
}

/// One asks for both permits, which two others give back one by one.
#[test]
fn loom_two_permits_are_collected() {
    loom::model(|| {
        let gate = Arc::new(Gate::new(2, 0));
        assert_eq!(gate.try_take(2), Ok(true));
        let spawn = |f: fn(&Gate)| {
            let gate = Arc::clone(&gate);
            thread::spawn(move || f(&gate))
        };
        let gives = spawn(|gate| gate.give_back(1));
        let takes_one = spawn(|gate| {
            take(gate, 1).unwrap();
            gate.give_back(1);
        });
        gate.give_back(1);
        take(&gate, 2).unwrap();
        gate.give_back(2);
        gives.join().unwrap();
        takes_one.join().unwrap();
        assert_eq!((gate.free(), gate.waiting()), (2, 0));
    });
}

/// One asks for a permit while it is given back and the gate is closed. It gets the permit or learns that the gate is closed.
fn closed_beside_a_waiter(steps: Steps, gives_back: bool) {
    loom::model(move || {
        let gate = Arc::new(Gate::new(1, 0));
        assert_eq!(gate.try_take(1), Ok(true));
        let spawned = Arc::clone(&gate);
        let waits = thread::spawn(move || {
            if take(&spawned, 1).is_ok() {
                spawned.give_back(1);
            }
        });
        let spawned = Arc::clone(&gate);
        let closes = thread::spawn(move || (steps.close)(&spawned));
        if gives_back {
            gate.give_back(1);
        }
        waits.join().unwrap();
        closes.join().unwrap();
        assert_eq!((gate.free(), gate.waiting()), (u64::from(gives_back), 0));
        assert_eq!(gate.try_take(1), Err(Closed));
    });
}

#[test]
fn loom_a_gate_is_closed_while_somebody_waits() {
    closed_beside_a_waiter(STEPS, true);
    closed_beside_a_waiter(STEPS, false);
}

/// Somebody gets in line after all are woken and before the gate is closed.
#[test]
#[should_panic(expected = "deadlock")]
fn loom_a_gate_that_wakes_before_it_is_closed_leaves_somebody_waiting() {
    fn close(gate: &Gate) {
        let waker = gate.line.lock().places.front_mut().and_then(|place| place.waker.take());
        waker.into_iter().for_each(ForeignWaker::wake);
        gate.word.fetch_or(CLOSED, AcqRel);
    }
    closed_beside_a_waiter(Steps { close, ..STEPS }, false);
}
