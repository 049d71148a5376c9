//! Running scenarios alone, together and shuffled.

use std::fmt::{self, Write as _};
use std::time::Instant;

use super::report::{StabilityLevel, StabilityReport};
use super::run::{Failure, Run, Scenario, play};
use crate::sync::{AtomicUsize, Mutex, Ordering};
use crate::testing::child::{Child, in_child};
use crate::testing::init::try_init;
use crate::testing::seed_value::{VARIABLE, value};
use crate::testing::sync::run_together;
use crate::testing::told::print;

/// Repeats scenarios on several numbers of threads, shuffles them, and runs each alone: which shows those that depend on one another.
///
/// ```
/// use logscope::testing::Stability;
///
/// let report = Stability::new(10)
///     .threads([1, 2])
///     .scenario("a log is written", |_| { /* … */ })
///     .scenario("a log is read back", |_| { /* … */ })
///     .shuffled(true)
///     .run();
/// assert!(report.levels.iter().all(|level| level.passed == 10));
/// ```
///
/// In a test, `.alone(child)` has each scenario first run in a process of its own, where nothing ran before it, with the random numbers of run 0:
///
/// | alone | among others | what that shows |
/// |---|---|---|
/// | passes | passes, in any order | nothing: it is stable |
/// | passes | fails after some others | it depends on what they leave behind |
/// | fails | | it needs what others leave behind, or fails always |
#[must_use = "this runs nothing: call `run`"]
pub struct Stability<'a> {
    runs: usize,
    threads: Vec<usize>,
    scenarios: Vec<Scenario<'a>>,
    is_shuffled: bool,
    alone: Option<Box<dyn Fn() -> Child + Sync + 'a>>,
}

impl<'a> Stability<'a> {
    /// Makes so many runs on each number of threads: 1, 2 and 4 unless set.
    pub fn new(runs: usize) -> Self {
        Stability { runs, threads: vec![1, 2, 4], scenarios: Vec::new(), is_shuffled: false, alone: None }
    }

    /// Sets the numbers of threads: on so many, so many runs are under way at the same time.
    pub fn threads(self, threads: impl IntoIterator<Item = usize>) -> Self {
        Stability { threads: threads.into_iter().map(|threads| threads.max(1)).collect(), ..self }
    }

    /// Adds a scenario. A run plays all of them, one after the other.
    pub fn scenario(mut self, name: impl Into<String>, play: impl Fn(&mut Run) + Sync + 'a) -> Self {
        self.scenarios.push(Scenario { name: name.into(), play: Box::new(play) });
        self
    }

    /// Plays the scenarios in another order in each run, if `is_shuffled`. The orders depend on the [seed](crate::testing::seed()).
    pub fn shuffled(self, is_shuffled: bool) -> Self {
        Stability { is_shuffled, ..self }
    }

    /// Runs each scenario once in a process of its own, before all else: `.alone(child)`, or with options, as
    /// `.alone(|| child().env("TZ", "UTC"))`.
    ///
    /// The process runs the same test from its beginning to [`run`](Stability::run): see [`child`](crate::testing::child()).
    pub fn alone(self, child: impl Fn() -> Child + Sync + 'a) -> Self {
        Stability { alone: Some(Box::new(child)), ..self }
    }

    /// Runs everything, prints the table to stdout if all pass, and returns it.
    ///
    /// # Panics
    ///
    /// If a scenario panics: the message has the table, the text of the first panic, the order of the scenarios before it, the seed and the log of
    /// that run.
    #[track_caller]
    pub fn run(self) -> StabilityReport {
        // The log of a run is kept also in a test that does not install logscope. What is installed already can do that, or not.
        let _ = try_init();
        self.run_alone();
        let mut report = StabilityReport { levels: Vec::new(), seed: value() };
        for threads in &self.threads {
            let (level, failed) = self.run_level(*threads);
            report.levels.push(level);
            if let Some((number, failure)) = failed {
                panic!("{}", self.explain(number, *threads, &failure, &report));
            }
        }
        print(format_args!("{report}"));
        report
    }

    #[track_caller]
    fn run_alone(&self) {
        let Some(child) = &self.alone else { return };
        let role = |scenario: &Scenario<'_>| format!("alone: {}", scenario.name);
        for scenario in &self.scenarios {
            in_child(&role(scenario), |_| {
                play(&mut Run::new(0, 1), [scenario]).map_err(|failure| format!("{}\n{}", failure.message, failure.log))
            });
        }
        let seed = format!("{:#x}", value());
        for scenario in &self.scenarios {
            let ended = child().env(VARIABLE, &seed).role(role(scenario)).start().wait_for_any_end();
            let Some(report) = &ended.report else { panic!("{:?} was not run alone\n{}", scenario.name, ended.stderr) };
            assert!(
                ended.status.success(),
                "{:?} fails alone, in a process where nothing ran before it: {report}\n{VARIABLE}={seed}",
                scenario.name
            );
        }
    }

    /// Runs on so many threads. Returns the first run that has failed, by its number.
    fn run_level(&self, threads: usize) -> (StabilityLevel, Option<(usize, Failure)>) {
        let (next, passed, failed) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(None));
        let start = Instant::now();
        run_together(threads, |_| {
            // Relaxed: the numbers order nothing. The threads are joined before the results are read.
            while failed.lock().is_none() {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= self.runs {
                    return;
                }
                match self.run_once(number, threads) {
                    Ok(()) => {
                        passed.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(failure) => {
                        failed.lock().get_or_insert((number, failure));
                    }
                }
            }
        });
        let level = StabilityLevel { threads, runs: self.runs, passed: passed.into_inner(), time: start.elapsed() };
        (level, failed.into_inner())
    }

    fn run_once(&self, number: usize, threads: usize) -> Result<(), Failure> {
        let mut run = Run::new(number, threads);
        let mut order: Vec<&Scenario<'_>> = self.scenarios.iter().collect();
        if self.is_shuffled {
            run.random().shuffle(&mut order);
        }
        play(&mut run, order)
    }

    fn explain(&self, number: usize, threads: usize, failure: &Failure, report: &StabilityReport) -> String {
        let Failure { order, message, log } = failure;
        let mut text = String::new();
        let on = if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") };
        let name = order.last().map_or("", |name| name);
        let _ = write!(text, "{name:?} has failed in run {number}, on {on}: {message}");
        if let [before @ .., _] = &order[..]
            && !before.is_empty()
        {
            let passes = match (&self.alone, number) {
                (None, _) => "",
                (_, 0) => ". It passes alone, with the same random numbers: it may depend on them",
                _ => ". It passes alone, with the random numbers of run 0: it may depend on them",
            };
            let _ = write!(text, "\nbefore it in this run: {before:?}{passes}");
        } else if self.alone.is_some() && number > 0 {
            text.push_str("\nnothing was before it in this run, and it passes in a process of its own, with the random numbers of run 0: it may \
                           depend on earlier runs, or on its random numbers");
        }
        let _ = write!(text, "\n{VARIABLE}={:#x}\n{report}\nits log:", report.seed);
        text.push_str(if log.is_empty() { " (nothing)" } else { "\n" });
        text.push_str(log);
        text
    }
}

impl fmt::Debug for Stability<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
        let mut shown = f.debug_struct("Stability");
        shown
            .field("runs", &self.runs)
            .field("threads", &self.threads)
            .field("scenarios", &names)
            .finish_non_exhaustive()
    }
}
