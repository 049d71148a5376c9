//! Receiving what threads read from the pipes of a program.

use std::io;
use std::time::Instant;

use crate::command::running::{Pipes, Running};
use crate::command::threads::start;
use crate::limits::{COMMAND_EXIT_TICK, COMMAND_READ_BYTES};
use crate::sync::mpsc::{RecvTimeoutError, sync_channel};

/// Logs what the outputs have, until all is at its end and the program has exited, or must be taken to have. Returns whether an output is
/// still open.
pub(super) fn read_all(running: &mut Running<'_>, pipes: Pipes) -> io::Result<bool> {
    let Running { live, recorder, .. } = running;
    // No room: a thread waits until its chunk is taken.
    let (taken, chunks) = sync_channel(0);
    let mut open = start(pipes, move |chunk| taken.send(chunk).is_ok())?;
    loop {
        let now = Instant::now();
        if live.course().exited().is_none() && live.child().try_wait()?.is_some() {
            live.course().note_exit(now);
        }
        if live.course().is_over(now, open.has_open()) {
            break;
        }
        let until_next = live.course().next().map(|next| next.saturating_duration_since(now));
        match chunks.recv_timeout(until_next.unwrap_or(COMMAND_EXIT_TICK)) {
            Ok(chunk) => {
                open.take(&chunk, recorder);
            }
            Err(RecvTimeoutError::Timeout) => {}
            // All is read.
            Err(RecvTimeoutError::Disconnected) => {
                live.child().wait()?;
                live.course().note_exit(Instant::now());
            }
        }
    }
    // What the pipes hold now, and no more: another process may go on writing for ever.
    let mut left = COMMAND_READ_BYTES;
    while left > 0
        && open.has_open()
        && let Ok(chunk) = chunks.recv_timeout(COMMAND_EXIT_TICK)
    {
        left = left.saturating_sub(open.take(&chunk, recorder));
    }
    Ok(open.leave(recorder))
}
