//! Reading all pipes of a program in one thread, with poll(2).

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::command::exit::watch_exit;
use crate::command::pump::{Pump, Ready};
use crate::command::running::{Pipes, Running};

/// Reads the outputs, and writes the input, until all is at its end and the program has exited, or must be taken to have. Sends what is due
/// meanwhile. Returns whether an output is still open.
pub(super) fn read_all(running: &mut Running<'_>, pipes: Pipes) -> io::Result<bool> {
    let Running { live, recorder, .. } = running;
    let exit = watch_exit(live.child().id())?;
    let mut pump: Pump<OwnedFd, OwnedFd> = Pump::new(pipes)?;
    loop {
        let now = Instant::now();
        live.send_due(now);
        let course = live.course();
        if course.is_over(now, pump.is_open()) {
            return pump.drain(recorder);
        }
        let watch = if course.exited().is_none() { Some(&exit) } else { None };
        let ready = wait(&pump, watch, course.next().map(|next| next.saturating_duration_since(now)))?;
        pump.advance(&ready, course, recorder)?;
    }
}

/// Waits until something can be done, or `timeout` is over.
fn wait(pump: &Pump<OwnedFd, OwnedFd>, exit: Option<&OwnedFd>, timeout: Option<Duration>) -> io::Result<Ready> {
    let mut ready = Ready::default();
    let Ready { outputs: [first, second], stdin: is_writable, exit: has_exited } = &mut ready;
    let (mut descriptors, mut places) = (Vec::with_capacity(4), Vec::with_capacity(4));
    for (pipe, place) in pump.outputs.iter().zip([first, second]) {
        if let Some(pipe) = pipe {
            descriptors.push(PollFd::new(pipe, PollFlags::IN));
            places.push(place);
        }
    }
    if let Some(pipe) = &pump.stdin {
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
