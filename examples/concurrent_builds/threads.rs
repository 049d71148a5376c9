//! A build on plain threads: one for the build, and one for each step of a stage, which runs a child and logs what it prints.
//!
//! The build's thread enters the context, and `logscope::bind_current` carries the context into every thread below. Nothing more is needed.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use logscope::OutputContext;

use crate::Result;
use crate::build::{Build, Ending, Plan};
use crate::logs::Logs;
use crate::steps::{Heard, Stage, Step, message};

/// Builds `plan` on this thread and others.
pub(crate) fn build(plan: Plan, logs: &Logs) -> Result<(Arc<Build>, Ending)> {
    let build = Arc::new(logs.begin(plan)?);
    let ending = match &build.context {
        Some(context) => context.scope(|| carry_out(&build)),
        None => carry_out(&build),
    };
    Ok((build, ending))
}

fn carry_out(build: &Arc<Build>) -> Ending {
    let stages = build.plan.stages();
    let run = stages.iter().zip(1..).try_fold(Heard::default(), |heard, (stage, number)| {
        build.say_stage(number, stages.len(), stage);
        run_stage(build, stage).map(|more| heard.and(more))
    });
    build.end(run)
}

/// Runs the steps of `stage` at the same time, each on a thread of its own.
fn run_stage(build: &Arc<Build>, stage: &Stage) -> Result<Heard, String> {
    let steps = stage.steps.iter().map(|step| {
        let (name, step, build) = (format!("{}/{}", build.plan.name, step.unit), step.clone(), build.clone());
        spawn(name, move || run_step(&build, &step))
    });
    let steps: Vec<_> = steps.collect();
    let ended: Vec<_> = steps.into_iter().map(|step| join(step).and_then(|heard| heard)).collect();
    ended.into_iter().try_fold(Heard::default(), |heard, more| Ok(heard.and(more?)))
}

/// Runs one child, whose lines become records.
fn run_step(build: &Build, step: &Step) -> Result<Heard, String> {
    let mut heard = Heard::default();
    let mut command = step.command(build);
    let finished = step.span(build).in_scope(|| {
        let context = OutputContext::current();
        let run = context.run(&mut command).level_by(|stream, line| step.hear(build, &mut heard, stream, line));
        run.message_by(message).wait()
    });
    step.conclude(build, finished, heard)
}

/// Starts a thread with the current context.
fn spawn<T: Send + 'static>(name: String, work: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>, String> {
    let work = logscope::bind_current(work);
    thread::Builder::new().name(name).spawn(work).map_err(|error| format!("no thread can be started: {error}"))
}

fn join<T>(thread: Result<JoinHandle<T>, String>) -> Result<T, String> {
    thread?.join().map_err(|_| "a thread of the build panicked".to_owned())
}
