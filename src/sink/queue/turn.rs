//! Who works on a queue: at most one thread at a time, and always one when there is something to do.
//!
//! A queue is in one of four places. It is called when something needs doing at once: the ring was at rest and is not empty any more,
//! is half full or full, or somebody waits for a flush. What is pushed at other times waits until the thread that worked on the queue
//! last looks again: it *lingers*, so that a stream of records costs those who push them no wake-up.

use super::ring::Ring;
use crate::sync::model::Mutex;

/// Where a queue is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    /// At rest: its ring is empty, or closed and empty. Nobody will look at it until it is called.
    Idle,
    /// Among those that are ready: the next thread that is free works on it.
    Ready,
    /// A thread works on it.
    Running,
    /// It will be looked at in a moment.
    Lingering,
}

/// Where a queue is, and whether it was called.
#[derive(Debug)]
pub(crate) struct Turn(Mutex<State>);

#[derive(Debug)]
struct State {
    place: Place,
    /// It was called while a thread worked on it, which may have looked for work before.
    called: bool,
    /// How often it has lingered: what is noted elsewhere about an earlier time is out of date.
    lingered: u64,
}

/// What the thread that worked on a queue does next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Next {
    /// Works on it again.
    Again,
    /// Looks at it in a moment, unless it is called before: see [`Turn::begin_after_lingering`].
    Linger(u64),
    /// Leaves it.
    Leave,
}

impl Turn {
    pub(crate) fn new() -> Self {
        Turn(Mutex::new(State { place: Place::Idle, called: false, lingered: 0 }))
    }

    /// Calls for somebody to work on the queue of `ring`. True if the caller has to put it among those that are ready.
    pub(crate) fn call(&self, ring: &Ring) -> bool {
        let state = &mut *self.0.lock();
        match state.place {
            Place::Idle => {
                // Under the lock, as the resting in `end`: the ring rests if and only if the place is idle, as far as anyone who looks
                // under the lock can see.
                ring.rouse();
                state.place = Place::Ready;
                true
            }
            Place::Lingering => {
                state.place = Place::Ready;
                true
            }
            Place::Ready => false,
            Place::Running => {
                state.called = true;
                false
            }
        }
    }

    /// The queue was taken from among those that are ready.
    pub(crate) fn begin(&self) {
        self.0.lock().place = Place::Running;
    }

    /// The moment is over that [`Next::Linger`] spoke of. False if the queue was called meanwhile.
    pub(crate) fn begin_after_lingering(&self, lingered: u64) -> bool {
        let state = &mut *self.0.lock();
        let begins = state.place == Place::Lingering && state.lingered == lingered;
        if begins {
            state.place = Place::Running;
        }
        begins
    }

    /// The queue goes back among those that are ready, so that others have their turn.
    pub(crate) fn give_way(&self) {
        self.0.lock().place = Place::Ready;
    }

    /// A thread has done what it found, if it `found` anything since it began.
    pub(crate) fn end(&self, ring: &Ring, found: bool) -> Next {
        let state = &mut *self.0.lock();
        if std::mem::take(&mut state.called) {
            return Next::Again;
        }
        if !found {
            let reader = ring.reader();
            // Under the lock: a call that comes now finds either a thread that will look at `called`, or an idle queue.
            if reader.is_finished() || reader.rest() {
                state.place = Place::Idle;
                return Next::Leave;
            }
        }
        state.place = Place::Lingering;
        state.lingered += 1;
        Next::Linger(state.lingered)
    }
}

#[cfg(all(test, logscope_loom))]
mod loom_tests {
    use std::mem;

    use loom::thread;

    use super::super::ring::{Label, Taken};
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
    type End = fn(&Turn, &Ring, bool) -> Next;

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
                    Next::Again => {}
                    Next::Linger(lingered) => {
                        self.lingering.lock().push(lingered);
                        return true;
                    }
                    Next::Leave => return true,
                }
            }
        }

        fn pass(&self) -> bool {
            assert!(!mem::replace(&mut self.served.lock().running, true), "two threads work on it");
            let mut taken = Taken::default();
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
    fn end_in_two_steps(turn: &Turn, ring: &Ring, found: bool) -> Next {
        if mem::take(&mut turn.0.lock().called) {
            return Next::Again;
        }
        if !found && ring.reader().rest() {
            turn.0.lock().place = Place::Idle;
            return Next::Leave;
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
        turn.0.lock().place != Place::Running && turn.call(ring)
    }

    #[test]
    #[should_panic(expected = "something is left undone")]
    fn loom_a_call_that_is_not_noted_is_forgotten() {
        a_queue_that_is_called_is_worked_on(call_only_who_rests, Turn::end);
    }
}
