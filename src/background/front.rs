//! Scheduling a queue on a writer thread, closing it, and waiting until it is written.

use std::any::Any;
use std::fmt;
use std::io;
use std::time::Instant;

use super::pool;
use super::queued::QueuedOutput;
use crate::delivery::Front;
use crate::limits::FLUSH_AT;
use crate::output::{allocating_under_lock, is_inside_output};
use crate::process::is_forked;
use crate::queue::{FlushRequest, FlushTicket};
use crate::sync::{Arc, Ordering};

impl QueuedOutput {
    /// Has a writer thread look at the queue at once.
    pub(super) fn notify(self: &Arc<Self>) {
        if is_forked() {
            return;
        }
        if self.schedule.notify(&self.ring) {
            pool::put_ready(Arc::clone(self));
        } else {
            pool::start_refused_thread(self);
        }
    }

    /// Closes the queue: it accepts no more records, and a writer thread writes those that it has. Log calls that wait for room go on.
    pub(super) fn close(self: &Arc<Self>) {
        self.ring.close();
        self.progress.notify_room();
        self.notify();
    }

    /// Abandons the queue: its output did not take the records in time. Log calls that wait for it go on.
    pub(crate) fn abandon(&self) {
        // Relaxed, here and where it is cleared: a hint for later records. Before the calls are given up: see `wait_as_call`.
        self.abandoned.store(true, Ordering::Relaxed);
        self.give_up_calls(|_| true);
    }

    /// Has the log calls go on that wait for the queue, and whose records have a tag that `is_given_up`.
    fn give_up_calls(&self, is_given_up: impl Fn(u32) -> bool) {
        self.progress.notify_room();
        for request in allocating_under_lock(|| self.progress.take_calls(is_given_up)) {
            request.ticket.complete(Err(given_up()));
        }
    }

    /// True if the queue is abandoned. A queue that is written to the end no longer is: each record is then written by its own log call.
    pub(super) fn is_abandoned(&self) -> bool {
        // Relaxed: see `abandon`.
        self.abandoned.load(Ordering::Relaxed) && !self.is_done()
    }

    /// True if nobody waits any longer for the records with this tag: the queue is abandoned, or their context is.
    pub(super) fn is_given_up(&self, tag: u32) -> bool {
        self.is_abandoned() || self.accounts.get(tag).is_some_and(|account| account.is_abandoned())
    }

    /// Waits until the records in the queue are written, and synced if `sync`, unless the last such wait was in vain.
    #[cold]
    pub(super) fn wait_for_flush(self: &Arc<Self>, sync: bool, tag: u32) {
        // Relaxed, here and where it is cleared: a hint, which spares later calls a wait.
        let written = if self.stalled.load(Ordering::Relaxed) {
            None
        } else {
            let written = self.wait_as_call(Some(Instant::now() + FLUSH_AT), tag, sync);
            self.stalled.store(written.is_none(), Ordering::Relaxed);
            written
        };
        match written {
            Some(result) if sync => self.core.note_sync(result),
            None if sync && !self.is_given_up(tag) => self.core.note_sync(Err(io::ErrorKind::TimedOut.into())),
            Some(Err(error)) => self.core.report_unflushed(error),
            _ => {}
        }
    }

    /// Waits, in a log call whose record has this tag, until every record that is in the queue now is written, and the output flushed, and
    /// synced if `sync`. `None` if the deadline passes before, if the record is given up, in a forked child, and inside an output, where the
    /// caller could wait for itself.
    pub(super) fn wait_as_call(
        self: &Arc<Self>,
        deadline: Option<Instant>,
        tag: u32,
        sync: bool,
    ) -> Option<io::Result<()>> {
        if is_forked() || is_inside_output() {
            return None;
        }
        let ticket =
            self.request(FlushRequest { deadline, sync, call: Some(tag), ticket: Arc::new(FlushTicket::new()) });
        // After the request: whoever gives calls up does so first, and then completes the requests that it finds.
        let result = if self.is_given_up(tag) { None } else { ticket.wait(deadline) };
        match result {
            Some(Err(error)) if is_given_up(&error) => None,
            Some(result) => Some(result),
            None => {
                self.progress.withdraw(&ticket);
                None
            }
        }
    }

    fn request(self: &Arc<Self>, request: FlushRequest) -> Arc<FlushTicket> {
        let ticket = Arc::clone(&request.ticket);
        self.progress.request_flush(self.ring.end(), request);
        self.notify();
        ticket
    }
}

impl Front for QueuedOutput {
    fn request_flush(self: Arc<Self>, deadline: Option<Instant>, sync: bool) -> Arc<FlushTicket> {
        let ticket = self.request(FlushRequest { deadline, sync, call: None, ticket: Arc::new(FlushTicket::new()) });
        pool::drop_on_writer_thread(self);
        ticket
    }

    fn withdraw_flush(self: Arc<Self>, ticket: &Arc<FlushTicket>) {
        self.progress.withdraw(ticket);
        pool::drop_on_writer_thread(self);
    }

    fn give_up_abandoned_calls(self: Arc<Self>) {
        self.give_up_calls(|tag| self.is_given_up(tag));
        pool::drop_on_writer_thread(self);
    }

    fn is_being_written(&self) -> bool {
        QueuedOutput::is_being_written(self)
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

/// The result of a flush on which a log call no longer waits, because its record is given up.
#[derive(Debug)]
struct GivenUp;

impl fmt::Display for GivenUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nobody waits for the record any longer")
    }
}

impl std::error::Error for GivenUp {}

fn given_up() -> io::Error {
    io::Error::other(GivenUp)
}

fn is_given_up(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|error| error.is::<GivenUp>())
}
