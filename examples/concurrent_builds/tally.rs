//! The lines of a build, counted without logscope: the other half of the proof.
//!
//! The macro [`say!`] counts each event in [`Tally::count`] before it goes to `tracing`. It adds two fields, which come by value from the
//! build itself and not from any context: the build's `token`, and `since_us`, the microseconds since the build began. What a child prints is
//! counted too, and logged inside a span with these fields. The lines that are read back from a log must agree with both, and with the counts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use logscope::{Level, LevelFilter};

/// The counts of one build.
#[derive(Debug)]
pub(crate) struct Tally {
    token: String,
    start: Instant,
    /// By level, ERROR first.
    said: [Said; 5],
}

/// A number of lines, and a digest of them that does not depend on their order.
#[derive(Debug, Default)]
struct Said {
    lines: AtomicU64,
    digest: AtomicU64,
}

/// The lines that a log should have.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Expected {
    pub(crate) lines: u64,
    pub(crate) digest: u64,
}

impl Tally {
    pub(crate) fn new(name: &str, start: Instant) -> Self {
        Tally { token: format!("{:016x}", fnv1a([name.as_bytes()])), start, said: Default::default() }
    }

    /// Counts a line and returns its two fields: the token and the time.
    pub(crate) fn count(&self, level: Level, message: &str) -> (&str, u64) {
        let said = &self.said[number(level)];
        // Relaxed: the counts are read after the threads and tasks that count have been joined.
        said.lines.fetch_add(1, Ordering::Relaxed);
        said.digest.fetch_add(digest(level, message), Ordering::Relaxed);
        self.now()
    }

    /// Returns the two fields.
    pub(crate) fn now(&self) -> (&str, u64) {
        (&self.token, u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Returns the lines up to `verbosity`.
    pub(crate) fn up_to(&self, verbosity: LevelFilter) -> Expected {
        LEVELS.iter().zip(&self.said).filter(|(level, _)| **level <= verbosity).fold(
            Expected::default(),
            |sum, (_, said)| Expected {
                lines: sum.lines + said.lines.load(Ordering::Relaxed),
                digest: sum.digest.wrapping_add(said.digest.load(Ordering::Relaxed)),
            },
        )
    }
}

const LEVELS: [Level; 5] = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];

fn number(level: Level) -> usize {
    LEVELS.iter().position(|known| *known == level).unwrap_or(LEVELS.len() - 1)
}

/// The digest of one line. Digests of several lines are added up, wrapping.
pub(crate) fn digest(level: Level, message: &str) -> u64 {
    fnv1a([level.as_str().as_bytes(), message.as_bytes()])
}

/// FNV-1a, 64 bits, with a zero byte after each part.
fn fnv1a<const N: usize>(parts: [&[u8]; N]) -> u64 {
    let bytes = parts.into_iter().flat_map(|part| part.iter().chain(&[0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A `tracing` event that is counted: `say!(build, INFO, { build = "detail", }, "{} crates", n)`.
macro_rules! say {
    ($build:expr, $level:ident, { $($fields:tt)* }, $($message:tt)+) => {{
        let message = format!($($message)+);
        let (token, since_us) = $build.tally.count(logscope::Level::$level, &message);
        tracing::event!(logscope::Level::$level, token, since_us, $($fields)* "{message}");
    }};
}

pub(crate) use say;
