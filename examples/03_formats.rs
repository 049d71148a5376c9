//! One event in the four formats, and what becomes of a message that tries to forge a line.
//!
//! ```text
//! build   00:01.23 linked size=5120
//! text    00:01.234567 INFO  uno{env=release} link{unit=core}: linker: linked size=5120
//! json    {"timestamp":"2026-11-21T09:08:01.234567Z","level":"INFO","fields":{"message":"linked","size":5120},"target":"linker","span":{"unit":"core","name":"link"},"spans":[{"unit":"core","name":"link"}],"context":{"name":"uno","id":1,"fields":{"env":"release"}},"elapsed":1.234567,"seq":1}
//! logfmt  ts=2026-11-21T09:08:01.234567Z
//! ```

#![allow(clippy::print_stdout, reason = "it shows what was logged")]

use std::time::{Duration, Instant, SystemTime};

use logscope::{Format, ManualClock, Origin, OutputContext, sink};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    logscope::init()?;

    // A clock that stands where it is put, so that the output can be compared to the letter.
    let begin = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_252_080);
    let clock = ManualClock::at(Origin::from_parts(Instant::now(), begin));

    let formats =
        [("build", Format::build()), ("text", Format::text()), ("json", Format::json()), ("logfmt", Format::logfmt())];
    let logs = formats.map(|(name, format)| {
        let (sink, memory) = sink::memory();
        (name, sink.format(format), memory)
    });
    let uno = OutputContext::builder("uno")
        .field("env", "release")
        .sinks(logs.iter().map(|(_, sink, _)| sink.clone()))
        .clock(&clock)
        .build();

    clock.advance(Duration::from_micros(1_234_567));
    uno.scope(|| {
        let _span = tracing::info_span!("link", unit = "core").entered();
        tracing::info!(target: "linker", size = 5120, "linked");
        tracing::warn!(target: "linker", "not\n00:01.23 a line of its own");
    });

    for (name, _, memory) in &logs {
        for line in memory.lines() {
            println!("{name:7} {line}");
        }
    }
    Ok(())
}
