//! Who does what: the state of the pool, without threads, locks and clocks.
//!
//! A writer thread is in one of three states:
//!
//! | state | what the thread does |
//! |---|---|
//! | idle | it looks for work, or waits for it |
//! | working | it has had its work for less than [`STUCK`], or computes |
//! | stuck | it has had its work for [`STUCK`] and was inside an output when that was over: it belongs to that output until it returns |
//!
//! As many threads may work as the `parallelism` says. Stuck threads do not count, so they take nothing from the others. If many outputs get
//! stuck at once, and no thread comes back, one thread more may work for each that was found: so their number doubles with each [`STUCK`]. As
//! long as threads come back, outputs are slow and not stuck, and ever more threads would only be in each other's way.
//!
//! A queue whose output has held up its last thread is *slow*. Slow queues wait in a list of their own, and take turns with the others.
//!
//! Nothing tells a thread that another one is stuck, so somebody must look. While there is work that nobody may take yet, one idle thread
//! *watches*: it waits with a deadline. A process without such work has no timer running. The invariants, between two calls of the pool:
//!
//! - If there is work, a thread is idle (it watches, or is about to look), or one is being started, unless there are `max_threads` already.
//! - Whoever adds work while no thread is idle starts one, even if another call is starting one: that start may be refused. Whoever is refused
//!   does its own work.
//! - If there is work and no thread was just woken, one idle thread watches, and looks in time.

use std::collections::VecDeque;
use std::time::Instant;

use crate::limits::{SPARE_THREAD, STUCK};
use crate::sync::{Arc, AtomicBool, Ordering};

/// The state of a pool whose queues are held as `Q`, and those that rest as `R`.
#[derive(Debug)]
pub(super) struct Plan<Q, R> {
    /// Queues to be drained.
    ready: VecDeque<Work<Q, R>>,
    /// The same, of queues that were slow the last time.
    slow: VecDeque<Work<Q, R>>,
    /// A slow queue comes next, if both lists have some.
    is_turn_of_slow: bool,
    /// Lingering queues, sorted by the moment at which a thread looks at them again.
    lingering: VecDeque<Lingering<Q>>,
    /// Idle queues, sorted by the moment at which a thread gives their memory back.
    resting: VecDeque<(Instant, R)>,
    /// References to queues that a writer thread must drop: each may be the last one, and so drop the output.
    to_drop: Vec<Q>,
    /// How many threads are idle. A thread that is being started counts as idle.
    idle: usize,
    /// How many starts of threads are under way: the system may refuse them.
    starting: usize,
    /// The threads that work, those that were looked at last at the end.
    working: VecDeque<Working>,
    /// How many threads are stuck.
    stuck: usize,
    /// How many threads were found to be stuck, and got their work after the last thread came back.
    stuck_at_once: usize,
    /// When the last thread came back.
    last_finish: Option<Instant>,
    last_turn: u64,
    /// Until when the idle thread that watches waits.
    watch: Option<Instant>,
    spares: Spares,
    /// It was reported that all threads are held up, and none has been to spare since.
    is_reported: bool,
    parallelism: usize,
    max_threads: usize,
}

/// A queue that a thread looks at again in a moment.
#[derive(Debug)]
struct Lingering<Q> {
    due: Instant,
    lingered: u64,
    queue: Q,
    is_slow: bool,
}

/// A thread that works.
#[derive(Debug)]
struct Working {
    turn: Turn,
    /// When it took its work, or was found outside its output.
    since: Instant,
    /// True while it is inside its output.
    is_inside: Arc<AtomicBool>,
}

/// How many idle threads there are to spare.
#[derive(Debug, Default)]
struct Spares {
    /// The fewest threads that were idle at once since `since`.
    fewest: usize,
    since: Option<Instant>,
    /// How many threads may end.
    surplus: usize,
}

/// Work for one thread.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Work<Q, R> {
    /// A ready queue, to be drained.
    Drain(Q),
    /// A queue that has lingered, to be drained unless it was notified meanwhile. The number is that of the lingering.
    DrainLingered(u64, Q),
    /// A reference to be dropped.
    Drop(Q),
    /// A queue that has rested. Its memory is given back.
    GiveMemoryBack(R),
}

/// One thread's work, from taking to finishing it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Turn(u64);

/// What a call that has changed the plan must do after it has released the lock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Need {
    Nothing,
    /// Wake an idle thread.
    WakeUp,
    /// Start a thread.
    Thread,
    /// Report that all threads that there may be are held up.
    Report,
}

impl<Q, R> Plan<Q, R> {
    pub(super) const fn new(parallelism: usize, max_threads: usize) -> Self {
        Plan {
            ready: VecDeque::new(),
            slow: VecDeque::new(),
            is_turn_of_slow: false,
            lingering: VecDeque::new(),
            resting: VecDeque::new(),
            to_drop: Vec::new(),
            idle: 0,
            starting: 0,
            working: VecDeque::new(),
            stuck: 0,
            stuck_at_once: 0,
            last_finish: None,
            last_turn: 0,
            watch: None,
            spares: Spares { fewest: 0, since: None, surplus: 0 },
            is_reported: false,
            parallelism,
            max_threads,
        }
    }

    pub(super) fn add_ready(&mut self, queue: Q, is_slow: bool) {
        self.add(Work::Drain(queue), is_slow);
    }

    /// Adds a queue that a thread looks at again when it is `due`, which is later than for all that were added before.
    pub(super) fn add_lingering(&mut self, due: Instant, lingered: u64, queue: Q, is_slow: bool) {
        self.lingering.push_back(Lingering { due, lingered, queue, is_slow });
    }

    /// Adds an idle queue whose memory is given back when it is `due`, which is later than for all that were added before.
    pub(super) fn add_resting(&mut self, due: Instant, queue: R) {
        self.resting.push_back((due, queue));
    }

    fn add(&mut self, work: Work<Q, R>, is_slow: bool) {
        if is_slow { &mut self.slow } else { &mut self.ready }.push_back(work);
    }

    pub(super) fn add_to_drop(&mut self, queue: Q) {
        self.to_drop.push(queue);
    }

    /// Takes work for an idle thread, if there is any that may begin at `now`. `is_inside` is true while the thread is inside an output.
    pub(super) fn take(&mut self, now: Instant, is_inside: &Arc<AtomicBool>) -> Option<(Work<Q, R>, Turn)> {
        self.find_stuck(now);
        if !self.may_work() {
            return None;
        }
        while self.lingering.front().is_some_and(|lingering| lingering.due <= now) {
            let Lingering { lingered, queue, is_slow, .. } = self.lingering.pop_front()?;
            self.add(Work::DrainLingered(lingered, queue), is_slow);
        }
        let work = match self.to_drop.pop() {
            Some(queue) => Work::Drop(queue),
            None if !self.slow.is_empty() && (self.ready.is_empty() || self.is_turn_of_slow) => {
                self.is_turn_of_slow = false;
                self.slow.pop_front()?
            }
            None if !self.ready.is_empty() => {
                self.is_turn_of_slow = true;
                self.ready.pop_front()?
            }
            None if self.resting.front().is_some_and(|(due, _)| *due <= now) => {
                Work::GiveMemoryBack(self.resting.pop_front()?.1)
            }
            None => return None,
        };
        self.idle -= 1;
        self.spares.fewest = self.spares.fewest.min(self.idle);
        self.last_turn += 1;
        let turn = Turn(self.last_turn);
        self.working.push_back(Working { turn, since: now, is_inside: Arc::clone(is_inside) });
        Some((work, turn))
    }

    /// Makes the thread of this turn idle again.
    pub(super) fn finish(&mut self, turn: Turn, now: Instant) {
        match self.working.iter().position(|working| working.turn == turn) {
            Some(index) => _ = self.working.remove(index),
            None => self.stuck -= 1,
        }
        self.stuck_at_once = 0;
        self.last_finish = Some(now);
        self.idle += 1;
        self.spares.look(self.idle, now);
    }

    /// Asks whether an idle thread that finds no work, and has had none since `idle_since`, ends. If so, it is no longer counted.
    pub(super) fn ends(&mut self, idle_since: Instant, now: Instant) -> bool {
        // One thread stays, so that a log call seldom has to start one.
        let ends = self.sure_to_be_idle() > 1
            && (self.spares.surplus > 0 || now.saturating_duration_since(idle_since) >= SPARE_THREAD);
        if ends {
            self.is_reported = false;
            self.spares.surplus = self.spares.surplus.saturating_sub(1);
            self.idle -= 1;
        }
        ends
    }

    /// Begins to wait: returns when the thread has to look for work again although nobody wakes it.
    pub(super) fn begin_wait(&mut self) -> Option<Instant> {
        let look = self.next_look()?;
        if self.watch.is_some_and(|watch| watch <= look) {
            return None;
        }
        self.watch = Some(look);
        Some(look)
    }

    /// Ends the wait of a thread for which [`begin_wait`](Plan::begin_wait) has returned `look`.
    pub(super) fn end_wait(&mut self, look: Option<Instant>) {
        if look.is_some() && self.watch == look {
            self.watch = None;
        }
    }

    /// Says what has to be done after a change.
    pub(super) fn need(&mut self) -> Need {
        if self.is_empty() {
            Need::Nothing
        } else if self.sure_to_be_idle() == 0 && self.threads() < self.max_threads {
            Need::Thread
        } else if self.idle == 0 {
            if std::mem::replace(&mut self.is_reported, true) { Need::Nothing } else { Need::Report }
        } else if self.watch.is_none() || self.may_work() && self.has_due_work() {
            Need::WakeUp
        } else {
            Need::Nothing
        }
    }

    /// Counts a thread that is about to be started.
    pub(super) fn begin_start(&mut self) {
        self.idle += 1;
        self.starting += 1;
    }

    /// Notes whether the system has started the thread. It may be at work already.
    pub(super) fn end_start(&mut self, is_refused: bool) {
        self.starting -= 1;
        self.idle -= usize::from(is_refused);
    }

    /// How many threads there are.
    pub(super) fn threads(&self) -> usize {
        self.idle + self.working.len() + self.stuck
    }

    /// How many threads are idle, at least, even if the system refuses all those that are being started. (One of these may have begun to work
    /// before its start is noted. Then this is too low, and a thread more is started.)
    pub(super) fn sure_to_be_idle(&self) -> usize {
        self.idle.saturating_sub(self.starting)
    }

    /// Removes the first queue to be drained for which `is_wanted` is true.
    pub(super) fn remove_ready(&mut self, is_wanted: impl Fn(&Q) -> bool) -> Option<Work<Q, R>> {
        [&mut self.ready, &mut self.slow].into_iter().find_map(|list| {
            let index = list.iter().position(|work| matches!(work, Work::Drain(queue) if is_wanted(queue)))?;
            list.remove(index)
        })
    }

    /// Removes the references that are to be dropped.
    pub(super) fn remove_to_drop(&mut self) -> Vec<Q> {
        std::mem::take(&mut self.to_drop)
    }

    fn find_stuck(&mut self, now: Instant) {
        while self.working.front().is_some_and(|working| working.since + STUCK <= now) {
            let Some(mut working) = self.working.pop_front() else { return };
            // Relaxed: a thread that has just come back counts as stuck until its turn ends, which does no harm.
            if working.is_inside.load(Ordering::Relaxed) {
                self.stuck += 1;
                self.stuck_at_once += usize::from(self.last_finish.is_none_or(|last| working.since > last));
            } else {
                working.since = now;
                self.working.push_back(working);
            }
        }
    }

    fn may_work(&self) -> bool {
        self.working.len() < self.parallelism + self.stuck_at_once
    }

    fn is_empty(&self) -> bool {
        self.lingering.is_empty() && self.resting.is_empty() && !self.has_due_work()
    }

    fn has_due_work(&self) -> bool {
        !self.ready.is_empty() || !self.slow.is_empty() || !self.to_drop.is_empty()
    }

    fn next_look(&self) -> Option<Instant> {
        let lingering = self.lingering.front().map(|lingering| lingering.due);
        let due = lingering.into_iter().chain(self.resting.front().map(|(due, _)| *due)).min();
        if self.may_work() {
            return due;
        }
        let is_free = self.working.front().map(|working| working.since + STUCK)?;
        if self.has_due_work() { Some(is_free) } else { due.map(|due| due.max(is_free)) }
    }
}

impl Spares {
    /// Looks, each [`SPARE_THREAD`], how many of the idle threads were needed at no moment since the last look. A stream of work wakes the
    /// idle threads in turn, so none of them would be idle for long, however many they are.
    fn look(&mut self, idle: usize, now: Instant) {
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) >= SPARE_THREAD {
            // One of them is left for the moment at which all others get stuck.
            *self = Spares { fewest: idle, since: Some(now), surplus: self.fewest.saturating_sub(1) };
        }
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;
