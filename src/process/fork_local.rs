//! A value of which each process has its own: what the lists and registries of the library lock.

use super::{fork_generation, watch_forks};
use crate::limits::FORK_GENERATIONS;
use crate::sync::OnceBox;

/// A value, usually a lock, of which each [fork generation](fork_generation) has its own.
///
/// A thread that only the parent has may have held the parent's lock at the fork. So a forked child never takes that lock: the first thread of
/// the child that needs the value makes a new one. `inherit` makes it from the parent's value, and must not wait for a lock of it: it tries
/// the lock, and begins with an empty list if another thread had it at the fork. Nothing of the parent's value is ever dropped in the child, unless
/// the child drops all of this: a thread of the parent may have been changing the value at the fork, so what it owns must be in `ManuallyDrop`
/// then.
///
/// A cell is set in one step, so a fork leaves none half written.
pub(crate) struct ForkLocal<T, const GENERATIONS: usize = FORK_GENERATIONS> {
    /// The value of the process that made this.
    first: T,
    /// The fork generation of that process.
    made_in: usize,
    inherit: fn(&T) -> T,
    /// The values of later generations, made in the first child. Those beyond the last share its value.
    later: OnceBox<Later<T, GENERATIONS>>,
}

/// The values of the generations after the first, for a [`ForkLocal`], or for what keeps its first value itself.
pub(crate) struct Later<T, const GENERATIONS: usize>([OnceBox<T>; GENERATIONS]);

impl<T> ForkLocal<T> {
    /// For a static.
    pub(crate) const fn new(first: T, inherit: fn(&T) -> T) -> Self {
        ForkLocal { first, made_in: 0, inherit, later: OnceBox::new() }
    }
}

impl<T, const GENERATIONS: usize> ForkLocal<T, GENERATIONS> {
    /// For a value that is made while the program runs.
    pub(crate) fn made_here(first: T, inherit: fn(&T) -> T) -> Self {
        watch_forks();
        ForkLocal { first, made_in: fork_generation(), inherit, later: OnceBox::new() }
    }

    /// True in a child that was forked off since this was made.
    #[cfg(feature = "lock")]
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

    /// Returns the value of this generation. Only tests ask for that of another process.
    #[inline]
    pub(crate) fn of(&self, generation: usize) -> &T {
        if generation == self.made_in { &self.first } else { self.of_child(generation - self.made_in) }
    }

    fn later(&self) -> &Later<T, GENERATIONS> {
        self.later.get_or_init(|| Box::new(Later::new()))
    }

    #[cold]
    fn of_child(&self, forks: usize) -> &T {
        self.later().of(forks, &self.first, self.inherit)
    }
}

impl<T, const GENERATIONS: usize> Later<T, GENERATIONS> {
    pub(crate) const fn new() -> Self {
        Later([const { OnceBox::new() }; GENERATIONS])
    }

    /// Returns the value of the process that is `forks` forks (one at least) away from that of `first`.
    pub(crate) fn of(&self, forks: usize, first: &T, inherit: fn(&T) -> T) -> &T {
        let index = forks.min(GENERATIONS) - 1;
        // If two threads make a value, one is used.
        self.0[index].get_or_init(|| {
            let parents = self.0[..index].iter().rev().find_map(OnceBox::get);
            Box::new(inherit(parents.unwrap_or(first)))
        })
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;

#[cfg(all(test, logscope_loom))]
mod loom_tests;
