//! From `tracing-appender` in two steps: first its writers become sinks, and then files of logscope take their place.
//!
//! ```text
//! before: INFO app: started | INFO app: request path="/a"
//! step 1: INFO app: started | INFO app: request path=/a
//! step 2: INFO app: started
//! step 2, request 1: INFO app: request path=/a
//! 4 accepted: 4 written, 0 dropped, 0 failed, 0 pending
//! ```

#![allow(clippy::print_stdout, reason = "it shows what was logged")]

use std::path::Path;
use std::time::Duration;

use logscope::sink::{self, Queue};
use logscope::{Format, OutputContext, Time};
use tracing_appender::rolling;

/// The program, which stays as it is.
fn start() {
    tracing::info!(target: "app", "started");
}

fn request() {
    tracing::info!(target: "app", path = "/a", "request");
}

/// Returns the lines of a log, without the blanks that fill up the level.
fn show(path: impl AsRef<Path>) -> Result<String, std::io::Error> {
    let lines = std::fs::read_to_string(path)?;
    Ok(lines.lines().map(|line| line.trim().replace("INFO  ", "INFO ")).collect::<Vec<_>>().join(" | "))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let format = Format::text().time(Time::None).context(false);

    // Before: one log for all, by `fmt` and a file appender with a thread of its own.
    let (writer, guard) = tracing_appender::non_blocking(rolling::never(folder.path(), "before.log"));
    let fmt = tracing_subscriber::fmt().with_writer(writer).with_ansi(false).without_time().finish();
    tracing::subscriber::with_default(fmt, || (start(), request()));
    drop(guard);
    println!("before: {}", show(folder.path().join("before.log"))?);

    // Step 1: `logscope::init` in place of `fmt().init()`. The writer stays, and its sink keeps the guard: the file, its name and its rolling are
    // the same.
    logscope::init();
    let (writer, guard) = tracing_appender::non_blocking(rolling::never(folder.path(), "step-1.log"));
    let main = OutputContext::builder("main").sink(sink::non_blocking(writer, guard).format(format.clone())).build();
    main.scope(|| (start(), request()));
    drop(main); // as the guard at the end of `main`
    println!("step 1: {}", show(folder.path().join("step-1.log"))?);

    // Step 2: a file of logscope with a queue. Nothing is lost at the end of the process, and each request can have a log of its own.
    let log = |name: &str| {
        let file = sink::file(folder.path().join(name)).open()?;
        Ok::<_, logscope::Error>(file.queued(Queue::new()).format(format.clone()))
    };
    let main = OutputContext::builder("main").sink(log("step-2.log")?).build();
    main.scope(start);
    let first = OutputContext::builder("request 1").sink(log("request-1.log")?).build();
    first.scope(request);
    let ledger = logscope::flush(Duration::from_secs(5)).into_result()?;
    println!("step 2: {}", show(folder.path().join("step-2.log"))?);
    println!("step 2, request 1: {}", show(folder.path().join("request-1.log"))?);
    println!("{ledger}");
    Ok(())
}
