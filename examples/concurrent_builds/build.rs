//! A build: its plan, its stages, and how it ended. How the stages are run is the business of [`threads`](crate::threads) and
//! [`tasks`](crate::tasks).

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use logscope::OutputContext;

use crate::programs::{Ends, Manner, Program};
use crate::steps::{Heard, Stage};
use crate::tally::{Tally, say};

/// A build that has not begun.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) program: &'static Program,
    pub(crate) runs_on: RunsOn,
    pub(crate) rustc: OsString,
    /// Where the sources and what is made of them are.
    pub(crate) dir: PathBuf,
    pub(crate) log: PathBuf,
}

/// What a build is carried out by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RunsOn {
    Threads,
    Tasks,
}

/// A build that has begun.
#[derive(Debug)]
pub(crate) struct Build {
    pub(crate) plan: Plan,
    pub(crate) start: Instant,
    pub(crate) tally: Tally,
    /// Where its events go, by which the runner makes its scope; `None` where there are no contexts.
    pub(crate) context: Option<OutputContext>,
}

/// How a build ended.
#[derive(Debug)]
pub(crate) struct Ending {
    /// The last line that the program printed, or why there is none.
    pub(crate) result: Result<String, String>,
    pub(crate) warnings: usize,
    pub(crate) took: Duration,
}

impl Build {
    /// Says which stage begins.
    pub(crate) fn say_stage(&self, number: usize, of: usize, stage: &Stage) {
        if number == 1 && self.plan.program.manner == Manner::Quiet {
            say!(self, WARN, {}, "quiet: this log holds warnings and errors only");
        }
        let (phase, phases) = (number as u64, of as u64);
        say!(self, INFO, { build = "phase", phase, phases, }, "{}", stage.title);
    }

    /// Says how it ended.
    pub(crate) fn end(&self, ended: Result<Heard, String>) -> Ending {
        let took = self.start.elapsed();
        let (result, warnings) = match ended {
            Ok(heard) => (Ok(heard.last.unwrap_or_default()), heard.warnings),
            Err(problem) => (Err(problem), 0),
        };
        match &result {
            Ok(printed) => {
                say!(self, INFO, { build = "success", }, "built and run in {:.2} s: {printed}", took.as_secs_f64())
            }
            Err(problem) => {
                say!(self, ERROR, { build = "failure", }, "failed after {:.2} s: {problem}", took.as_secs_f64())
            }
        }
        Ending { result, warnings, took }
    }
}

impl Ending {
    /// True if the program did what it is there to show: a failure is as good as a success where it was to fail.
    pub(crate) fn is_as_expected(&self, build: &Build) -> bool {
        match (&self.result, build.plan.program.ends) {
            (Ok(printed), Ends::Printing(line)) => printed == line,
            (Err(problem), Ends::Failing(reason)) => problem.contains(reason),
            _ => false,
        }
    }
}
