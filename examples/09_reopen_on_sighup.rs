//! `logrotate` moves a log away and sends `SIGHUP`: the program reopens its files, and no record is lost.
//!
//! ```text
//! uno.log.1: before the log was moved away
//! uno.log.1: after that, before the signal
//! uno.log: after the signal
//! 3 accepted: 3 written, 0 dropped, 0 failed, 0 pending
//! ```

#![allow(clippy::print_stdout, reason = "it shows what was logged")]

#[cfg(unix)]
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    use logscope::{Format, OutputContext, Time, sink};
    use tokio::signal::unix::{SignalKind, signal};

    logscope::init();
    let folder = tempfile::tempdir()?;
    let (path, moved) = (folder.path().join("uno.log"), folder.path().join("uno.log.1"));
    let log = sink::file(&path).open()?.format(Format::build().time(Time::None));
    let uno = OutputContext::builder("uno").sink(log).build();

    // A daemon does this in a task of its own, as long as it lives.
    let mut hangup = signal(SignalKind::hangup())?;
    let reopening = tokio::spawn(async move {
        hangup.recv().await;
        sink::reopen_all() // every file of the process
    });

    uno.scope(|| tracing::info!("before the log was moved away"));
    std::fs::rename(&path, &moved)?; // logrotate moves the file …
    uno.scope(|| tracing::info!("after that, before the signal"));
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::HUP)?; // … and sends the signal
    reopening.await??;
    uno.scope(|| tracing::info!("after the signal"));

    for path in [moved, path] {
        let name = path.file_name().unwrap_or_default().display();
        for line in std::fs::read_to_string(&path)?.lines() {
            println!("{name}: {line}");
        }
    }
    println!("{}", uno.ledger());
    Ok(())
}

#[cfg(not(unix))]
fn main() {
    println!("there is no SIGHUP on this system");
}
