//! A build: its plan, its stages, and how it ended. [`threads`](crate::threads) and [`tasks`](crate::tasks) run the stages.

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
    /// The folder of the sources and of the files that are made from them.
    pub(crate) dir: PathBuf,
    pub(crate) log: PathBuf,
}

/// What runs a build: threads or tasks.
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
    /// The context in which the build runs; `None` without contexts.
    pub(crate) context: Option<OutputContext>,
}

/// How a build ended.
#[derive(Debug)]
pub(crate) struct Ending {
    /// The last line that the program printed, or why it printed none.
    pub(crate) result: Result<String, String>,
    pub(crate) warnings: usize,
    pub(crate) took: Duration,
}

impl Build {
    /// Logs which stage begins.
    pub(crate) fn say_stage(&self, number: usize, of: usize, stage: &Stage) {
        if number == 1 && self.plan.program.manner == Manner::Quiet {
            say!(self, WARN, {}, "quiet: this log holds warnings and errors only");
        }
        let (phase, phases) = (number as u64, of as u64);
        say!(self, INFO, { build = "phase", phase, phases, }, "{}", stage.title);
    }

    /// Logs how the build ended.
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
    /// True if the build ended as its program should: one of the programs must fail to compile.
    pub(crate) fn is_as_expected(&self, build: &Build) -> bool {
        match (&self.result, build.plan.program.ends) {
            (Ok(printed), Ends::Printing(line)) => printed == line,
            (Err(problem), Ends::Failing(reason)) => problem.contains(reason),
            _ => false,
        }
    }
}
