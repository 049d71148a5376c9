//! Receiving in a task what threads read from the pipes of a program.

use std::io;
use std::time::Instant;

use tokio::sync::mpsc::channel;
use tokio::time::timeout;

use crate::command::running::{Pipes, Running};
use crate::command::threads::start;
use crate::limits::{COMMAND_EXIT_TICK, COMMAND_READ_BYTES};

/// Logs what the outputs have, until all is at its end and the program has exited, or must be taken to have. Returns whether an output is
/// still open.
pub(super) async fn read_all(running: &mut Running<'_>, pipes: Pipes) -> io::Result<bool> {
    let Running { live, recorder, .. } = running;
    let (taken, mut chunks) = channel(1);
    let mut open = start(pipes, move |chunk| taken.blocking_send(chunk).is_ok())?;
    loop {
        let now = Instant::now();
        if live.course().exited().is_none() && live.child().try_wait()?.is_some() {
            live.course().note_exit(now);
        }
        if live.course().is_over(now, open.has_open()) {
            break;
        }
        let until_next = live.course().next().map(|next| next.saturating_duration_since(now));
        let wait = until_next.unwrap_or(COMMAND_EXIT_TICK).min(COMMAND_EXIT_TICK);
        if open.has_open() {
            if let Ok(Some(chunk)) = timeout(wait, chunks.recv()).await {
                open.take(&chunk, recorder);
            }
        } else {
            tokio::time::sleep(wait).await;
        }
    }
    // What the pipes hold now, and no more: another process may go on writing for ever.
    let mut left = COMMAND_READ_BYTES;
    while left > 0
        && open.has_open()
        && let Ok(Some(chunk)) = timeout(COMMAND_EXIT_TICK, chunks.recv()).await
    {
        left = left.saturating_sub(open.take(&chunk, recorder));
    }
    Ok(open.leave(recorder))
}
