//! The seed of every random choice of the harness.

use std::cell::Cell;
use std::fmt;

use super::panics;
use super::seed_value::{hash, note_asked, value};
use crate::sync::thread;

thread_local! {
    /// How many choices this thread has made.
    static CHOICES: Cell<u64> = const { Cell::new(0) };
}

/// Returns the seed of every random choice that the harness makes in this process.
///
/// It is another one in each run, unless the environment variable `LOGSCOPE_TEST_SEED` sets it, as a decimal number or one like `0x2a`. Once it was
/// used or asked for, each failure prints it in the form in which it can be set: one by a panic, and that of a captured test that returns an error.
///
/// The choices are [`random`] numbers, those of a [`stability`](super::stability()) run, the length of a pause, and the port that is tried first. The
/// last two depend on the seed, on the name of the thread, and on how many such the thread has made before. (The names of folders are no choices: one
/// that is gone does not come again.)
///
/// ```
/// println!("LOGSCOPE_TEST_SEED={:#x}", logscope::testing::seed());
/// ```
///
/// # Panics
///
/// If `LOGSCOPE_TEST_SEED` is set to something that is no number.
#[must_use]
#[track_caller]
pub fn seed() -> u64 {
    note_asked();
    panics::watch();
    value()
}

/// Returns a generator of random numbers, which depend on the [seed](seed()), on the name of this thread, and so of the test, and on nothing else.
///
/// ```
/// use logscope::testing::random;
///
/// let mut random = random();
/// assert!(random.below(6) < 6);
/// ```
///
/// Every generator of one thread gives the same numbers: make one for each test.
#[must_use]
#[track_caller]
pub fn random() -> Random {
    Random::of(seed() ^ hash(thread::current().name().unwrap_or_default()))
}

/// Returns the number for the next choice that the harness makes on this thread.
#[track_caller]
pub(crate) fn choose() -> Random {
    let choices = CHOICES.try_with(|choices| choices.replace(choices.get().wrapping_add(1))).unwrap_or_default();
    Random::of(random().state ^ choices.wrapping_mul(0xBF58_476D_1CE4_E5B9))
}

/// Gives random numbers from the [seed](seed()) of the tests; from [`random`].
///
/// The numbers are those of SplitMix64: good for tests, and for no secrets.
pub struct Random {
    state: u64,
}

impl Random {
    /// Makes a generator of numbers that depend on `state` only.
    pub(crate) fn of(state: u64) -> Self {
        Random { state }
    }

    /// Returns a number of 64 random bits.
    #[expect(clippy::should_implement_trait, reason = "it is no iterator: it never ends")]
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `end`, or zero if `end` is zero.
    pub fn below(&mut self, end: u64) -> u64 {
        // The upper half of the product: each number below `end`, to 64 bits as often as any other.
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }

    /// Puts `items` into a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last as u64 + 1) as usize;
            items.swap(last, other);
        }
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Random").field("seed", &format_args!("{:#x}", value())).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_choices_of_a_thread_come_again_whatever_other_threads_choose() {
        let choices = || (0..100).map(|_| choose().next()).collect::<Vec<_>>();
        let on_thread =
            |name: &str| thread::Builder::new().name(name.to_owned()).spawn(choices).unwrap().join().unwrap();
        let (first, other, again) = (on_thread("chooses"), on_thread("chooses, too"), on_thread("chooses"));
        assert_eq!(first, again);
        assert_ne!(first, other);
        let different: std::collections::BTreeSet<_> = first.iter().collect();
        assert_eq!(different.len(), first.len(), "each choice of a thread is another");
    }

    #[test]
    fn the_same_state_gives_the_same_numbers_and_they_are_spread() {
        let draw = |state| {
            let mut random = Random::of(state);
            (0..1_000).map(|_| random.below(10)).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        for number in 0..10 {
            let count = draw(3).iter().filter(|drawn| **drawn == number).count();
            assert!((50..150).contains(&count), "{number} came {count} times in 1,000");
        }
        assert_eq!(Random::of(1).below(0), 0);
    }

    #[test]
    fn a_shuffle_keeps_the_items_and_changes_their_order() {
        let mut items: Vec<u32> = (0..50).collect();
        Random::of(7).shuffle(&mut items);
        assert!(!items.is_sorted());
        items.sort_unstable();
        assert!(items.into_iter().eq(0..50));
    }
}
