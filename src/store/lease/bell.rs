//! Waking those threads of this process that wait for something.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use crate::process::ForkLocal;
use crate::sync::{PoisonError, StdCondvar, StdMutex};

/// A bell. Nobody misses that it rings: who waits says up to which ring it has looked.
#[derive(Debug)]
pub(super) struct Bell {
    rings: StdMutex<u64>,
    rung: StdCondvar,
}

impl Bell {
    pub(super) const fn new() -> Self {
        Bell { rings: StdMutex::new(0), rung: StdCondvar::new() }
    }

    /// Returns how often it has rung. Ask before you look for what you wait for.
    pub(super) fn rings(&self) -> u64 {
        *self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes all who wait. Call it after the change that they wait for.
    pub(super) fn ring(&self) {
        *self.rings.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.rung.notify_all();
    }

    /// Waits until it has rung more often than `seen`, or until the time is over.
    pub(super) fn wait(&self, seen: u64, at_most: Duration) {
        let rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.rung.wait_timeout_while(rings, at_most, |rings| *rings == seen);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

const BELLS: usize = 16;

/// They ring when this process releases a lease. Names share a bell, which wakes some in vain.
static RELEASES: ForkLocal<[Bell; BELLS]> =
    ForkLocal::new([const { Bell::new() }; BELLS], |_| [const { Bell::new() }; BELLS]);

/// Returns the bell that rings when this process releases a lease of this name.
pub(super) fn bell_of(name: &str) -> &'static Bell {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    &RELEASES.get()[usize::try_from(hasher.finish() % BELLS as u64).unwrap_or_default()]
}
