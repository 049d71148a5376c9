//! Reading and writing the pipes of a program with a thread for each, where nothing waits for several pipes at once.
//!
//! The threads hand over what they read and wait until it is taken, so a slow sink holds the program up here, too. A thread whose pipe another
//! process holds open stays until that process closes it.

use std::io::{self, Read, Write as _};

use super::recorder::Recorder;
use super::running::{Output, Pipes};
use crate::limits::COMMAND_READ_BYTES;
use crate::process::start_thread;

/// What a thread has read. Empty at the end of its pipe.
pub(super) struct Chunk {
    number: usize,
    bytes: Vec<u8>,
}

/// Which outputs are not at their ends.
pub(super) struct OpenOutputs([bool; 2]);

impl OpenOutputs {
    pub(super) fn has_open(&self) -> bool {
        self.0.contains(&true)
    }

    /// Logs what a thread has read, and returns how many bytes that was.
    pub(super) fn take(&mut self, chunk: &Chunk, recorder: &mut Recorder<'_>) -> usize {
        if chunk.bytes.is_empty() {
            self.0[chunk.number] = false;
            recorder.end(chunk.number);
        } else {
            recorder.take(chunk.number, &chunk.bytes);
        }
        chunk.bytes.len()
    }

    /// Logs the line that an output which is left open is in the middle of. Returns whether one is left open.
    pub(super) fn leave(self, recorder: &mut Recorder<'_>) -> bool {
        (0..2).filter(|number| self.0[*number]).for_each(|number| recorder.end(number));
        self.has_open()
    }
}

/// Starts the threads. Each gives what it reads to its own copy of `hand_over`, which returns false if nobody takes it any more.
pub(super) fn start(
    pipes: Pipes,
    hand_over: impl FnMut(Chunk) -> bool + Clone + Send + 'static,
) -> io::Result<OpenOutputs> {
    let open = OpenOutputs(pipes.outputs.each_ref().map(Option::is_some));
    if let Some(mut stdin) = pipes.stdin {
        // The program need not read it.
        start_thread("logscope-stdin", move || drop(stdin.write_all(&pipes.input)))?;
    }
    for (output, number) in pipes.outputs.into_iter().zip(0..) {
        if let Some(output) = output {
            let hand_over = hand_over.clone();
            start_thread("logscope-output", move || read_to_end(readable(output), number, hand_over))?;
        }
    }
    Ok(open)
}

#[cfg(unix)]
fn readable(output: Output) -> std::fs::File {
    output.into()
}

#[cfg(not(unix))]
fn readable(output: Output) -> Output {
    output
}

fn read_to_end(mut output: impl Read, number: usize, mut hand_over: impl FnMut(Chunk) -> bool) {
    let mut buffer = vec![0; COMMAND_READ_BYTES];
    loop {
        let count = match output.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => 0,
        };
        let is_wanted = hand_over(Chunk { number, bytes: buffer[..count].to_vec() });
        if count == 0 || !is_wanted {
            return;
        }
    }
}
