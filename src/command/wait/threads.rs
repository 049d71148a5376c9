//! Reading the pipes of a program with a thread for each, where poll(2) is not there for pipes.
//!
//! The threads hand over what they read and wait until it is taken, so a slow sink holds the program up here, too. A thread whose pipe another
//! process holds open stays until that process closes it.

use std::io::{self, Read, Write as _};
use std::process::Child;
use std::time::Instant;

use super::Pipes;
use crate::command::live::Live;
use crate::command::reaper::Reap as _;
use crate::command::recorder::Recorder;
use crate::limits::{COMMAND_EXIT_TICK, COMMAND_READ_BYTES};
use crate::process::start_thread;
use crate::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};

/// What a thread has read. Empty at the end of its pipe.
struct Chunk {
    number: usize,
    bytes: Vec<u8>,
}

/// Reads the outputs, and writes the input, until all is at its end and the program has exited, or must be taken to have. Returns whether an
/// output is still open.
pub(super) fn read_all(pipes: Pipes, _: u32, live: &mut Live<Child>, recorder: &mut Recorder<'_>) -> io::Result<bool> {
    let mut is_open = pipes.outputs.each_ref().map(Option::is_some);
    let chunks = start(pipes)?;
    let mut take = |chunk: Chunk, is_open: &mut [bool; 2]| {
        let Chunk { number, bytes } = chunk;
        if bytes.is_empty() {
            is_open[number] = false;
            recorder.end(number);
        } else {
            recorder.take(number, &bytes);
        }
        bytes.len()
    };
    loop {
        let now = Instant::now();
        if live.course().exited().is_none() && live.child().try_reap()?.is_some() {
            live.course().note_exit(now);
        }
        if live.course().is_over(now, is_open.contains(&true)) {
            break;
        }
        let until_next = live.course().next().map(|next| next.saturating_duration_since(now));
        match chunks.recv_timeout(until_next.unwrap_or(COMMAND_EXIT_TICK)) {
            Ok(chunk) => {
                take(chunk, &mut is_open);
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
        && is_open.contains(&true)
        && let Ok(chunk) = chunks.recv_timeout(COMMAND_EXIT_TICK)
    {
        left = left.saturating_sub(take(chunk, &mut is_open));
    }
    for number in (0..2).filter(|number| is_open[*number]) {
        recorder.end(number);
    }
    Ok(is_open.contains(&true))
}

/// Starts the threads. The channel is disconnected once all outputs are at their ends.
fn start(pipes: Pipes) -> io::Result<Receiver<Chunk>> {
    // No room: a thread waits until its chunk is taken.
    let (taken, chunks) = sync_channel(0);
    if let Some(mut stdin) = pipes.stdin {
        // The program need not read it.
        start_thread("logscope-stdin", move || drop(stdin.write_all(&pipes.input)))?;
    }
    for (output, number) in pipes.outputs.into_iter().zip(0..) {
        if let Some(output) = output {
            let taken = taken.clone();
            start_thread("logscope-output", move || read_to_end(output_file(output), number, &taken))?;
        }
    }
    Ok(chunks)
}

#[cfg(unix)]
fn output_file(output: super::Output) -> std::fs::File {
    output.into()
}

#[cfg(not(unix))]
fn output_file(output: super::Output) -> super::Output {
    output
}

fn read_to_end(mut output: impl Read, number: usize, taken: &SyncSender<Chunk>) {
    let mut buffer = vec![0; COMMAND_READ_BYTES];
    loop {
        let count = match output.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => 0,
        };
        let is_wanted = taken.send(Chunk { number, bytes: buffer[..count].to_vec() }).is_ok();
        if count == 0 || !is_wanted {
            return;
        }
    }
}
