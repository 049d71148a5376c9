//! Showing that a scenario passes again and again, on one thread and on several, in any order, and alone.

mod report;
mod run;
mod runner;

pub use report::{StabilityLevel, StabilityReport};
pub use run::Run;
pub use runner::Stability;

/// Repeats a scenario so many `runs` on each number of threads, prints a table, or panics with it if a run has failed.
///
/// ```
/// use logscope::testing::stability;
///
/// let counter = std::sync::atomic::AtomicU64::new(0);
/// # use std::sync::atomic::Ordering::Relaxed;
/// let report = stability(20, [1, 2, 4], |run| {
///     let by = run.random().below(100);
///     assert!(counter.fetch_add(by, Relaxed) < u64::MAX / 2);
/// });
/// assert_eq!(report.levels.len(), 3);
/// ```
///
/// ```text
/// threads   runs  passed      time  speed-up
///       1     20      20   201.3ms      1.00
///       2     20      20   102.1ms      1.97
///       4     20      20    54.0ms      3.73
/// ```
///
/// On 4 threads, four runs are under way at the same time, each in a context of its own, whose log is kept at TRACE. The speed-up is the time on the
/// first number of threads divided by that on this one. The random numbers of a run depend on the [seed](super::seed()), on its number and on the
/// name of the scenario: they are the same on any number of threads.
///
/// [`Stability`] does the same with several scenarios, which it shuffles, and runs alone.
///
/// # Panics
///
/// If a run panics: the message has the table, the text of the first panic, the seed and the log of that run. No further run begins then. A run that
/// hangs holds up the call, so give what waits inside a deadline.
#[track_caller]
pub fn stability(
    runs: usize,
    threads: impl IntoIterator<Item = usize>,
    scenario: impl Fn(&mut Run) + Sync,
) -> StabilityReport {
    Stability::new(runs).threads(threads).scenario("the scenario", scenario).run()
}
