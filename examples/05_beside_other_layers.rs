//! `logscope::layer()` in a program's own subscriber, beside other layers, each with its own filter.
//!
//! ```text
//!  INFO configured
//!  INFO linked
//! uno: 00:00.00 configured
//! uno: 00:00.00 5120 bytes
//! uno: 00:00.00 linked
//! ```

#![allow(clippy::print_stdout, reason = "it shows what was logged")]

use logscope::{Format, LevelFilter, ManualClock, OutputContext, sink};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

fn main() {
    // The filter is given to one layer. Given to the whole registry, it would cap every context.
    let fmt = tracing_subscriber::fmt::layer()
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .with_filter(LevelFilter::INFO);
    tracing_subscriber::registry().with(logscope::layer()).with(fmt).init();

    let (sink, log) = sink::memory();
    let uno = OutputContext::builder("uno")
        .verbosity(LevelFilter::DEBUG)
        .sink(sink.format(Format::build()))
        .clock(ManualClock::new())
        .build();
    uno.scope(|| {
        tracing::info!("configured");
        tracing::debug!("5120 bytes");
        tracing::info!("linked");
    });
    for line in log.lines() {
        println!("uno: {line}");
    }
}
