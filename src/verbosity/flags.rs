//! What the flags `-v` and `-q` of a command line mean: the verbosity for a number of each.

use tracing::level_filters::LevelFilter;

use super::Verbosity;
use super::levels::{LEVELS, number};

impl Verbosity {
    /// Returns the verbosity for the number of `-q` and `-v` flags on a command line.
    ///
    /// ```
    /// use logscope::{LevelFilter, Verbosity};
    ///
    /// assert_eq!(Verbosity::from_flags(0, 0), Verbosity::default());
    /// assert_eq!(Verbosity::from_flags(0, 1), Verbosity::from(LevelFilter::DEBUG)); // -v
    /// assert_eq!(Verbosity::from_flags(1, 0), Verbosity::from(LevelFilter::WARN)); // -q
    /// assert_eq!(Verbosity::from_flags(9, 0), Verbosity::from(LevelFilter::OFF));
    /// ```
    ///
    /// Without flags it is INFO. Each `-q` lowers it by one level, down to OFF, and each `-v` raises it by one, up to TRACE.
    #[must_use]
    pub fn from_flags(quiet: u8, verbose: u8) -> Self {
        let info = usize::from(number(LevelFilter::INFO));
        let number = (info + usize::from(verbose)).saturating_sub(usize::from(quiet));
        LEVELS[number.min(LEVELS.len() - 1)].into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_move_from_info_and_stop_at_the_ends() {
        let levels =
            |flags: [(u8, u8); 6]| flags.map(|(quiet, verbose)| Verbosity::from_flags(quiet, verbose).max_level());
        assert_eq!(levels([(3, 0), (2, 0), (1, 0), (0, 0), (0, 1), (0, 2)]), LEVELS);
        assert_eq!(levels([(4, 0), (255, 253), (4, 3), (255, 255), (2, 3), (0, 255)]), LEVELS);
    }
}
