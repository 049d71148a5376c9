//! Somebody who waits at a gate: a thread or a task, which is all one here.

use std::mem;
use std::task::Waker;

use super::foreign::ForeignWaker;
use super::gate::{Closed, Gate};
use super::line::{Line, Place};
use crate::process::fork_generation;
use crate::sync::model::MutexGuard;

/// Somebody who waits at a gate. Dropping it [gives up](Waiter::give_up).
pub(super) struct Waiter<'a> {
    gate: &'a Gate,
    permits: u64,
    /// None before it gets in line. It is kept when it leaves, so that it can come back to the same place.
    ticket: Option<u64>,
    is_in_line: bool,
}

/// What came of [`Waiter::step_out`].
pub(super) enum StepOut {
    /// It had been granted the permits, and so has them now.
    IsGranted,
    /// It is out of the line, and comes back when it asks.
    IsOut,
    Stays,
}

impl<'a> Waiter<'a> {
    pub(super) fn new(gate: &'a Gate, permits: u64) -> Self {
        Waiter { gate, permits, ticket: None, is_in_line: false }
    }

    /// True if it has the permits now. If not, it is in line, and `waker` is woken when it is worth asking again.
    pub(super) fn ask(&mut self, waker: Waker) -> Result<bool, Closed> {
        let (mut waker, mut permits) = (Some(ForeignWaker::new(waker)), 0);
        // Declared before the lock, so that both are dropped after it is released.
        let (_room, mut line) = self.gate.lock_with_room();
        self.forget_the_place_of_a_parent(&line);
        let ticket = self.ticket.unwrap_or(line.next_ticket);
        match line.find(ticket) {
            Err(_) if self.is_in_line => {
                // The place is gone: it was granted.
                self.is_in_line = false;
                return Ok(true);
            }
            Err(_) if self.gate.is_closed() => return Err(Closed),
            Err(index) => {
                line.next_ticket = line.next_ticket.max(ticket + 1);
                line.generation = fork_generation();
                let waker = waker.take();
                let place = Place { ticket, missing: self.permits, collected: 0, is_called: false, waker };
                line.places.insert(index, place);
                (self.ticket, self.is_in_line) = (Some(ticket), true);
                // It is back. Only the first in line may have collected permits.
                if let Some(was_first) = line.places.get_mut(1).filter(|_| index == 0) {
                    permits = mem::take(&mut was_first.collected);
                    was_first.missing += permits;
                }
            }
            Ok(index) if self.gate.is_closed() => {
                self.leave_from(line, index);
                return Err(Closed);
            }
            Ok(index) => {
                let place = &mut line.places[index];
                mem::swap(&mut place.waker, &mut waker);
                // It was first when it was called, and somebody came back to a place before it.
                place.is_called &= index == 0;
            }
        }
        let is_granted = self.gate.hand_over(line, permits, Some(ticket));
        self.is_in_line = !is_granted;
        Ok(is_granted)
    }

    /// Leaves the line. True if it had been granted the permits, and so has them now.
    pub(super) fn leave(&mut self) -> bool {
        matches!(self.leave_unless(|_| false), StepOut::IsGranted)
    }

    /// Leaves the line for a while, unless that would cost it permits that it has collected: they would go to those behind it.
    pub(super) fn step_out(&mut self) -> StepOut {
        self.leave_unless(|place| place.collected > 0)
    }

    fn leave_unless(&mut self, stays: impl FnOnce(&Place) -> bool) -> StepOut {
        if !self.is_in_line {
            return StepOut::IsOut;
        }
        let line = self.gate.lock_line();
        self.forget_the_place_of_a_parent(&line);
        let Some(ticket) = self.ticket.filter(|_| self.is_in_line) else {
            return StepOut::IsOut;
        };
        match line.find(ticket) {
            Ok(index) if stays(&line.places[index]) => StepOut::Stays,
            Ok(index) => {
                self.leave_from(line, index);
                StepOut::IsOut
            }
            Err(_) => {
                self.is_in_line = false;
                StepOut::IsGranted
            }
        }
    }

    /// Leaves the line, and gives back what it was granted and has not fetched.
    pub(super) fn give_up(&mut self) {
        if self.leave() {
            self.gate.give_back(self.permits);
        }
    }

    /// In a forked child: it may have been in line in the parent, when it had not been granted anything. Here it gets in line anew.
    fn forget_the_place_of_a_parent(&mut self, line: &Line) {
        if self.is_in_line && self.ticket.is_some_and(|ticket| line.has_left_behind(ticket)) {
            (self.ticket, self.is_in_line) = (None, false);
        }
    }

    /// Leaves its place in line. What it collected goes to those behind it, and so does a call that it has not followed.
    fn leave_from(&mut self, mut line: MutexGuard<'a, Line>, index: usize) {
        let place = line.places.remove(index);
        self.is_in_line = false;
        let collected = place.as_ref().map_or(0, |place| place.collected);
        self.gate.hand_over(line, collected, None);
        drop(place);
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.give_up();
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;

#[cfg(all(test, logscope_loom))]
mod loom_tests;
