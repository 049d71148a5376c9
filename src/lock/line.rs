//! The line of those who wait at a gate. Knows nothing of the gate, whose lock guards it.

use std::collections::VecDeque;
use std::mem::{self, ManuallyDrop};

use super::foreign::ForeignWaker;

/// Those who wait, in the order of their tickets.
pub(super) struct Line {
    pub(super) places: VecDeque<Place>,
    pub(super) next_ticket: u64,
    /// The first in line, to whom the turns in the word belong.
    pub(super) first: u64,
    /// The fork generation of the process in which they wait.
    pub(super) generation: usize,
    /// Those who waited when this process was forked off, and wait in its parent. Their wakers are the parent's: they are not even dropped here.
    left_behind: ManuallyDrop<VecDeque<Place>>,
}

/// A place in line.
pub(super) struct Place {
    pub(super) ticket: u64,
    /// How many permits are missing: all that are asked for, or fewer if some were collected.
    pub(super) missing: u64,
    pub(super) collected: u64,
    /// Woken to fetch what is free, and not here since.
    pub(super) is_called: bool,
    /// None once woken.
    pub(super) waker: Option<ForeignWaker>,
}

/// What `Gate::serve` did for the first in line.
pub(super) enum Served {
    /// Gave it all that it needs, and took it out of the line. So many permits are left for those behind, and belong to the caller until then.
    Granted(Place, u64),
    /// Called it to fetch what is free.
    Called(Option<ForeignWaker>),
    /// Neither: nobody waits, too few permits are free, or it was called before.
    Nobody,
}

/// What is to be done for the first in line.
pub(super) enum Step {
    /// Leaves so many to the caller.
    Grant(u64),
    Collect(u64),
    Call,
    Nothing,
}

impl Line {
    pub(super) const EMPTY: Line = Line {
        places: VecDeque::new(),
        next_ticket: 0,
        first: u64::MAX,
        generation: 0,
        left_behind: ManuallyDrop::new(VecDeque::new()),
    };

    /// Takes all out of the line, because they wait in the parent of this process. Returns how many permits they have collected.
    pub(super) fn leave_behind(&mut self) -> u64 {
        let collected = self.places.iter().map(|place| place.collected).sum();
        if self.left_behind.is_empty() {
            mem::swap(&mut *self.left_behind, &mut self.places);
        } else {
            // The child of a child.
            self.left_behind.append(&mut self.places);
        }
        collected
    }

    /// True if the ticket had a place at the fork, so it was not granted anything by then.
    pub(super) fn has_left_behind(&self, ticket: u64) -> bool {
        self.left_behind.binary_search_by_key(&ticket, |place| place.ticket).is_ok()
    }

    pub(super) fn apply(&mut self, step: Step, here: Option<u64>) -> Served {
        if let Step::Grant(rest) = step {
            return self.places.pop_front().map_or(Served::Nobody, |place| Served::Granted(place, rest));
        }
        let Some(first) = self.places.front_mut() else {
            return Served::Nobody;
        };
        self.first = first.ticket;
        first.is_called &= here != Some(first.ticket);
        match step {
            Step::Collect(permits) => {
                first.missing -= permits;
                first.collected += permits;
                Served::Nobody
            }
            Step::Call => {
                first.is_called = true;
                Served::Called(first.waker.take())
            }
            Step::Grant(_) | Step::Nothing => Served::Nobody,
        }
    }

    /// Where in `places` the ticket is, or where it belongs.
    pub(super) fn find(&self, ticket: u64) -> Result<usize, usize> {
        self.places.binary_search_by_key(&ticket, |place| place.ticket)
    }
}
