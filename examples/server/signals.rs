//! The end of the server: SIGTERM and Ctrl-C.

use std::io;

/// The signals that tell the server to end.
#[cfg(unix)]
pub(crate) struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Listens from now on: a signal that comes before [`Signals::next`] is called is not missed, and does not end the process.
    pub(crate) fn listen() -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next signal.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Does what a supervisor does to end this process.
#[cfg(unix)]
pub(crate) fn send_to_this_process() -> io::Result<()> {
    Ok(rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM)?)
}

/// Where there are no signals: Ctrl-C, and one of the program's own.
#[cfg(not(unix))]
pub(crate) struct Signals;

#[cfg(not(unix))]
static TOLD: tokio::sync::Notify = tokio::sync::Notify::const_new();

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn listen() -> io::Result<Signals> {
        Ok(Signals)
    }

    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            () = TOLD.notified() => {}
        }
    }
}

#[cfg(not(unix))]
pub(crate) fn send_to_this_process() -> io::Result<()> {
    TOLD.notify_one();
    Ok(())
}
