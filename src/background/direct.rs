//! Writing a record in its own log call: past a closed queue or one that is too small, and in a forked child.

use std::io;
use std::time::Duration;

use super::queued::{QueuedOutput, QueuedView};
use crate::delivery::{Fate, Loss, busy_at_fork};
use crate::format::Scratch;
use crate::limits::FLUSH_AT;
use crate::process::{exit_deadline, fork_generation};
use crate::record::Record;

impl QueuedOutput {
    /// Writes `record` in this call, because the queue is closed, or the record is longer than the queue.
    #[cold]
    pub(super) fn write_directly<'r>(
        &self,
        via: QueuedView<'r>,
        record: &Record<'_>,
        scratch: &mut Scratch<'r>,
    ) -> Fate {
        let renderer = via.renderer;
        let core = &self.core;
        let notices = if core.has_missing() { core.write_notices(renderer, record) } else { Ok(()) };
        if let Err(error) = notices.and_then(|()| core.write(renderer, record, scratch)) {
            return self.count_refused(record, error);
        }
        core.counters().resolve(Fate::Written, 1);
        Fate::Written
    }

    /// Writes `record` in this call, in a forked child.
    #[cold]
    pub(super) fn deliver_in_child<'r>(
        &self,
        via: QueuedView<'r>,
        record: &Record<'_>,
        scratch: &mut Scratch<'r>,
    ) -> Fate {
        let renderer = via.renderer;
        let core = &self.core;
        let is_own = self.fork_generation == fork_generation();
        let is_usable = !self.is_being_written();
        let usable = if is_usable { Ok(()) } else { Err(busy_at_fork()) };
        let notices = usable.and_then(|()| match core.has_missing() {
            false => Ok(()),
            true if is_own => core.write_notices(renderer, record),
            // The parent writes the drop notice for records that it dropped before the fork. (Another thread may have held their lock.)
            true => core.write_failed_notice(renderer, record),
        });
        let fate = core.count_result(record, notices.and_then(|()| core.write(renderer, record, scratch)));
        // If the queue is the parent's, the parent flushes what its output had buffered at the fork.
        match self.syncs(via, record) && is_usable {
            true if is_own => core.sync_record(),
            true => core.note_sync(core.sync(FLUSH_AT)),
            false if is_own => self.flush_output(exit_deadline()),
            false => {}
        }
        fate
    }

    /// Flushes the output, after a record that this call has written.
    #[cold]
    pub(super) fn flush_output(&self, deadline: Duration) {
        if let Err(error) = self.core.flush_output(deadline) {
            self.core.report_unflushed(error);
        }
    }

    /// Counts `record`, which this call could not write.
    #[cold]
    pub(super) fn count_refused(&self, record: &Record<'_>, error: io::Error) -> Fate {
        let fate = self.core.add_refused(Loss::of(record), error, self.core.dropped());
        self.core.counters().resolve(fate, 1);
        fate
    }
}
