//! Builds real programs at once, each with its own log, and proves from the logs that nothing was mixed up.
//!
//! `cargo run --example concurrent_builds` makes a handful of small Rust programs of several crates each and builds them all at
//! the same time with the machine's own `rustc`: some on threads, some as tokio tasks that hop between workers. One of them does
//! not compile, one is built verbosely, one quietly. Each has its own output context: its own file, verbosity and origin. No
//! function is handed a logger; all code below logs through plain `tracing` events.
//!
//! When all have ended, every log is read back and compared with the counts that its build kept ([`tally`]): no foreign line, no gap in
//! `seq`, no torn line, exact times, no line above the verbosity, an exact ledger. The proof is printed as a table, and the exit code is 1 if
//! anything is wrong.
//!
//! `--queued` puts a queue in front of each log, and proves the same. `--without-contexts` runs the same builds over
//! one global log, to show that the proof can fail.
//!
//! Where to read on: [`logs`] gives each build its context; [`threads`] and [`tasks`] carry it along; [`proof`] checks.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this program talks to the person who runs it")]

mod build;
mod logs;
mod options;
mod paint;
mod programs;
mod proof;
mod report;
mod steps;
mod table;
mod tally;
mod tasks;
mod threads;
mod workshop;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use build::{Build, Ending, Plan, RunsOn};
use logs::{Logs, Mode};
use options::Options;
use paint::Paint;
use workshop::{Rustc, Workshop};

type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// Fewer workers than tasks, so that each worker polls tasks of several builds, and several workers poll each task.
const WORKERS: usize = 4;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{}", options::HELP);
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            eprintln!("concurrent_builds: {problem}\nTry --help.");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("concurrent_builds: {problem}");
            ExitCode::from(2)
        }
    }
}

/// True if each build ended as it should and the proof holds.
fn run(options: &Options) -> Result<bool> {
    let rustc = Rustc::find()?;
    let workshop = Workshop::open(options.keep)?;
    let plans = workshop.plans(options.builds, &rustc)?;
    let paint = Paint::of_stdout();
    let logs = Logs::install(match options {
        Options { without_contexts: true, .. } => Mode::GlobalState,
        Options { queued: true, .. } => Mode::Queued,
        _ => Mode::Contexts,
    })?;

    report::heading(paint, &rustc, &plans, options);
    let ended = build_all(plans, &logs)?;
    report::endings(paint, &ended);
    let holds = report::proof(paint, &ended, &logs)?;
    report::next(paint, &workshop, options, holds);
    Ok(holds && ended.iter().all(|(build, ending)| ending.is_as_expected(build)))
}

/// Builds all of `plans` at once, and returns when the last has ended.
fn build_all(plans: Vec<Plan>, logs: &Logs) -> Result<Vec<(Arc<Build>, Ending)>> {
    let workers = AtomicUsize::new(0);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        // Relaxed: the numbers only have to differ. The proof tells threads apart by their names.
        .thread_name_fn(move || format!("worker-{}", workers.fetch_add(1, Ordering::Relaxed) + 1))
        .enable_all()
        .build()?;
    let started = plans.into_iter().map(|plan| match plan.runs_on {
        RunsOn::Threads => {
            let logs = logs.clone();
            let thread = thread::Builder::new().name(plan.name.clone());
            Ok(Started::Thread(thread.spawn(move || threads::build(plan, &logs))?))
        }
        RunsOn::Tasks => Ok(Started::Task(runtime.spawn(tasks::build(plan, logs.clone())))),
    });
    let started = started.collect::<Result<Vec<_>>>()?;
    started.into_iter().map(|build| build.wait(&runtime)).collect()
}

/// A build that is running.
enum Started {
    Thread(thread::JoinHandle<Result<(Arc<Build>, Ending)>>),
    Task(tokio::task::JoinHandle<Result<(Arc<Build>, Ending)>>),
}

impl Started {
    fn wait(self, runtime: &tokio::runtime::Runtime) -> Result<(Arc<Build>, Ending)> {
        match self {
            Started::Thread(thread) => thread.join().map_err(|_| "a build's thread panicked")?,
            Started::Task(task) => runtime.block_on(task)?,
        }
    }
}
