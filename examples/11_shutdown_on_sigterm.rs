//! A service gets `SIGTERM`: it writes its queued records before it ends, within a deadline, and knows the ledger.
//!
//! ```text
//! told to end
//! 3 accepted: 3 written, 0 dropped, 0 failed, 0 pending
//! uno.log: serving
//! uno.log: told to end
//! uno.log: the last word
//! ```

#![allow(clippy::print_stdout, reason = "it shows what was logged")]

#[cfg(unix)]
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    use std::time::Duration;

    use logscope::sink::{self, Queue};
    use logscope::{Format, OutputContext, Time};
    use tokio::signal::unix::{SignalKind, signal};

    logscope::init();
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("uno.log");
    let log = sink::file(&path).open()?.queued(Queue::new()).format(Format::build().time(Time::None));
    let uno = OutputContext::builder("uno").sink(log).build();

    let mut terminate = signal(SignalKind::terminate())?;
    uno.scope(|| tracing::info!("serving"));
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM)?; // the supervisor sends the signal

    terminate.recv().await;
    println!("told to end");
    uno.scope(|| tracing::info!("told to end"));
    // `shutdown` blocks, so it runs where a task may block. From now on each log call writes its own record.
    let shutdown = tokio::task::spawn_blocking(|| logscope::shutdown(Duration::from_secs(5)));
    shutdown.await?.into_result()?;
    uno.scope(|| tracing::info!("the last word"));

    println!("{}", uno.ledger());
    for line in std::fs::read_to_string(&path)?.lines() {
        println!("uno.log: {line}");
    }
    Ok(())
}

#[cfg(not(unix))]
fn main() {
    println!("there is no SIGTERM on this system");
}
