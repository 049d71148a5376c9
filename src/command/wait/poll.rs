//! Reading all pipes of a program in one thread, with poll(2).

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, ChildStdin};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionbio, ioctl_fionread, read, write};

use super::Pipes;
use super::exit::ExitWatch;
use crate::command::live::Live;
use crate::command::recorder::Recorder;
use crate::limits::COMMAND_READ_BYTES;

/// Reads the outputs, and writes the input, until all is at its end and the program has exited, or must be taken to have. Sends what is due
/// meanwhile. Returns whether an output is still open.
pub(super) fn read_all(
    pipes: Pipes,
    pid: u32,
    live: &mut Live<Child>,
    recorder: &mut Recorder<'_>,
) -> io::Result<bool> {
    let exit = ExitWatch::new(pid)?;
    let mut outputs = Outputs { pipes: pipes.outputs, buffer: vec![0; COMMAND_READ_BYTES] };
    let mut input = Input { pipe: pipes.stdin, bytes: pipes.input, written: 0 };
    for pipe in outputs.pipes.iter().flatten() {
        ioctl_fionbio(pipe, true)?;
    }
    if let Some(pipe) = &input.pipe {
        ioctl_fionbio(pipe, true)?;
    }
    loop {
        let now = Instant::now();
        live.send_due(now);
        let course = live.course();
        if course.is_over(now, outputs.are_open()) {
            break;
        }
        let watch = if course.exited().is_none() { Some(&exit) } else { None };
        let ready = wait(&outputs, &input, watch, course.next().map(|next| next.saturating_duration_since(now)))?;
        if ready.exit {
            course.note_exit(Instant::now());
            // Nobody reads it any more but for those that the program has started, and for them it is not.
            input.pipe = None;
        }
        for number in 0..2 {
            if ready.outputs[number] {
                outputs.read(number, recorder)?;
            }
        }
        if ready.input {
            input.write()?;
        }
    }
    outputs.drain(recorder)
}

/// The pipes at which something can be done.
#[derive(Default)]
struct Ready {
    outputs: [bool; 2],
    input: bool,
    exit: bool,
}

/// Waits until something can be done, or `timeout` is over.
fn wait(
    outputs: &Outputs,
    input: &Input,
    exit: Option<&ExitWatch>,
    timeout: Option<std::time::Duration>,
) -> io::Result<Ready> {
    let mut ready = Ready::default();
    let mut places = Vec::with_capacity(4);
    let mut descriptors = Vec::with_capacity(4);
    let Ready { outputs: [first, second], input: is_writable, exit: has_exited } = &mut ready;
    for (pipe, place) in outputs.pipes.iter().zip([first, second]) {
        if let Some(pipe) = pipe {
            descriptors.push(PollFd::new(pipe, PollFlags::IN));
            places.push(place);
        }
    }
    if let Some(pipe) = &input.pipe {
        descriptors.push(PollFd::new(pipe, PollFlags::OUT));
        places.push(is_writable);
    }
    if let Some(exit) = exit {
        descriptors.push(PollFd::new(exit, PollFlags::IN));
        places.push(has_exited);
    }
    // A time that is too long for the system never comes.
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    match poll(&mut descriptors, timeout.as_ref()) {
        Ok(_) => {}
        Err(Errno::INTR) => return Ok(Ready::default()),
        Err(error) => return Err(error.into()),
    }
    for (descriptor, place) in descriptors.iter().zip(places) {
        *place = !descriptor.revents().is_empty();
    }
    Ok(ready)
}

struct Outputs {
    /// Each until its end.
    pipes: [Option<OwnedFd>; 2],
    buffer: Vec<u8>,
}

impl Outputs {
    fn are_open(&self) -> bool {
        self.pipes.iter().any(Option::is_some)
    }

    /// Reads once. Returns how many bytes there were: none if the pipe is at its end, or empty.
    fn read(&mut self, number: usize, recorder: &mut Recorder<'_>) -> io::Result<usize> {
        let Some(pipe) = &self.pipes[number] else { return Ok(0) };
        match read(pipe, &mut self.buffer[..]) {
            Ok(0) => {
                self.pipes[number] = None;
                recorder.end(number);
                Ok(0)
            }
            Ok(count) => {
                recorder.take(number, &self.buffer[..count]);
                Ok(count)
            }
            Err(Errno::INTR | Errno::AGAIN) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads what is in the pipes that are still open now, and no more: another process may go on writing for ever. Returns whether one of them is
    /// not at its end.
    fn drain(mut self, recorder: &mut Recorder<'_>) -> io::Result<bool> {
        for number in 0..2 {
            let Some(pipe) = &self.pipes[number] else { continue };
            let mut left = usize::try_from(ioctl_fionread(pipe)?).unwrap_or(usize::MAX);
            loop {
                // Once more when all is read, to see whether that was the end.
                let count = self.read(number, recorder)?;
                if count == 0 || left == 0 {
                    break;
                }
                left = left.saturating_sub(count);
            }
            if self.pipes[number].is_some() {
                recorder.end(number);
            }
        }
        Ok(self.are_open())
    }
}

struct Input {
    /// Until all is written, or nobody reads it.
    pipe: Option<ChildStdin>,
    bytes: Vec<u8>,
    written: usize,
}

impl Input {
    fn write(&mut self) -> io::Result<()> {
        let Some(pipe) = &self.pipe else { return Ok(()) };
        match write(pipe.as_fd(), &self.bytes[self.written..]) {
            Ok(count) => self.written += count,
            Err(Errno::INTR | Errno::AGAIN) => {}
            // The program does not want the rest.
            Err(Errno::PIPE) => self.written = self.bytes.len(),
            Err(error) => return Err(error.into()),
        }
        if self.written == self.bytes.len() {
            self.pipe = None;
        }
        Ok(())
    }
}
