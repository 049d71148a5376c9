//! Reading and writing the pipes of a program without waiting. Who waits, and how, is left to the caller.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use rustix::io::{Errno, ioctl_fionbio, ioctl_fionread, read, retry_on_intr, write};

use super::course::Course;
use super::recorder::Recorder;
use super::running::Pipes;
use crate::limits::COMMAND_READ_BYTES;

/// The end of a pipe that is read, and does not block.
pub(super) trait Source: AsFd + Sized {
    fn new(pipe: OwnedFd) -> io::Result<Self>;
    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize>;
}

/// The end of a pipe that is written to, and does not block.
pub(super) trait Target: Sized {
    fn new(pipe: OwnedFd) -> io::Result<Self>;
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;
}

impl Source for OwnedFd {
    fn new(pipe: OwnedFd) -> io::Result<Self> {
        ioctl_fionbio(&pipe, true)?;
        Ok(pipe)
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(read(self, buffer)?)
    }
}

impl Target for OwnedFd {
    fn new(pipe: OwnedFd) -> io::Result<Self> {
        ioctl_fionbio(&pipe, true)?;
        Ok(pipe)
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(write(self, bytes)?)
    }
}

/// The pipes of a program.
pub(super) struct Pump<S, T> {
    /// Each until its end.
    pub(super) outputs: [Option<S>; 2],
    /// Until all is written, or nobody reads it.
    pub(super) stdin: Option<T>,
    input: Vec<u8>,
    written: usize,
    buffer: Vec<u8>,
}

/// What can be done now.
#[derive(Default)]
pub(super) struct Ready {
    /// Those that can be read.
    pub(super) outputs: [bool; 2],
    /// It can be written to.
    pub(super) stdin: bool,
    /// The program has exited.
    pub(super) exit: bool,
}

impl<S: Source, T: Target> Pump<S, T> {
    pub(super) fn new(pipes: Pipes) -> io::Result<Self> {
        let [first, second] = pipes.outputs;
        Ok(Pump {
            outputs: [first.map(S::new).transpose()?, second.map(S::new).transpose()?],
            stdin: pipes.stdin.map(|pipe| T::new(pipe.into())).transpose()?,
            input: pipes.input,
            written: 0,
            buffer: vec![0; COMMAND_READ_BYTES],
        })
    }

    /// Returns whether an output is not at its end.
    pub(super) fn is_open(&self) -> bool {
        self.outputs.iter().any(Option::is_some)
    }

    /// Does what can be done.
    pub(super) fn advance(
        &mut self,
        ready: &Ready,
        course: &mut Course,
        recorder: &mut Recorder<'_>,
    ) -> io::Result<()> {
        if ready.exit {
            course.note_exit(Instant::now());
            // What the program has started does not get the rest.
            self.stdin = None;
        }
        for number in (0..2).filter(|number| ready.outputs[*number]) {
            self.read(number, recorder)?;
        }
        if ready.stdin {
            self.write()?;
        }
        Ok(())
    }

    /// Reads once. Returns how many bytes there were: none if the pipe is at its end, or empty.
    pub(super) fn read(&mut self, number: usize, recorder: &mut Recorder<'_>) -> io::Result<usize> {
        self.read_by(S::try_read, number, recorder)
    }

    fn read_by(
        &mut self,
        read: impl FnOnce(&S, &mut [u8]) -> io::Result<usize>,
        number: usize,
        recorder: &mut Recorder<'_>,
    ) -> io::Result<usize> {
        let Some(pipe) = &self.outputs[number] else { return Ok(0) };
        match read(pipe, &mut self.buffer) {
            Ok(0) => {
                self.outputs[number] = None;
                recorder.end(number);
                Ok(0)
            }
            Ok(count) => {
                recorder.take(number, &self.buffer[..count]);
                Ok(count)
            }
            Err(error) if comes_later(&error) => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Writes once.
    pub(super) fn write(&mut self) -> io::Result<()> {
        let Some(pipe) = &self.stdin else { return Ok(()) };
        match pipe.try_write(&self.input[self.written..]) {
            Ok(count) => self.written += count,
            Err(error) if comes_later(&error) => return Ok(()),
            // The program does not want the rest.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.written = self.input.len(),
            Err(error) => return Err(error),
        }
        if self.written == self.input.len() {
            self.stdin = None;
        }
        Ok(())
    }

    /// Reads what is in the pipes that are still open now, and no more: another process may go on writing for ever. Returns whether one of them is
    /// not at its end.
    pub(super) fn drain(mut self, recorder: &mut Recorder<'_>) -> io::Result<bool> {
        for number in 0..2 {
            let Some(pipe) = &self.outputs[number] else { continue };
            let mut left = usize::try_from(ioctl_fionread(pipe)?).unwrap_or(usize::MAX);
            loop {
                // By the system call itself: tokio does not read a pipe before its driver has said that there is something, and the exit of the
                // program can be known sooner. Once more when all is read, to see whether that was the end.
                let count =
                    self.read_by(|pipe, buffer| Ok(retry_on_intr(|| read(pipe, &mut *buffer))?), number, recorder)?;
                if count == 0 || left == 0 {
                    break;
                }
                left = left.saturating_sub(count);
            }
            if self.outputs[number].is_some() {
                recorder.end(number);
            }
        }
        Ok(self.is_open())
    }
}

fn comes_later(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::AGAIN | Errno::INTR)) || error.kind() == io::ErrorKind::WouldBlock
}
