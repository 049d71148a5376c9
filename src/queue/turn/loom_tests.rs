//! Models of `turn`.

use std::mem;

use loom::thread;

use super::super::{Drained, Label};
use super::*;
use crate::sync::model::Arc;

/// A queue, and what a pool of threads would know of it.
struct Pool {
    ring: Ring,
    turn: Turn,
    /// It is among those that are ready.
    ready: Mutex<bool>,
    /// It is among those that linger, as often as that is noted.
    lingering: Mutex<Vec<u64>>,
    /// Something is wanted of who works on it.
    wanted: Mutex<bool>,
    served: Mutex<Served>,
}

#[derive(Default)]
struct Served {
    running: bool,
    records: usize,
    wanted: bool,
}

type Call = fn(&Turn, &Ring) -> bool;
type End = fn(&Turn, &Ring, bool) -> NextStep;

impl Pool {
    fn call(&self, call: Call) {
        if call(&self.turn, &self.ring) {
            assert!(!mem::replace(&mut *self.ready.lock(), true), "it is ready twice");
        }
    }

    /// Takes the queue if it is ready or has lingered, and works on it. False if it is neither.
    fn serve(&self, end: End) -> bool {
        if mem::take(&mut *self.ready.lock()) {
            self.turn.begin();
        } else {
            let Some(lingered) = self.lingering.lock().pop() else { return false };
            if !self.turn.begin_after_lingering(lingered) {
                return true;
            }
        }
        let mut found = false;
        loop {
            found |= self.pass();
            match end(&self.turn, &self.ring, found) {
                NextStep::Again => {}
                NextStep::Linger(lingered) => {
                    self.lingering.lock().push(lingered);
                    return true;
                }
                NextStep::Leave => return true,
            }
        }
    }

    fn pass(&self) -> bool {
        assert!(!mem::replace(&mut self.served.lock().running, true), "two threads work on it");
        let mut taken = Drained::default();
        self.ring.reader().take(&mut taken, usize::MAX);
        let wanted = mem::take(&mut *self.wanted.lock());
        let served = &mut *self.served.lock();
        served.running = false;
        served.records += taken.labels.len();
        served.wanted |= wanted;
        !taken.labels.is_empty()
    }
}

/// One thread pushes, one wants something, and one works on the queue: in the end it is at rest, and all is done.
fn a_queue_that_is_called_is_worked_on(call: Call, end: End) {
    loom::model(move || {
        let pool = Arc::new(Pool {
            ring: Ring::new(64),
            turn: Turn::new(),
            ready: Mutex::new(false),
            lingering: Mutex::new(Vec::new()),
            wanted: Mutex::new(false),
            served: Mutex::new(Served::default()),
        });
        let spawn = |work: Box<dyn FnOnce(&Pool)>| {
            let pool = Arc::clone(&pool);
            thread::spawn(move || work(&pool))
        };
        let threads = [
            spawn(Box::new(move |pool| {
                if pool.ring.push(Label::default(), b"").unwrap().wake {
                    pool.call(call);
                }
            })),
            spawn(Box::new(move |pool| {
                *pool.wanted.lock() = true;
                pool.call(call);
            })),
            // Last: see the models of the ring.
            spawn(Box::new(move |pool| _ = (pool.serve(end), pool.serve(end)))),
        ];
        for thread in threads {
            thread.join().unwrap();
        }
        while pool.serve(end) {}
        let served = pool.served.lock();
        assert!(served.records == 1 && served.wanted, "something is left undone");
    });
}

#[test]
fn loom_a_queue_that_is_called_is_worked_on() {
    a_queue_that_is_called_is_worked_on(Turn::call, Turn::end);
}

/// Looks whether it was called, and rests, in two steps.
fn end_in_two_steps(turn: &Turn, ring: &Ring, found: bool) -> NextStep {
    if mem::take(&mut turn.0.lock().called) {
        return NextStep::Again;
    }
    if !found && ring.reader().rest() {
        turn.0.lock().phase = Phase::Idle;
        return NextStep::Leave;
    }
    turn.end(ring, found)
}

#[test]
#[should_panic(expected = "something is left undone")]
fn loom_resting_outside_the_lock_forgets_a_call() {
    a_queue_that_is_called_is_worked_on(Turn::call, end_in_two_steps);
}

/// Takes a thread that works on the queue for one that will see what is wanted.
fn call_only_who_rests(turn: &Turn, ring: &Ring) -> bool {
    turn.0.lock().phase != Phase::Running && turn.call(ring)
}

#[test]
#[should_panic(expected = "something is left undone")]
fn loom_a_call_that_is_not_noted_is_forgotten() {
    a_queue_that_is_called_is_worked_on(call_only_who_rests, Turn::end);
}
