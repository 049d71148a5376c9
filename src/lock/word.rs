//! The one word of a gate: its free permits, the turns that the first in line has left, and three flags.
//!
//! | bits | what | |
//! |---|---|---|
//! | 16 to 63 | free permits | |
//! | 3 to 15 | turns left | zero while nobody waits |
//! | 2 | [`SERVE`] | who gives a permit back must look at the line: the first in it has not been called, or has no turns left |
//! | 1 | [`LINE`] | somebody waits |
//! | 0 | [`CLOSED`] | no permit can be taken any more |

pub(super) const CLOSED: u64 = 1;
pub(super) const LINE: u64 = 1 << 1;
pub(super) const SERVE: u64 = 1 << 2;
pub(super) const TURN: u64 = 1 << 3;
pub(super) const PERMIT: u64 = 1 << 16;

/// The most permits of a gate.
pub(super) const MAX_PERMITS: u64 = u64::MAX / PERMIT;
/// The most turns of a gate.
pub(super) const MAX_TURNS: u64 = PERMIT / TURN - 1;

/// The word, taken apart.
#[derive(Clone, Copy)]
pub(super) struct Word(pub(super) u64);

impl Word {
    pub(super) fn new(permits: u64, turns: u64, flags: u64) -> Word {
        Word(permits * PERMIT + turns * TURN + flags)
    }

    pub(super) fn permits(self) -> u64 {
        self.0 / PERMIT
    }

    pub(super) fn turns(self) -> u64 {
        self.0 % PERMIT / TURN
    }
}
