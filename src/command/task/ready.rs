//! Reading all pipes of a program in one task, as the runtime says that they are ready.

use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::UnixDatagram;
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::time::{Sleep, sleep};

use crate::command::exit::watch_exit;
use crate::command::pump::{Pump, Ready, Source, Target};
use crate::command::running::{Pipes, Running};

impl Source for Receiver {
    fn new(pipe: OwnedFd) -> io::Result<Self> {
        Receiver::from_owned_fd(pipe)
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Receiver::try_read(self, buffer)
    }
}

impl Target for Sender {
    fn new(pipe: OwnedFd) -> io::Result<Self> {
        Sender::from_owned_fd(pipe)
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        Sender::try_write(self, bytes)
    }
}

/// Has tokio panic if the runtime has no I/O, before there is a program. There is no way to ask it.
pub(super) fn check_io() -> io::Result<()> {
    UnixDatagram::unbound().map(drop)
}

/// What `tokio` has in place of this in its newest versions is unsafe to call.
#[allow(deprecated, reason = "an `OwnedFd` stays the same descriptor, and open, as is asked for")]
fn watch(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(descriptor, Interest::READABLE)
}

/// Reads the outputs, and writes the input, until all is at its end and the program has exited, or must be taken to have. Sends what is due
/// meanwhile. Returns whether an output is still open.
pub(super) async fn read_all(running: &mut Running<'_>, pipes: Pipes) -> io::Result<bool> {
    let Running { live, recorder, .. } = running;
    let exit = watch(watch_exit(live.child().id())?)?;
    let mut pump: Pump<Receiver, Sender> = Pump::new(pipes)?;
    loop {
        let now = Instant::now();
        live.send_due(now);
        let course = live.course();
        if course.is_over(now, pump.is_open()) {
            return pump.drain(recorder);
        }
        let exit = if course.exited().is_none() { Some(&exit) } else { None };
        let sleep = course.next().map(|next| sleep(next.saturating_duration_since(now)));
        let mut sleep = pin!(sleep);
        let ready = poll_fn(|cx| poll_ready(&pump, exit, sleep.as_mut(), cx)).await?;
        pump.advance(&ready, course, recorder)?;
    }
}

fn poll_ready(
    pump: &Pump<Receiver, Sender>,
    exit: Option<&AsyncFd<OwnedFd>>,
    sleep: Pin<&mut Option<Sleep>>,
    cx: &mut Context<'_>,
) -> Poll<io::Result<Ready>> {
    let mut ready = Ready::default();
    for (pipe, is_ready) in pump.outputs.iter().zip(&mut ready.outputs) {
        if let Some(pipe) = pipe {
            *is_ready = pipe.poll_read_ready(cx)?.is_ready();
        }
    }
    if let Some(pipe) = &pump.stdin {
        ready.stdin = pipe.poll_write_ready(cx)?.is_ready();
    }
    if let Some(exit) = exit {
        ready.exit = exit.poll_read_ready(cx)?.is_ready();
    }
    let is_over = sleep.as_pin_mut().is_some_and(|sleep| sleep.poll(cx).is_ready());
    if is_over || ready.exit || ready.stdin || ready.outputs.contains(&true) {
        return Poll::Ready(Ok(ready));
    }
    Poll::Pending
}
