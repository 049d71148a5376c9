//! logscope: a context and a file for each thread.

use std::error::Error;
use std::path::Path;

use logscope::OutputContext;
use logscope::sink::{self, Sink};

use super::line::event;
use super::round::Files;

/// As files come: one record, one `write`.
pub struct Direct;

impl Files for Direct {
    type Log = OutputContext;

    fn open(path: &Path) -> Result<OutputContext, Box<dyn Error>> {
        Ok(context(sink::file(path).open()?))
    }

    fn log(log: &mut OutputContext, records: u64) {
        log_in(log, records);
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
