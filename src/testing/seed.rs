//! The seed of every random choice of the harness.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};

use crate::sync::{AtomicU64, OnceLock, Ordering, thread};

/// The environment variable that sets the seed.
pub(crate) const VARIABLE: &str = "LOGSCOPE_TEST_SEED";

/// Returns the seed of every random choice that the harness makes in this process.
///
/// It is another one in each run, unless the environment variable `LOGSCOPE_TEST_SEED` sets it, as a decimal number or one like `0x2a`. A failure of
/// [`stability`](super::stability()), and a [`Random`] that is dropped by a panic, print it in the form in which it can be set.
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
    static SEED: OnceLock<Result<u64, String>> = OnceLock::new();
    let seed = SEED.get_or_init(|| match std::env::var(VARIABLE) {
        Ok(text) => parse(&text).ok_or(text),
        // Each `RandomState` has keys of its own, which the system has made.
        Err(_) => Ok(RandomState::new().hash_one(0)),
    });
    match seed {
        Ok(seed) => *seed,
        Err(text) => {
            panic!("{VARIABLE} is {text:?}, which is no number: set it to one like 42 or 0x2a, as a failure prints it")
        }
    }
}

fn parse(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
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
    // FNV-1a: the same in every process, which the hashers of std need not be.
    Random::of(seed() ^ hash(thread::current().name().unwrap_or_default()))
}

/// FNV-1a: the same in every process, which the hashers of std need not be.
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Returns a generator of numbers that depend on the seed and on how often this was called in this process, so that the threads of one test differ.
pub(crate) fn random_of_process() -> Random {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    Random::of(seed() ^ COUNT.fetch_add(1, Ordering::Relaxed).wrapping_mul(0xBF58_476D_1CE4_E5B9))
}

/// Gives random numbers from the [seed](seed()) of the tests; from [`random`]. If a panic drops it, it prints the seed.
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
        f.debug_struct("Random").field("seed", &format_args!("{:#x}", seed())).finish_non_exhaustive()
    }
}

impl Drop for Random {
    fn drop(&mut self) {
        if thread::panicking() {
            super::told::tell(format_args!("random numbers were used: {VARIABLE}={:#x}", seed()));
        }
    }
}

/// Returns a number that no other call in this process returns, and that is about as different in other processes as chance has it.
pub(crate) fn unique() -> u64 {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    static START: OnceLock<u64> = OnceLock::new();
    let start = START.get_or_init(|| RandomState::new().hash_one(std::process::id()));
    start.wrapping_add(COUNT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(all(test, not(logscope_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_read_as_it_is_printed() {
        assert_eq!(parse("42"), Some(42));
        assert_eq!(parse(&format!("{:#x}", u64::MAX)), Some(u64::MAX));
        assert_eq!((parse("many"), parse("0xno"), parse("")), (None, None, None));
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
