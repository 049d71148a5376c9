//! A context follows the work into threads and tasks, and over every `.await`, also when a task goes on on another thread.
//!
//! ```text
//! --- uno
//! INFO  uno: on the thread that entered the context
//! INFO  uno: on a thread of its own
//! INFO  uno: on a thread below that one
//! INFO  uno: in a job of a pool
//! --- due
//! INFO  due: step=1
//! INFO  due: step=2
//! DEBUG due: louder, in this task alone
//! DEBUG due: still louder, after the task was put aside
//! INFO  due: in a task below
//! ```

#![allow(clippy::print_stdout, reason = "it shows what was logged")]

use logscope::sink::Memory;
use logscope::{Format, InContext as _, LevelFilter, OutputContext, Time, sink, thread};
use tokio::task::yield_now;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    logscope::init();
    let (uno, uno_log) = context("uno");
    let (due, due_log) = context("due");

    let task = tokio::spawn(work().in_context(&due));
    threads(&uno);
    task.await?;

    println!("--- uno\n{}", uno_log.text().trim_end());
    println!("--- due\n{}", due_log.text().trim_end());
    Ok(())
}

fn threads(uno: &OutputContext) {
    let _scope = uno.enter(); // a guard, where a closure does not fit
    tracing::info!("on the thread that entered the context");
    let below = || {
        tracing::info!("on a thread of its own");
        let _ = thread::spawn(|| tracing::info!("on a thread below that one")).join();
    };
    // Not `std::thread::spawn`, which does not carry the context: Rust has no place where a library could see it.
    let _ = thread::spawn(below).join();
    logscope::rayon::join(|| tracing::info!("in a job of a pool"), || ());
}

async fn work() {
    for step in 1..=2 {
        tracing::info!(step);
        yield_now().await; // another worker may go on from here
    }
    logscope::update(|context| context.with_verbosity(LevelFilter::DEBUG));
    tracing::debug!("louder, in this task alone");
    yield_now().await;
    tracing::debug!("still louder, after the task was put aside");
    let _ = logscope::tokio::spawn(async { tracing::info!("in a task below") }).await;
}

fn context(name: &str) -> (OutputContext, Memory) {
    let (sink, memory) = sink::memory();
    let format = Format::text().time(Time::None).target(false);
    (OutputContext::builder(name).sink(sink.format(format)).build(), memory)
}
