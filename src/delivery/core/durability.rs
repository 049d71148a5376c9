//! Flushing and syncing an output, and the reports of what failed there.

use std::io;
use std::time::{Duration, Instant};

use super::Core;
use crate::delivery::Loss;
use crate::fallback;
use crate::limits::FLUSH_AT;
use crate::output::drop_error;
use crate::record::ContextInfo;
use crate::sync::Ordering;

impl Core {
    /// Flushes the buffers of the output itself. Queues in front of it are not flushed: see [`Flush`](crate::delivery::Flush).
    pub(crate) fn flush_output(&self, deadline: Duration) -> io::Result<()> {
        self.output.flush(deadline)
    }

    /// Reports that the output could not be flushed. Once, if it never can be.
    #[cold]
    pub(crate) fn report_unflushed(&self, error: io::Error) {
        let is_lasting = error.kind() == io::ErrorKind::Unsupported;
        // Relaxed: the flag orders nothing. It picks one of several flushes to report.
        if !is_lasting || !self.is_unflushable.swap(true, Ordering::Relaxed) {
            fallback::report(format_args!("cannot flush {}: {error}", self.name()));
        }
        drop_error(error);
    }

    /// Syncs the output after a record that asks for it.
    #[cold]
    pub(crate) fn sync_record(&self) {
        let begun = Instant::now();
        let flushed = self.flush_output(FLUSH_AT);
        self.note_sync(flushed.and_then(|()| self.sync(FLUSH_AT.saturating_sub(begun.elapsed()))));
    }

    /// Notes the result of a sync that a record asked for. Reports the first failure of an outage.
    #[cold]
    pub(crate) fn note_sync(&self, result: io::Result<()>) {
        let Err(error) = result else { return self.unsynced.forget() };
        let nobody = ContextInfo::nobody();
        if let Some(due) = self.unsynced.add(Loss { count: 1, context: &nobody, elapsed: Duration::ZERO }) {
            let name = self.name();
            let reason = unsynced_reason(&error);
            let message = format_args!("{name} cannot be synced: {reason}; its records may be lost in a power cut");
            if !fallback::report_failure(due.turn, message) {
                self.unsynced.refused(due);
            }
        }
        drop_error(error);
    }

    /// Brings all written bytes to the storage device, within `deadline`.
    pub(crate) fn sync(&self, deadline: Duration) -> io::Result<()> {
        self.output.sync(deadline)
    }
}

/// Returns why an output could not be synced.
pub(super) fn unsynced_reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::Unsupported => String::from("it is not on a storage device"),
        _ => error.to_string(),
    }
}
