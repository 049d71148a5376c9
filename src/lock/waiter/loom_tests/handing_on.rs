//! Models of permits that are handed on along the line: several at once, those of somebody who steps out of it, and those that were collected by
//! somebody who waits in the parent of a forked child.

use std::mem;

use super::*;
use crate::sync::Ordering::Release;

/// Gets in line on this thread. Returns the waiter, and what wakes it.
fn queued(gate: &Gate, permits: u64) -> (Quiet<'_>, Arc<Parker>) {
    let (parker, waker) = waker();
    let mut waiter = Quiet::new(gate, permits);
    assert_eq!(waiter.0.ask(waker), Ok(false));
    (waiter, parker)
}

/// Takes the first out of the line and wakes it, as one who hands it a permit. `meanwhile` runs before it is woken, under the lock.
fn grant_first(gate: &Gate, meanwhile: impl FnOnce()) {
    let first = gate.line.lock().places.pop_front();
    meanwhile();
    first.and_then(|place| place.waker).into_iter().for_each(ForeignWaker::wake);
}

/// Two wait for a permit each, and both permits are given back in one call. It hands the first in line its permit and wakes it, and then it hands
/// on the second. Nobody else is faster than the second in line.
fn two_permits_at_once_beside_somebody_else(give_back: fn(&Gate, u64)) {
    loom::model(move || {
        let gate = Arc::new(Gate::new(2, 0));
        assert_eq!(gate.try_take(2), Ok(true));
        let waiters = [queued(&gate, 1), queued(&gate, 1)];
        let spawned = Arc::clone(&gate);
        let tries = thread::spawn(move || spawned.try_take(1));
        give_back(&gate, 2);
        let tried = tries.join().unwrap();
        assert_eq!(tried, Ok(false), "somebody was faster");
        for (mut waiter, parker) in waiters {
            parker.wait_until(None);
            assert!(waiter.0.leave(), "who is woken has a permit");
        }
        gate.give_back(2);
        assert_eq!((gate.free(), gate.waiting()), (2, 0));
    });
}

#[test]
fn loom_what_is_handed_on_is_free_for_nobody_else() {
    two_permits_at_once_beside_somebody_else(Gate::give_back);
}

#[test]
#[should_panic(expected = "somebody was faster")]
fn loom_permits_that_are_put_back_while_the_first_is_woken_go_to_somebody_else() {
    two_permits_at_once_beside_somebody_else(|gate, permits| {
        grant_first(gate, || _ = gate.word.fetch_add((permits - 1) * PERMIT, AcqRel));
        gate.hand_over(gate.lock_line(), 0, None);
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_permits_that_are_put_back_without_a_look_at_the_line_leave_the_second_waiting() {
    two_permits_at_once_beside_somebody_else(|gate, permits| {
        grant_first(gate, || _ = gate.word.fetch_add((permits - 1) * PERMIT, AcqRel));
    });
}

/// Three wait for a permit each. Two are given back in one call, and the third by another thread at the same time.
fn two_permits_at_once_and_another(give_back: fn(&Gate, u64)) {
    loom::model(move || {
        let gate = Arc::new(Gate::new(3, 0));
        assert_eq!(gate.try_take(3), Ok(true));
        let waiters = [queued(&gate, 1), queued(&gate, 1), queued(&gate, 1)];
        let spawned = Arc::clone(&gate);
        let gives = thread::spawn(move || spawned.give_back(1));
        give_back(&gate, 2);
        gives.join().unwrap();
        for (mut waiter, parker) in waiters {
            parker.wait_until(None);
            assert!(waiter.0.leave(), "who is woken has a permit");
        }
        gate.give_back(3);
        assert_eq!((gate.free(), gate.waiting()), (3, 0));
    });
}

#[test]
fn loom_permits_are_given_back_while_others_are_handed_on() {
    two_permits_at_once_and_another(Gate::give_back);
}

/// As if nobody waited, until all are handed on: who gives a permit back meanwhile does not look at the line.
#[test]
#[should_panic(expected = "deadlock")]
fn loom_a_line_that_is_not_to_be_seen_while_permits_are_handed_on_leaves_the_last_waiting() {
    two_permits_at_once_and_another(|gate, permits| {
        let line = gate.line.lock().places.len() as u64;
        gate.word.fetch_and(!(LINE | SERVE), AcqRel);
        (0..permits.min(line)).for_each(|_| grant_first(gate, || {}));
        gate.word.fetch_or(LINE | SERVE, AcqRel);
    });
}

/// Two want both permits, which are given back one by one. The first in line steps out, as a thread does to log, unless it has collected a permit,
/// and comes back to its place.
fn the_first_of_two_steps_out(come_back: fn(&mut Waiter<'_>, Waker) -> bool) {
    loom::model(move || {
        let gate = Arc::new(Gate::new(2, 0));
        assert_eq!(gate.try_take(2), Ok(true));
        let (mut first, parker) = queued(&gate, 2);
        let spawn = |f: fn(&Gate)| {
            let gate = Arc::clone(&gate);
            thread::spawn(move || f(&gate))
        };
        let gives = spawn(|gate| (0..2).for_each(|_| gate.give_back(1)));
        let second = spawn(|gate| {
            take(gate, 2).unwrap();
            gate.give_back(2);
        });
        let waker = Waker::from(Arc::clone(&parker));
        let mut has_both = match first.0.step_out() {
            StepOut::IsGranted => true,
            StepOut::IsOut => come_back(&mut first.0, waker.clone()),
            StepOut::Stays => false,
        };
        while !has_both {
            parker.wait_until(None);
            has_both = first.0.ask(waker.clone()).unwrap();
        }
        gate.give_back(2);
        gives.join().unwrap();
        second.join().unwrap();
        assert_eq!((gate.free(), gate.waiting()), (2, 0));
    });
}

#[test]
fn loom_who_comes_back_gets_what_was_collected_behind_it() {
    the_first_of_two_steps_out(|waiter, waker| waiter.ask(waker).unwrap());
}

/// The second has collected a permit meanwhile, and keeps it: then each has one, and waits for that of the other.
#[test]
#[should_panic(expected = "deadlock")]
fn loom_who_comes_back_and_leaves_the_one_behind_what_it_has_collected_waits_for_ever() {
    the_first_of_two_steps_out(|waiter, waker| {
        let mut line = waiter.gate.line.lock();
        let (ticket, waker) = (waiter.ticket.unwrap(), Some(ForeignWaker::new(waker)));
        let place = Place { ticket, missing: waiter.permits, collected: 0, is_called: false, waker };
        let index = line.find(ticket).unwrap_err();
        line.places.insert(index, place);
        waiter.is_in_line = !waiter.gate.hand_over(line, 0, Some(ticket));
        !waiter.is_in_line
    });
}

/// One wants both permits, which are given back one by one, and stops waiting at some moment: before it has collected one, after that, or when it
/// has both. Another wants one.
fn one_that_collects_stops_waiting(leave: fn(&mut Waiter<'_>) -> bool) {
    loom::model(move || {
        let gate = Arc::new(Gate::new(2, 0));
        assert_eq!(gate.try_take(2), Ok(true));
        let (mut stops, _) = queued(&gate, 2);
        let spawned = Arc::clone(&gate);
        let gives = thread::spawn(move || (0..2).for_each(|_| spawned.give_back(1)));
        let spawned = Arc::clone(&gate);
        let stays = thread::spawn(move || {
            take(&spawned, 1).unwrap();
            spawned.give_back(1);
        });
        if leave(&mut stops.0) {
            gate.give_back(2);
        }
        gives.join().unwrap();
        stays.join().unwrap();
        assert_eq!((gate.free(), gate.waiting()), (2, 0), "a permit is lost");
    });
}

#[test]
fn loom_what_was_collected_goes_to_those_behind() {
    one_that_collects_stops_waiting(|waiter| waiter.leave());
}

#[test]
#[should_panic(expected = "a permit is lost")]
fn loom_a_waiter_that_takes_what_it_has_collected_with_it_loses_a_permit() {
    one_that_collects_stops_waiting(|waiter| {
        let mut line = waiter.gate.line.lock();
        waiter.is_in_line = false;
        match waiter.ticket.map(|ticket| line.find(ticket)) {
            Some(Ok(index)) => {
                let place = line.places.remove(index);
                // It hands on its turn, but not what it has collected.
                waiter.gate.hand_over(line, 0, None);
                drop(place);
                false
            }
            _ => true,
        }
    });
}

/// How a forked child goes on with the line of its parent.
#[derive(Clone, Copy)]
struct InChild {
    is_noticed: bool,
    /// What the first thread that locks the line does.
    lock_line: fn(&Gate),
    /// How somebody goes on who waited in the parent, on the thread that forked.
    ask: fn(&mut Waiter<'_>, Waker) -> bool,
}

const IN_CHILD: InChild = InChild {
    is_noticed: true,
    lock_line: |gate| drop(gate.lock_line()),
    ask: |waiter, waker| waiter.ask(waker).unwrap(),
};

/// In the parent, another thread waited, and behind it the thread that forks. The first had collected a permit, or been called for one if there
/// are turns. The child has the permits that are not with it. There, the thread that forked goes on to wait, another gives permits back, and a
/// third takes one.
fn a_child_has_the_line_of_its_parent(permits: u64, turns: u64, child: InChild) {
    loom::model(move || {
        let gate = Arc::new(Gate::new(permits, turns));
        assert_eq!(gate.try_take(permits), Ok(true));
        mem::forget(queued(&gate, permits - 1));
        gate.give_back(1);
        let (mut own, parker) = queued(&gate, 1);
        if child.is_noticed {
            gate.line.lock().generation = usize::MAX;
        }
        let spawned = Arc::clone(&gate);
        let gives = thread::spawn(move || spawned.give_back(permits - 1));
        let spawned = Arc::clone(&gate);
        let takes = thread::spawn(move || {
            (child.lock_line)(&spawned);
            take(&spawned, 1).unwrap();
            spawned.give_back(1);
        });
        let waker = Waker::from(Arc::clone(&parker));
        while !(child.ask)(&mut own.0, waker.clone()) {
            parker.wait_until(None);
        }
        gate.give_back(1);
        gives.join().unwrap();
        takes.join().unwrap();
        assert_eq!((gate.free(), gate.waiting()), (permits, 0), "permits are lost or made");
    });
}

#[test]
fn loom_a_child_leaves_those_behind_who_wait_in_its_parent() {
    a_child_has_the_line_of_its_parent(3, 0, IN_CHILD);
    a_child_has_the_line_of_its_parent(2, 8, IN_CHILD);
}

#[test]
#[should_panic(expected = "permits are lost or made")]
fn loom_a_child_that_serves_those_who_wait_in_its_parent_loses_permits() {
    a_child_has_the_line_of_its_parent(3, 0, InChild { is_noticed: false, ..IN_CHILD });
}

#[test]
#[should_panic(expected = "permits are lost or made")]
fn loom_a_child_that_forgets_what_was_collected_in_its_parent_loses_a_permit() {
    fn lock_line(gate: &Gate) {
        let mut line = gate.line.lock();
        if line.generation != fork_generation() {
            let _collected = line.leave_behind();
            gate.word.fetch_and(!(LINE | SERVE), AcqRel);
        }
    }
    a_child_has_the_line_of_its_parent(3, 0, InChild { lock_line, ..IN_CHILD });
}

/// Somebody takes a permit, or gives one back, between the two steps.
#[test]
#[should_panic(expected = "permits are lost or made")]
fn loom_a_child_that_leaves_a_line_behind_in_two_steps_loses_permits_or_makes_some() {
    fn lock_line(gate: &Gate) {
        let mut line = gate.line.lock();
        if line.generation != fork_generation() {
            let collected = line.leave_behind();
            let word = gate.word.load(Acquire);
            gate.word.store(word / PERMIT * PERMIT + collected * PERMIT, Release);
        }
    }
    a_child_has_the_line_of_its_parent(2, 8, InChild { lock_line, ..IN_CHILD });
}

/// Its place is gone, as it is when a permit was handed over.
#[test]
#[should_panic(expected = "permits are lost or made")]
fn loom_a_waiter_that_takes_its_lost_place_in_the_parent_for_a_grant_makes_a_permit() {
    fn ask(waiter: &mut Waiter<'_>, waker: Waker) -> bool {
        let line = waiter.gate.lock_line();
        if waiter.is_in_line && waiter.ticket.is_some_and(|ticket| line.find(ticket).is_err()) {
            waiter.is_in_line = false;
            return true;
        }
        drop(line);
        waiter.ask(waker).unwrap()
    }
    a_child_has_the_line_of_its_parent(3, 0, InChild { ask, ..IN_CHILD });
}
