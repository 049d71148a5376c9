//! logscope: a context and a file for each thread.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use logscope::OutputContext;
use logscope::sink::{self, Overflow, Queue, Sink};

use super::line::event;
use super::round::Files;

/// As files come: one record, one `write`.
pub struct Direct;

/// Through a queue, which a thread in the background empties.
pub struct Queued;

impl Files for Direct {
    type Log = OutputContext;

    fn open(path: &Path) -> Result<OutputContext, Box<dyn Error>> {
        Ok(context(sink::file(path).open()?))
    }

    fn log(log: &mut OutputContext, records: u64) {
        log_in(log, records);
    }
}

impl Files for Queued {
    type Log = OutputContext;

    fn open(path: &Path) -> Result<OutputContext, Box<dyn Error>> {
        let queue = Queue::new().bytes(1 << 20).overflow(Overflow::Block);
        Ok(context(sink::file(path).open()?.queued(queue)))
    }

    fn log(log: &mut OutputContext, records: u64) {
        log_in(log, records);
    }

    fn finish(logs: Vec<OutputContext>) {
        // What it did not get done in that time is counted as lost.
        let _ = logscope::flush(Duration::from_secs(60));
        drop(logs);
    }
}

fn context(sink: Sink) -> OutputContext {
    // The second round finds it installed.
    let _ = logscope::init();
    OutputContext::builder("uno").sink(sink).build()
}

fn log_in(context: &OutputContext, records: u64) {
    context.scope(|| {
        for _ in 0..records {
            event();
        }
    });
}
