//! A build as tokio tasks: one for the build, and one for each step of a stage, which runs a child and logs what it prints.
//!
//! The tasks hop between the workers. `in_context` gives the build's task its context, and `in_current_context` carries the context into every
//! task below. Nothing more is needed.

use std::io;
use std::process::Command;
use std::sync::Arc;

use logscope::command::{Finished, Stream};
use logscope::{InContext as _, Level, OutputContext};
use tokio::task::JoinHandle;
#[cfg(not(feature = "tokio"))]
use tokio::task::block_in_place;
use tracing::Instrument as _;

use crate::Result;
use crate::build::{Build, Ending, Plan};
use crate::logs::Logs;
use crate::steps::{Heard, Stage, Step, message};

/// Builds `plan` in this task and others.
pub(crate) async fn build(plan: Plan, logs: Logs) -> Result<(Arc<Build>, Ending)> {
    let build = Arc::new(logs.begin(plan)?);
    let ending = match &build.context {
        Some(context) => carry_out(&build).in_context(context).await,
        None => carry_out(&build).await,
    };
    Ok((build, ending))
}

async fn carry_out(build: &Arc<Build>) -> Ending {
    build.end(run_stages(build).await)
}

async fn run_stages(build: &Arc<Build>) -> Result<Heard, String> {
    let stages = build.plan.stages();
    let mut heard = Heard::default();
    for (stage, number) in stages.iter().zip(1..) {
        build.say_stage(number, stages.len(), stage);
        heard = heard.and(run_stage(build, stage).await?);
    }
    Ok(heard)
}

/// Runs the steps of `stage` at the same time, each as a task of its own.
async fn run_stage(build: &Arc<Build>, stage: &Stage) -> Result<Heard, String> {
    let steps = stage.steps.iter().map(|step| spawn(run_step(build.clone(), step.clone())));
    let steps: Vec<_> = steps.collect();
    let mut ended = Vec::new();
    for step in steps {
        ended.push(join(step).await.and_then(|heard| heard));
    }
    ended.into_iter().try_fold(Heard::default(), |heard, more| Ok(heard.and(more?)))
}

/// Runs one child, whose lines become records.
async fn run_step(build: Arc<Build>, step: Step) -> Result<Heard, String> {
    let mut heard = Heard::default();
    let command = step.command(&build);
    let finished = run(command, |stream, line| step.hear(&build, &mut heard, stream, line));
    let finished = finished.instrument(step.span(&build)).await;
    step.conclude(&build, finished, heard)
}

#[cfg(feature = "tokio")]
async fn run(command: Command, level_by: impl FnMut(Stream, &str) -> Level + Send) -> io::Result<Finished> {
    let context = OutputContext::current();
    let mut command = tokio::process::Command::from(command);
    context.run_async(&mut command).level_by(level_by).message_by(message).await
}

/// Without the feature `tokio` of logscope, a worker waits for the child.
#[cfg(not(feature = "tokio"))]
async fn run(mut command: Command, level_by: impl FnMut(Stream, &str) -> Level + Send) -> io::Result<Finished> {
    let context = OutputContext::current();
    block_in_place(|| context.run(&mut command).level_by(level_by).message_by(message).wait())
}

/// Starts a task with the current context.
fn spawn<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(work.in_current_context())
}

async fn join<T>(task: JoinHandle<T>) -> Result<T, String> {
    task.await.map_err(|error| format!("a task of the build failed: {error}"))
}
