//! The algorithm under all locks of this module: permits, and a line of those who wait for some.
//!
//! A mutex is a gate with one permit. A gate knows nothing of threads and tasks: who waits leaves a [`Waker`](std::task::Waker), and is woken
//! when it is worth asking again. It knows nothing of time either, so a model can check all of it.
//!
//! # How a permit gets to the first in line
//!
//! While nobody waits, a permit is taken and given back by one compare-and-exchange of a [word](super::word). Whoever finds too few permits gets
//! in line. From then on each permit that is given back counts as a *turn*, and the first in line has `turns` of them left:
//!
//! - With turns left, the permit is put back for anybody, and the first in line is woken once to fetch it. Others may be faster: a thread that is
//!   running takes the permit several times in the microseconds until a sleeping one is there, and the lock is not idle for so long.
//! - If the first in line came in vain, or has no turns left, the next permit is handed to it and to nobody else. So nobody is passed over by
//!   more than `turns` others once it is first in line, and a woken task whose executor does not run it holds up the others no longer than that.
//!
//! With zero turns the line is strictly first come, first served. Semaphores are so, because a request for many permits must collect them.
//!
//! # Why no crate is underneath
//!
//! The locks of `async-lock` (on `event-listener`) and of tokio were the candidates. `async-lock`'s can be waited for by a thread, but without a
//! time-out, and its semaphore gives one permit at a time and cannot be closed. tokio's semaphore has no wait for threads, and its mutex panics
//! where a thread waits inside a runtime. Each hands the lock over or lets others be faster by a rule of its own, and neither can leave a line
//! whose threads a forked child does not have. So most of this file would have been needed all the same, around a second line.
//!
//! # What runs under the lock of the line
//!
//! No code but this module's. Wakers, which are the user's code, are cloned, woken and dropped outside, and no memory is requested or freed
//! under it, because the program's allocator may log and a log call may come here again.

use std::collections::VecDeque;

use super::line::{Line, Place, Served, Step};
use super::word::{CLOSED, LINE, MAX_PERMITS, MAX_TURNS, PERMIT, SERVE, TURN, Word};
use crate::process::{fork_generation, watch_forks};
use crate::sync::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::sync::model::{Mutex, MutexGuard, StaticAtomicU64};

/// The gate was [closed](Gate::close).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Closed;

pub(super) struct Gate {
    /// Flags and turns change only under the lock of the line, but for the turn that goes with each permit that is given back: the last one sets
    /// `SERVE`.
    pub(super) word: StaticAtomicU64,
    /// How many turns the first in line leaves to others.
    turns: u64,
    pub(super) line: Mutex<Line>,
}

impl Gate {
    pub(super) const fn new(permits: u64, turns: u64) -> Self {
        assert!(permits <= MAX_PERMITS && turns <= MAX_TURNS, "a semaphore has at most 2^48 - 1 permits");
        Gate { word: StaticAtomicU64::new(permits * PERMIT), turns, line: Mutex::new(Line::EMPTY) }
    }

    /// Takes `permits` if they are free. False if they are not.
    #[inline]
    pub(super) fn try_take(&self, permits: u64) -> Result<bool, Closed> {
        let mut word = self.word.load(Relaxed);
        loop {
            if word & CLOSED != 0 {
                return Err(Closed);
            }
            let Some(left) = word.checked_sub(permits * PERMIT) else {
                return Ok(false);
            };
            // Acquire: what those did who gave the permits back has happened for us. Pairs with the release in `give_back` and `serve`.
            match self.word.compare_exchange_weak(word, left, Acquire, Relaxed) {
                Ok(_) => return Ok(true),
                Err(now) => word = now,
            }
        }
    }

    /// Gives `permits` back, to whoever is first in line.
    #[inline]
    pub(super) fn give_back(&self, permits: u64) {
        let mut word = self.word.load(Relaxed);
        while word & SERVE == 0 {
            let mut next = word + permits * PERMIT;
            if word & LINE != 0 {
                next -= TURN;
                if Word(next).turns() == 0 {
                    next |= SERVE;
                }
            }
            // Release: what we did has happened for whoever takes the permits. In one step with the look at the flag: if somebody got in line
            // between the two, nobody would wake it.
            match self.word.compare_exchange_weak(word, next, Release, Relaxed) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
        self.hand_over(self.lock_line(), permits, None);
    }

    /// Closes the gate: who waits, and who comes later, gets an error. Permits can still be given back.
    pub(super) fn close(&self) {
        // Under the lock, so that nobody gets in line who has not seen it.
        let mut line = self.lock_line();
        self.word.fetch_or(CLOSED, Relaxed);
        // Each takes itself out of the line. Nobody comes in behind.
        let mut from = 0;
        loop {
            let first = line.places.partition_point(|place| place.ticket < from);
            let Some(place) = line.places.get_mut(first) else {
                return;
            };
            from = place.ticket + 1;
            let waker = place.waker.take();
            drop(line);
            if let Some(waker) = waker {
                waker.wake();
            }
            line = self.lock_line();
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.word.load(Relaxed) & CLOSED != 0
    }

    /// How many permits are free.
    pub(super) fn free(&self) -> u64 {
        Word(self.word.load(Relaxed)).permits()
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.lock_line().places.len()
    }

    /// Gives `permits`, which may be none, to those in line as far as they go, and wakes whoever has something now. `here` is the ticket of the
    /// caller if it waits itself. True if it has all that it asked for.
    #[cold]
    pub(super) fn hand_over<'a>(&'a self, mut line: MutexGuard<'a, Line>, mut permits: u64, here: Option<u64>) -> bool {
        let mut is_granted = false;
        loop {
            match self.serve(&mut line, permits, here) {
                Served::Granted(place, rest) => {
                    drop(line);
                    match place.waker {
                        _own if here == Some(place.ticket) => is_granted = true,
                        Some(waker) => waker.wake(),
                        None => {}
                    }
                    // If permits are given back from here on, `SERVE` has their giver look at the line.
                    if rest == 0 {
                        return is_granted;
                    }
                    permits = rest;
                }
                Served::Called(waker) => {
                    drop(line);
                    if let Some(waker) = waker {
                        waker.wake();
                    }
                    return is_granted;
                }
                Served::Nobody => return is_granted,
            }
            line = self.lock_line();
        }
    }

    /// Does one step for the first in line, with `permits` that are given back, which may be none. If it is `here`, it is not called but gets
    /// what is free.
    fn serve(&self, line: &mut Line, permits: u64, here: Option<u64>) -> Served {
        let mut word = self.word.load(Relaxed);
        loop {
            let (next, step) = self.plan(line, Word(word), permits, here);
            // Acquire and release: we may hand on permits that others gave back, and put back those of the caller. Who is granted some learns
            // it under the lock of the line.
            match self.word.compare_exchange_weak(word, next.0, AcqRel, Relaxed) {
                Ok(_) => return line.apply(step, here),
                Err(now) => word = now,
            }
        }
    }

    /// Returns what is to be done for the first in line, and the word for it.
    fn plan(&self, line: &Line, word: Word, permits: u64, here: Option<u64>) -> (Word, Step) {
        let free = word.permits() + permits;
        let Some(first) = line.places.front().filter(|_| word.0 & CLOSED == 0) else {
            return (Word::new(free, 0, word.0 & CLOSED), Step::Nothing);
        };
        let is_here = here == Some(first.ticket);
        let turns = if line.first == first.ticket { word.turns() } else { self.turns };
        // Only with turns left may others be faster.
        let is_next = turns == 0;
        if free >= first.missing && (is_here || is_next) {
            let rest = free - first.missing;
            if line.places.len() == 1 {
                return (Word::new(rest, 0, 0), Step::Grant(0));
            }
            // Not back into the word: somebody else could take what those behind wait for, while the first is woken.
            return (Word::new(0, 0, LINE | SERVE), Step::Grant(rest));
        }
        if is_next {
            return (Word::new(0, 0, LINE | SERVE), Step::Collect(free));
        }
        if is_here {
            // If it was called, it came in vain.
            let turns = if first.is_called { 0 } else { turns };
            return (Word::new(free, turns, LINE | SERVE), Step::Nothing);
        }
        let calls = free >= first.missing && !first.is_called;
        // Each time that others could be faster is a turn, also if the permits were free already when it became the first.
        let turns = turns - u64::from(permits > 0 || calls);
        let must_serve = turns == 0 || !(calls || first.is_called);
        let flags = if must_serve { LINE | SERVE } else { LINE };
        (Word::new(free, turns, flags), if calls { Step::Call } else { Step::Nothing })
    }

    /// Locks the line. In a forked child, those who wait in its parent are no longer in it: they would be handed what nobody here fetches.
    pub(super) fn lock_line(&self) -> MutexGuard<'_, Line> {
        let mut line = self.line.lock();
        if line.generation != fork_generation() && !line.places.is_empty() {
            self.leave_behind(&mut line);
        }
        line
    }

    #[cold]
    fn leave_behind(&self, line: &mut Line) {
        let collected = line.leave_behind();
        let mut word = self.word.load(Relaxed);
        loop {
            let next = Word::new(Word(word).permits() + collected, 0, word & CLOSED);
            // Acquire and release: as in `serve`.
            match self.word.compare_exchange_weak(word, next.0, AcqRel, Relaxed) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
    }

    /// Locks the line, with room for one more. The buffer that it had before is to be dropped when the lock is released.
    pub(super) fn lock_with_room(&self) -> (VecDeque<Place>, MutexGuard<'_, Line>) {
        // So that a child knows that it is one.
        watch_forks();
        let mut room = VecDeque::new();
        loop {
            let mut line = self.lock_line();
            let capacity = line.places.capacity();
            if line.places.len() < capacity {
                return (room, line);
            }
            if capacity < room.capacity() {
                room.append(&mut line.places);
                std::mem::swap(&mut room, &mut line.places);
                return (room, line);
            }
            drop(line);
            room = VecDeque::with_capacity((2 * capacity).max(4));
        }
    }
}
