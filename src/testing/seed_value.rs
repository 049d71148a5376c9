//! The seed, and when a failure tells it.

use std::cell::Cell;
use std::hash::{BuildHasher as _, RandomState};

use crate::sync::{AtomicU64, OnceLock, Ordering};

/// The environment variable that sets the seed.
pub(crate) const VARIABLE: &str = "LOGSCOPE_TEST_SEED";

/// How often the seed was asked for in this process. Relaxed everywhere: a failure need tell only of what came before it in an order that the test
/// itself has made.
static ASKED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// `ASKED` when a failure on this thread has told the seed last.
    static TOLD: Cell<u64> = const { Cell::new(0) };
}

/// Returns the seed for who tells it himself, or needs no failure to tell it.
#[track_caller]
pub(crate) fn value() -> u64 {
    match try_value() {
        Ok(seed) => *seed,
        Err(text) => {
            panic!("{VARIABLE} is {text:?}, which is no number: set it to one like 42 or 0x2a, as a failure prints it")
        }
    }
}

/// Returns the seed, or what the variable has in its place.
fn try_value() -> &'static Result<u64, String> {
    static SEED: OnceLock<Result<u64, String>> = OnceLock::new();
    SEED.get_or_init(|| match std::env::var(VARIABLE) {
        Ok(text) => parse(&text).ok_or(text),
        // Each `RandomState` has keys of its own, which the system has made.
        Err(_) => Ok(RandomState::new().hash_one(0)),
    })
}

fn parse(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// FNV-1a: the same in every process, which the hashers of std need not be.
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Has failures from now on tell the seed.
pub(super) fn note_asked() {
    ASKED.fetch_add(1, Ordering::Relaxed);
}

/// Returns what a failure on this thread tells of the seed: nothing if nobody has asked for it since the last one.
pub(super) fn text_of_failure() -> String {
    let asked = ASKED.load(Ordering::Relaxed);
    if TOLD.try_with(|told| told.replace(asked)).unwrap_or(asked) == asked {
        return String::new();
    }
    match try_value() {
        Ok(seed) => format!("logscope::testing: random choices were made; {VARIABLE}={seed:#x} makes them again\n"),
        // The failure is about the seed itself.
        Err(_) => String::new(),
    }
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
}
