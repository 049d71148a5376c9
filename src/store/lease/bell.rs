//! Waking those threads of this process that wait for something.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::{Duration, Instant};

use crate::process::ForkLocal;
use crate::sync::OnceLock;
use crate::sync::model::{Condvar, Mutex};

/// A bell. Nobody misses that it rings: who waits says up to which ring it has looked.
#[derive(Debug)]
pub(super) struct Bell {
    rings: Mutex<u64>,
    rung: Condvar,
}

impl Bell {
    pub(super) fn new() -> Self {
        Bell { rings: Mutex::new(0), rung: Condvar::new() }
    }

    /// Returns how often it has rung. Ask before you look for what you wait for.
    pub(super) fn rings(&self) -> u64 {
        *self.rings.lock()
    }

    /// Wakes all who wait. Call it after the change that they wait for.
    pub(super) fn ring(&self) {
        *self.rings.lock() += 1;
        self.rung.notify_all();
    }

    /// Waits until it has rung more often than `seen`, or until the time is over.
    pub(super) fn wait(&self, seen: u64, at_most: Duration) {
        let deadline = Instant::now().checked_add(at_most);
        let mut rings = self.rings.lock();
        let mut is_over = false;
        while *rings == seen && !is_over {
            (rings, is_over) = self.rung.wait_until(rings, deadline);
        }
    }
}

const BELLS: usize = 16;

/// They ring when this process releases a lease. Names share a bell, which wakes some in vain. A forked child has its own: a thread of the parent may
/// hold the lock of one.
static RELEASES: ForkLocal<OnceLock<[Bell; BELLS]>> = ForkLocal::new(OnceLock::new(), |_| OnceLock::new());

/// Returns the bell that rings when this process releases a lease of this name.
pub(super) fn bell_of(name: &str) -> &'static Bell {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let index = usize::try_from(hasher.finish() % BELLS as u64).unwrap_or_default();
    &RELEASES.get().get_or_init(|| std::array::from_fn(|_| Bell::new()))[index]
}

#[cfg(all(test, logscope_loom))]
mod loom_tests;
