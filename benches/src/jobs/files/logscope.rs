//! logscope: a context and a file for each thread.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use logscope::OutputContext;
use logscope::sink::{self, Overflow, Queue, Sink};

use super::line::event;
use super::round::Files;

/// A file sink as it is by default: one record, one `write`.
pub struct Direct;

/// A file sink behind a queue, which a writer thread drains.
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
        // Records that are not written within that time count as lost.
        let _ = logscope::flush(Duration::from_secs(60));
        drop(logs);
    }
}

fn context(sink: Sink) -> OutputContext {
    // From the second round on, it is installed already.
    let _ = logscope::try_init();
    OutputContext::builder("uno").sink(sink).build()
}

fn log_in(context: &OutputContext, records: u64) {
    context.scope(|| {
        for _ in 0..records {
            event();
        }
    });
}
