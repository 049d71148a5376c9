//! The end of the server: SIGTERM and Ctrl-C.

use std::sync::Arc;

use tokio::sync::Notify;

/// Waits for a signal, and then tells all who wait for `stopping`.
pub(crate) async fn until_told(stopping: Arc<Notify>) {
    signal().await;
    tracing::info!("told to end");
    stopping.notify_waiters();
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        // Without signals, the server ends with its process.
        _ => std::future::pending().await,
    }
}

/// Does what a supervisor does to end this process.
#[cfg(unix)]
pub(crate) fn send_to_this_process() -> std::io::Result<()> {
    Ok(rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM)?)
}

/// Where there are no signals, one of the program's own.
#[cfg(not(unix))]
static TOLD: Notify = Notify::const_new();

#[cfg(not(unix))]
async fn signal() {
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = TOLD.notified() => {}
    }
}

#[cfg(not(unix))]
pub(crate) fn send_to_this_process() -> std::io::Result<()> {
    TOLD.notify_one();
    Ok(())
}
