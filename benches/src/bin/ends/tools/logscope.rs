//! logscope, with a context as the process default: a direct file sink, and one behind a queue.

use std::time::Duration;

use logscope::OutputContext;
use logscope::sink::{self, Overflow, Queue, Roll, Sink};

use super::{Logger, Promise, Tool};
use crate::Result;
use crate::scene::ROLL_AT;

pub const DIRECT: Tool = Tool {
    name: "logscope",
    open: |path| install(sink::file(path).open()?),
    open_rolling: Some(|path| install(sink::file(path).roll(roll()).open()?)),
    complaint: "logscope: ",
    promise: Promise::Everything,
};

pub const QUEUED: Tool = Tool {
    name: "logscope, queued",
    open: |path| install_queued(sink::file(path).open()?.queued(queue())),
    open_rolling: Some(|path| install_queued(sink::file(path).roll(roll()).open()?.queued(queue()))),
    complaint: "logscope: ",
    promise: Promise::UnlessKilled,
};

/// Keeps more files than a run makes.
fn roll() -> Roll {
    Roll::by_size(ROLL_AT).keep(1_000)
}

fn queue() -> Queue {
    Queue::new().bytes(1 << 20).overflow(Overflow::Block)
}

fn install(sink: Sink) -> Result<Logger> {
    let context = OutputContext::builder("ends").sink(sink.clone()).build();
    logscope::configure().default_context(context).install()?;
    let losses = move || {
        let ledger = sink.ledger();
        ledger.accepted - ledger.written
    };
    Ok(Logger { losses: Some(Box::new(losses)), ..Logger::of_events() })
}

/// Installs the context, and flushes where a program must that needs its log before the end: in a panic hook that aborts, or before it
/// reads the ledger.
fn install_queued(sink: Sink) -> Result<Logger> {
    let flush = || {
        let _ = logscope::flush(Duration::from_secs(10));
    };
    let direct = install(sink)?;
    let losses = direct.losses.map(|losses| {
        let flushed_losses = move || {
            flush();
            losses()
        };
        Box::new(flushed_losses) as _
    });
    Ok(Logger { flush: Some(flush), losses, ..direct })
}
