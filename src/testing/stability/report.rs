//! The table.

use std::fmt;
use std::time::Duration;

/// Has what came of the runs on each number of threads; from [`stability`](super::stability()). Its text is the table.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StabilityReport {
    /// In the order in which they were run.
    pub levels: Vec<StabilityLevel>,
    /// The seed of all random choices.
    pub seed: u64,
}

/// Has what came of the runs on one number of threads.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct StabilityLevel {
    /// How many runs were under way at the same time.
    pub threads: usize,
    /// How many runs there were to be.
    pub runs: usize,
    /// How many have passed.
    pub passed: usize,
    /// How long all took together.
    pub time: Duration,
}

impl StabilityReport {
    /// Returns how many times as fast the runs were on the level with this index as on the first one.
    #[must_use]
    pub fn speed_up(&self, index: usize) -> Option<f64> {
        let (first, level) = (self.levels.first()?, self.levels.get(index)?);
        let is_whole = |level: &StabilityLevel| level.passed == level.runs && !level.time.is_zero();
        (is_whole(first) && is_whole(level)).then(|| first.time.as_secs_f64() / level.time.as_secs_f64())
    }
}

impl fmt::Display for StabilityReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "threads   runs  passed      time  speed-up")?;
        for (index, StabilityLevel { threads, runs, passed, time }) in self.levels.iter().enumerate() {
            let speed_up = self.speed_up(index).map_or_else(|| "-".to_owned(), |speed_up| format!("{speed_up:.2}"));
            let time = format!("{time:.1?}");
            write!(f, "\n{threads:>7}{runs:>7}{passed:>8}{time:>10}{speed_up:>10}")?;
        }
        Ok(())
    }
}
