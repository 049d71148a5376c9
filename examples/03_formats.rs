//! One event in the four formats, and a message that tries to forge a line.
//!
//! ```text
//! build   00:01.23 linked size=5120
//! text    00:01.234567 INFO  uno{env=release} link{unit=core} linker: linked size=5120
//! json    {"timestamp":"2026-11-21T09:08:01.234567Z","level":"INFO","fields":{"message":"linked","size":5120},"target":"linker","span":{"unit":"core","name":"link"},"spans":[{"unit":"core","name":"link"}],"context":{"name":"uno","id":1,"fields":{"env":"release"}},"elapsed":1.234567,"seq":1}
//! logfmt  ts=2026-11-21T09:08:01.234567Z level=info elapsed=1.234567 context=uno context.env=release seq=1 target=linker spans="link{unit=core}" msg=linked size=5120
//! forged  00:01.23 WARNING: no\n00:01.23 line of its own
//! ```

#![allow(clippy::print_stdout, reason = "it shows what was logged")]

use std::time::{Duration, Instant, SystemTime};

use logscope::{Format, ManualClock, Origin, OutputContext, sink};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    logscope::init();

    // A clock that stands still, so that the output can be compared to the letter.
    let begin = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_252_080);
    let clock = ManualClock::at(Origin::from_parts(Instant::now(), begin));

    let formats = [Format::build(), Format::text(), Format::json(), Format::logfmt()];
    let logs = formats.map(|format| {
        let (sink, memory) = sink::memory();
        (sink.format(format), memory)
    });
    let uno = OutputContext::builder("uno")
        .field("env", "release")
        .sinks(logs.iter().map(|(sink, _)| sink.clone()))
        .clock(&clock)
        .build();

    clock.advance(Duration::from_micros(1_234_567));
    uno.scope(|| {
        let _span = tracing::info_span!("link", unit = "core").entered();
        tracing::info!(target: "linker", size = 5120, "linked");
    });
    for (name, (_, memory)) in ["build", "text", "json", "logfmt"].iter().zip(&logs) {
        print!("{name:7} {}", memory.text());
    }

    let (build, memory) = &logs[0];
    memory.clear();
    uno.with_sinks([build.clone()]).scope(|| tracing::warn!("no\n00:01.23 line of its own"));
    print!("forged  {}", memory.text());
    Ok(())
}
