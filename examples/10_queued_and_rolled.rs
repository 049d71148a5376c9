//! A queue in front of a log that rolls: no call waits for the disk, and nothing is lost.
//!
//! ```text
//! 1000 accepted: 1000 written, 0 dropped, 0 failed, 0 pending
//! uno.6.log
//! uno.7.log
//! uno.8.log
//! latest -> uno.8.log
//! the last line: INFO  uno queued: record 1000
//! an error is in the file when its call returns: true
//! ```

#![allow(clippy::print_stdout, reason = "it shows what was logged")]

use std::fs;
use std::time::Duration;

use logscope::sink::{self, Queue, Roll};
use logscope::{Format, LevelFilter, OutputContext, Time};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    logscope::init();
    let folder = tempfile::tempdir()?;

    // Errors are flushed at once. A writer thread writes the other records soon after.
    let queue = Queue::new().bytes(256 << 10).flush_at(LevelFilter::ERROR);
    let roll = Roll::by_size(4 << 10).keep(3).link_latest("latest");
    let log = sink::file(folder.path().join("uno.log")).roll(roll).open()?.queued(queue);
    let uno = OutputContext::builder("uno").sink(log.format(Format::text().time(Time::None))).build();

    uno.scope(|| (1..=1000).for_each(|n| tracing::info!(target: "queued", "record {n}")));
    println!("{}", uno.flush(Duration::from_secs(5)).into_result()?);

    let mut names = Vec::new();
    for entry in fs::read_dir(folder.path())? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    for name in names.iter().filter(|name| *name != "latest") {
        println!("{name}");
    }
    let latest = folder.path().join("latest");
    println!("latest -> {}", fs::read_link(&latest)?.display());
    println!("the last line: {}", fs::read_to_string(&latest)?.lines().last().unwrap_or_default());

    uno.scope(|| tracing::error!("the disk is on fire"));
    println!("an error is in the file when its call returns: {}", fs::read_to_string(&latest)?.contains("on fire"));
    Ok(())
}
