//! Doing something at a time to come, on one thread for all.

use std::collections::BTreeMap;
use std::io;
use std::time::Instant;

use crate::limits::SPARE_THREAD;
use crate::lock::foreign::run_foreign;
use crate::process::start_thread;
use crate::sync::model::{Condvar, Mutex};

/// When something is to be done; it is the name of that as well.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Due {
    pub(super) when: Instant,
    number: u64,
}

/// Values that are due at a time to come, and what is done with one when it is. A thread does that, which is started for the first value and
/// ends when there has been none for some time.
pub(super) struct Timer<T> {
    thread: &'static str,
    run: fn(T),
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    waiting: BTreeMap<Due, T>,
    next: u64,
    has_thread: bool,
}

impl<T: Send + 'static> Timer<T> {
    /// `thread` is the name of the thread. `run` may panic; it may wait, and then the others wait too. If no thread can be started, values may run early.
    pub(super) const fn new(thread: &'static str, run: fn(T)) -> Self {
        let state = State { waiting: BTreeMap::new(), next: 0, has_thread: false };
        Timer { thread, run, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Has `value` run at `when`, unless it is cancelled before.
    pub(super) fn at(&'static self, when: Instant, value: T) -> io::Result<Due> {
        let mut state = self.state.lock();
        let due = Due { when, number: state.next };
        state.next += 1;
        state.waiting.insert(due, value);
        if state.has_thread {
            let is_first = state.waiting.first_key_value().is_some_and(|(first, _)| *first == due);
            drop(state);
            if is_first {
                self.changed.notify_one();
            }
            return Ok(due);
        }
        state.has_thread = true;
        drop(state);
        if let Err(error) = start_thread(self.thread, move || self.work()) {
            drop(self.cancel(due));
            self.run_all();
            return Err(error);
        }
        Ok(due)
    }

    /// Runs everything now, because there is no thread: what others have left here meanwhile would wait for ever.
    #[cold]
    fn run_all(&self) {
        let mut state = self.state.lock();
        state.has_thread = false;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_values().for_each(|value| run_foreign(|| (self.run)(value)));
    }

    /// Takes a value back, if it has not run.
    pub(super) fn cancel(&self, due: Due) -> Option<T> {
        self.state.lock().waiting.remove(&due)
    }

    fn work(&self) {
        let mut state = self.state.lock();
        loop {
            let now = Instant::now();
            match state.waiting.first_key_value().map(|(due, _)| due.when) {
                Some(when) if when <= now => {
                    let value = state.waiting.pop_first().map(|(_, value)| value);
                    drop(state);
                    if let Some(value) = value {
                        run_foreign(|| (self.run)(value));
                    }
                    state = self.state.lock();
                }
                Some(when) => (state, _) = self.changed.wait_until(state, Some(when)),
                None => {
                    let is_over;
                    (state, is_over) = self.changed.wait_until(state, Instant::now().checked_add(SPARE_THREAD));
                    if is_over && state.waiting.is_empty() {
                        state.has_thread = false;
                        return;
                    }
                }
            }
        }
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests {
    use std::sync::mpsc::{Sender, channel};
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_due_runs_in_order_and_what_is_cancelled_does_not_and_a_panic_ends_nothing() {
        static TIMER: Timer<(u32, Sender<u32>)> = Timer::new("logscope-test", |(number, sender)| {
            assert_ne!(number, 0, "this is the panic");
            sender.send(number).unwrap();
        });

        let (sender, receiver) = channel();
        let start = Instant::now();
        let at = |millis, number| TIMER.at(start + Duration::from_millis(millis), (number, sender.clone())).unwrap();
        at(60, 3);
        at(0, 0);
        let cancelled = at(50, 9);
        at(40, 2);
        at(20, 1);
        assert_eq!(TIMER.cancel(cancelled).unwrap().0, 9);
        assert!(TIMER.cancel(cancelled).is_none());
        let numbers: Vec<u32> = (0..3).map(|_| receiver.recv_timeout(Duration::from_secs(60)).unwrap()).collect();
        assert_eq!(numbers, [1, 2, 3]);
        assert!(start.elapsed() >= Duration::from_millis(60));
        assert!(receiver.try_recv().is_err());

        // As if the thread could not be started.
        at(60_000, 5);
        at(0, 0);
        TIMER.run_all();
        assert_eq!(receiver.recv_timeout(Duration::from_secs(60)), Ok(5));
    }
}
