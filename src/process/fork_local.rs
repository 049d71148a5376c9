//! A value of which each process has its own: what the lists and registries of the library lock.

use super::{fork_generation, watch_forks};
use crate::limits::FORK_GENERATIONS;
use crate::sync::OnceLock;

/// A value, usually a lock, of which each [fork generation](fork_generation) has its own.
///
/// A thread that only the parent has may have held the parent's lock at the fork. So a forked child never takes that lock: the first thread of
/// the child that needs the value makes a new one. `inherit` makes it from the parent's value, and must not wait for a lock of it: it tries
/// the lock, and begins with an empty list if another thread had it at the fork. Nothing of the parent's value is ever dropped in the child.
///
/// The cells of a generation are written by processes of that generation only. So a fork cannot leave the cell of its child's generation half
/// written.
pub(crate) struct ForkLocal<T, const GENERATIONS: usize = FORK_GENERATIONS> {
    /// The value of the process that made this.
    first: T,
    /// The fork generation of that process.
    made_in: usize,
    inherit: fn(&T) -> T,
    /// The values of later generations. Those beyond the last share its value.
    later: [OnceLock<Box<T>>; GENERATIONS],
}

impl<T> ForkLocal<T> {
    /// For a static.
    pub(crate) const fn new(first: T, inherit: fn(&T) -> T) -> Self {
        ForkLocal { first, made_in: 0, inherit, later: [const { OnceLock::new() }; FORK_GENERATIONS] }
    }
}

impl<T, const GENERATIONS: usize> ForkLocal<T, GENERATIONS> {
    /// For a value that is made while the program runs.
    pub(crate) fn made_here(first: T, inherit: fn(&T) -> T) -> Self {
        watch_forks();
        ForkLocal { first, made_in: fork_generation(), inherit, later: [const { OnceLock::new() }; GENERATIONS] }
    }

    /// True in a child that was forked off since this was made.
    pub(crate) fn is_inherited(&self) -> bool {
        self.made_in != fork_generation()
    }

    /// Returns the value of this process, if this is [`made_here`](ForkLocal::made_here).
    #[inline]
    pub(crate) fn get_made(&self) -> &T {
        self.of(fork_generation())
    }

    /// Returns the value of this process.
    #[inline]
    pub(crate) fn get(&self) -> &T {
        // Before anybody can hold a lock of ours, so that a child knows that it is one.
        watch_forks();
        self.of(fork_generation())
    }

    /// Returns the value of this generation.
    #[inline]
    fn of(&self, generation: usize) -> &T {
        if generation == self.made_in {
            &self.first
        } else {
            self.of_child((generation - self.made_in).min(GENERATIONS) - 1)
        }
    }

    #[cold]
    fn of_child(&self, index: usize) -> &T {
        let cell = &self.later[index];
        if let Some(value) = cell.get() {
            return value;
        }
        let parents = self.later[..index].iter().rev().find_map(OnceLock::get);
        // Made before, so that the cell is being written for a moment only. If two threads make a value, one is used.
        let value = Box::new((self.inherit)(parents.map_or(&self.first, |value| value)));
        cell.get_or_init(|| value)
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;

#[cfg(all(test, logscope_loom))]
mod loom_tests;
