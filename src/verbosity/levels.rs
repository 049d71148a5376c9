//! The levels as numbers from 0 (off) to 5 (trace), as a list of directives and the hint of a dial write them.

use tracing::level_filters::LevelFilter;

/// The levels, each at the index that is its number.
pub(crate) const LEVELS: [LevelFilter; 6] = [
    LevelFilter::OFF,
    LevelFilter::ERROR,
    LevelFilter::WARN,
    LevelFilter::INFO,
    LevelFilter::DEBUG,
    LevelFilter::TRACE,
];

/// The number of `level`: its index in [`LEVELS`].
#[inline]
pub(super) fn number(level: LevelFilter) -> u8 {
    match level {
        LevelFilter::OFF => 0,
        LevelFilter::ERROR => 1,
        LevelFilter::WARN => 2,
        LevelFilter::INFO => 3,
        LevelFilter::DEBUG => 4,
        LevelFilter::TRACE => 5,
    }
}
