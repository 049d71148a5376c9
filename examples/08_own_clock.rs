//! Each context counts from its own origin, by its own clock: a test of time sets the clock and never sleeps.
//!
//! ```text
//! 00:00.00 begun
//! 00:01.50 a second and a half later
//! 00:00.00 begun anew
//! 02:00.00 two minutes into the second part
//! outside the scope, 121.5 s have passed
//! ```

#![allow(clippy::print_stdout, reason = "it shows what was logged")]

use std::time::Duration;

use logscope::{Format, ManualClock, OutputContext, sink};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    logscope::init();
    let clock = ManualClock::new();
    let (sink, log) = sink::memory();
    let uno = OutputContext::builder("uno").sink(sink.format(Format::build())).clock(&clock).build();

    uno.scope(|| {
        tracing::info!("begun");
        clock.advance(Duration::from_millis(1_500));
        tracing::info!("a second and a half later");

        // Contexts do not change. This replaces the current context by a derived one with a new origin, until the scope ends.
        let before = logscope::update(|context| context.with_origin_now());
        assert!(before.is_some_and(|before| before.id() == uno.id()));
        tracing::info!("begun anew");
        clock.advance(Duration::from_secs(120));
        tracing::info!("two minutes into the second part");
    });

    print!("{}", log.text());
    println!("outside the scope, {} s have passed", uno.elapsed().as_secs_f64());
    Ok(())
}
