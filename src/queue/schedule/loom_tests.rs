//! Models of `schedule`.

use std::mem;

use loom::thread;

use super::super::{Drained, Label};
use super::*;
use crate::sync::model::Arc;

/// A queue, and what the pool of writer threads knows of it.
struct Pool {
    ring: Ring,
    schedule: Schedule,
    /// The queue is in the list of ready queues.
    ready: Mutex<bool>,
    /// The entries of the queue in the list of lingering queues.
    lingering: Mutex<Vec<u64>>,
    /// A flush was requested.
    requested: Mutex<bool>,
    served: Mutex<Served>,
}

#[derive(Default)]
struct Served {
    running: bool,
    records: usize,
    flushed: bool,
}

type Notify = fn(&Schedule, &Ring) -> bool;
type GetNextStep = fn(&Schedule, &Ring, bool) -> NextStep;

impl Pool {
    fn notify(&self, notify: Notify) {
        if notify(&self.schedule, &self.ring) {
            assert!(!mem::replace(&mut *self.ready.lock(), true), "the queue is ready twice");
        }
    }

    /// Takes the queue if it is ready or has lingered, and drains it. False if it is neither.
    fn serve(&self, next_step: GetNextStep) -> bool {
        if mem::take(&mut *self.ready.lock()) {
            self.schedule.start();
        } else {
            let Some(lingered) = self.lingering.lock().pop() else { return false };
            if !self.schedule.start_after_linger(lingered) {
                return true;
            }
        }
        let mut found = false;
        loop {
            found |= self.drain_batch();
            match next_step(&self.schedule, &self.ring, found) {
                NextStep::Again => {}
                NextStep::Linger(lingered) => {
                    self.lingering.lock().push(lingered);
                    return true;
                }
                NextStep::Leave => return true,
            }
        }
    }

    fn drain_batch(&self) -> bool {
        assert!(!mem::replace(&mut self.served.lock().running, true), "two threads drain the queue");
        let mut drained = Drained::default();
        self.ring.reader().drain(&mut drained, usize::MAX);
        let requested = mem::take(&mut *self.requested.lock());
        let served = &mut *self.served.lock();
        served.running = false;
        served.records += drained.labels.len();
        served.flushed |= requested;
        !drained.labels.is_empty()
    }
}

/// One thread pushes, one requests a flush, and one drains the queue: in the end the queue is idle, and nothing is left to do.
fn a_queue_that_is_notified_is_drained(notify: Notify, next_step: GetNextStep) {
    loom::model(move || {
        let pool = Arc::new(Pool {
            ring: Ring::new(64),
            schedule: Schedule::new(),
            ready: Mutex::new(false),
            lingering: Mutex::new(Vec::new()),
            requested: Mutex::new(false),
            served: Mutex::new(Served::default()),
        });
        let spawn = |work: Box<dyn FnOnce(&Pool)>| {
            let pool = Arc::clone(&pool);
            thread::spawn(move || work(&pool))
        };
        let threads = [
            spawn(Box::new(move |pool| {
                if pool.ring.push(Label::default(), b"").unwrap().wake {
                    pool.notify(notify);
                }
            })),
            spawn(Box::new(move |pool| {
                *pool.requested.lock() = true;
                pool.notify(notify);
            })),
            // Started last, for the reason given at `last` in the models of the ring.
            spawn(Box::new(move |pool| _ = (pool.serve(next_step), pool.serve(next_step)))),
        ];
        for thread in threads {
            thread.join().unwrap();
        }
        while pool.serve(next_step) {}
        let served = pool.served.lock();
        assert!(served.records == 1 && served.flushed, "something is left undone");
    });
}

#[test]
fn loom_a_queue_that_is_notified_is_drained() {
    a_queue_that_is_notified_is_drained(Schedule::notify, Schedule::next_step);
}

/// Looks whether the queue was notified, and makes it idle, in two steps.
fn next_step_in_two_steps(schedule: &Schedule, ring: &Ring, found: bool) -> NextStep {
    if mem::take(&mut schedule.0.lock().notified) {
        return NextStep::Again;
    }
    if !found && ring.reader().go_idle() {
        schedule.0.lock().phase = Phase::Idle;
        return NextStep::Leave;
    }
    schedule.next_step(ring, found)
}

#[test]
#[should_panic(expected = "something is left undone")]
fn loom_going_idle_outside_the_lock_loses_a_notification() {
    a_queue_that_is_notified_is_drained(Schedule::notify, next_step_in_two_steps);
}

/// Does nothing while a thread drains the queue, as if that thread were certain to look for work once more.
fn notify_unless_running(schedule: &Schedule, ring: &Ring) -> bool {
    schedule.0.lock().phase != Phase::Running && schedule.notify(ring)
}

#[test]
#[should_panic(expected = "something is left undone")]
fn loom_a_notification_that_is_not_noted_is_lost() {
    a_queue_that_is_notified_is_drained(notify_unless_running, Schedule::next_step);
}
