//! Scheduling a queue on a writer thread, closing it, and waiting until it is written.

use std::any::Any;
use std::io;
use std::time::Instant;

use super::pool;
use super::queued::QueuedOutput;
use crate::delivery::Front;
use crate::output::is_inside_output;
use crate::process::is_forked;
use crate::queue::{FlushRequest, FlushTicket};
use crate::sync::Arc;

impl QueuedOutput {
    /// Has a writer thread look at the queue at once.
    pub(super) fn notify(self: &Arc<Self>) {
        if is_forked() {
            return;
        }
        if self.schedule.notify(&self.ring) {
            pool::put_ready(Arc::clone(self));
        } else {
            pool::start_refused_thread();
        }
    }

    /// Closes the queue: it accepts no more records, and a writer thread writes those that it has.
    pub(super) fn close(self: &Arc<Self>) {
        self.ring.close();
        self.notify();
    }

    /// Waits until every record that is in the queue now is written, and the output flushed. `None` if the deadline passes before, in a
    /// forked child, and inside an output, where the caller could wait for itself.
    pub(super) fn wait_until_written(self: &Arc<Self>, deadline: Option<Instant>) -> Option<io::Result<()>> {
        if is_forked() || is_inside_output() {
            return None;
        }
        let ticket = Arc::clone(self).request_flush(deadline, false);
        let result = ticket.wait(deadline);
        if result.is_none() {
            self.withdraw_flush(&ticket);
        }
        result
    }
}

impl Front for QueuedOutput {
    fn request_flush(self: Arc<Self>, deadline: Option<Instant>, sync: bool) -> Arc<FlushTicket> {
        let ticket = Arc::new(FlushTicket::new());
        let request = FlushRequest { deadline, sync, ticket: Arc::clone(&ticket) };
        self.progress.request_flush(self.ring.end(), request);
        self.notify();
        pool::drop_on_writer_thread(self);
        ticket
    }

    fn withdraw_flush(&self, ticket: &Arc<FlushTicket>) {
        self.progress.withdraw(ticket);
    }

    fn is_being_written(&self) -> bool {
        QueuedOutput::is_being_written(self)
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}
