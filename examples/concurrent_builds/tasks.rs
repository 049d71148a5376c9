//! A build as tokio tasks: one for the build, one for each step of a stage, and one for each stream of a child.
//!
//! The tasks yield after each line, so that they hop between the workers. `in_context` gives the build's task its context, and
//! `in_current_context` carries the context into every task below. Nothing more is needed.

use std::io;
use std::sync::Arc;

use logscope::InContext as _;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::Command;
use tokio::task::{JoinHandle, yield_now};

use crate::Result;
use crate::build::{Build, Ending, Plan};
use crate::logs::Logs;
use crate::steps::{Heard, Listener, Stage, Step, Stream};

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

/// Runs one child and listens to both of its streams.
async fn run_step(build: Arc<Build>, step: Step) -> Result<Heard, String> {
    let mut child = Command::from(step.command(&build)).spawn().map_err(|error| format!("{}: {error}", step.unit))?;
    let stdout = spawn(listen(child.stdout.take(), Listener::new(&build, &step, Stream::Stdout)));
    let stderr = spawn(listen(child.stderr.take(), Listener::new(&build, &step, Stream::Stderr)));
    let heard = [join(stdout).await?, join(stderr).await?];
    let status = child.wait().await.map_err(|error| format!("{}: {error}", step.unit))?;
    step.conclude(&build, status, heard)
}

async fn listen(from: Option<impl AsyncRead + Unpin>, mut listener: Listener) -> Heard {
    let read = match from {
        Some(from) => hear(from, &mut listener).await,
        None => Ok(()),
    };
    listener.end(read)
}

async fn hear(from: impl AsyncRead + Unpin, listener: &mut Listener) -> io::Result<()> {
    let mut lines = BufReader::new(from).lines();
    while let Some(line) = lines.next_line().await? {
        listener.line(&line);
        yield_now().await;
    }
    Ok(())
}

/// Starts a task with the current context.
fn spawn<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(work.in_current_context())
}

async fn join<T>(task: JoinHandle<T>) -> Result<T, String> {
    task.await.map_err(|error| format!("a task of the build failed: {error}"))
}
