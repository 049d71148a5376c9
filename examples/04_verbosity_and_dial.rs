//! Verbosity: a level, directives for targets, and a dial that changes the level while the work goes on.
//!
//! ```text
//! --- info,linker=trace
//! INFO  compiler: compiled
//! INFO  linker: linked
//! TRACE linker: 17 symbols
//! --- a dial, from warn to debug
//! WARN  compiler: slow
//! DEBUG compiler: now it says how
//! ```

#![allow(clippy::print_stdout, reason = "it shows what was logged")]

use logscope::{Dial, Format, LevelFilter, OutputContext, Time, Verbosity, sink};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    logscope::init();

    let verbosity: Verbosity = "info,linker=trace".parse()?;
    let log = logged(verbosity, || {
        tracing::info!(target: "compiler", "compiled");
        tracing::debug!(target: "compiler", "not said");
        tracing::info!(target: "linker", "linked");
        tracing::trace!(target: "linker", "17 symbols");
    });
    print!("--- info,linker=trace\n{log}");

    let dial = Dial::new(LevelFilter::WARN);
    let log = logged(&dial, || {
        tracing::warn!(target: "compiler", "slow");
        tracing::debug!(target: "compiler", "not said either");
        dial.set(LevelFilter::DEBUG); // from any thread, for every context that has this dial
        tracing::debug!(target: "compiler", "now it says how");
    });
    print!("--- a dial, from warn to debug\n{log}");
    Ok(())
}

/// Returns the lines that `work` logs in a context of this verbosity.
fn logged(verbosity: impl Into<Verbosity>, work: impl FnOnce()) -> String {
    let (sink, memory) = sink::memory();
    let format = Format::text().time(Time::None).context(false);
    OutputContext::builder("uno").verbosity(verbosity).sink(sink.format(format)).build().scope(work);
    memory.text()
}
