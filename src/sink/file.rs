//! Opens a log file as a sink. `file` has the options and the output; this module joins them with a core.

use std::time::{Duration, Instant};

use super::view::Sink;
use crate::background::has_closing_queues;
use crate::delivery::Core;
use crate::error::Error;
use crate::file::{self, FileLease, FileOptions, Opening};
use crate::limits::FILE_IS_FREE;
use crate::output::AnyOutput;
use crate::sync::{Arc, thread};

impl FileOptions {
    /// Opens the file for appending, and returns a sink on it.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("uno.log");
    /// let log = logscope::sink::file(&path).open()?;
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// A file has one output. If the file is opened again while a sink on it lives, by whatever path, the new sink is a view of the same
    /// output, which keeps the first opener's options for parents and links. Dropping the last view closes the file. A relative path is
    /// resolved now, so a later change of the working directory has no effect.
    ///
    /// If the file is removed or moved while it is open, the output notices this at the next record (it checks at most ten times a second),
    /// at every [`flush`](Sink::flush), and when the last view is dropped. It then opens a file of the same name in the directory that the
    /// file was in, with the same options, even if the path leads to another directory by now. If that directory was removed, it goes by the
    /// path and reports this on stderr. No record is lost: the last records of a removed file are copied to the new one, if the user may read
    /// the file. The path may fail to open,
    /// because its directory is gone and [`create_parents`](FileOptions::create_parents) is not set, or because something else has the
    /// name. This is reported on stderr, records go to the file that was open before, and opening is tried again. [`Sink::reopen`] and
    /// [`reopen_all`](super::reopen_all) check at once, and go by the path. A log that rolls stays in its file if another directory is at
    /// its path. Outside Unix, only they open a file anew, and nothing is copied.
    ///
    /// [`sync`](Sink::sync) brings every file to the storage device that was written to since the last sync, also those that the log has
    /// rolled away from or that were moved away, and the directories of new files. Callers that wait at the same time share the work. An
    /// error is returned by every sync until something newer was written and synced. Only a sync syncs: a log that rolls closes its old files,
    /// and the next sync opens them again, also if they were renamed. Old files that the log itself has removed or compressed need no sync.
    /// Of the files that were moved away while they were open, a log keeps the last four open. If a file that is closed was moved to another
    /// directory, or removed by somebody else, the sync fails and names it, because it is not known whether its records are on the device.
    ///
    /// A named pipe must be [allowed](FileOptions::allow_pipe) and have a reader. A reader that stops reading holds up the threads that log.
    /// Pipes and devices are not opened anew.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Open`](crate::ErrorKind::Open) if the file cannot be opened, or made empty as
    /// [`truncate`](FileOptions::truncate) wants it. The message names the path, the reason, and what to do.
    /// [`ErrorKind::OptionMismatch`](crate::ErrorKind::OptionMismatch) if the file is open with another mode or another [`Roll`](super::Roll). If only a
    /// queue of dropped sinks still has the file open, this waits until the queue is written, for five seconds at most.
    pub fn open(self) -> Result<Sink, Error> {
        let deadline = Instant::now() + FILE_IS_FREE;
        let mut is_last_attempt = false;
        loop {
            let Opening { lease, is_first } = file::open(&self)?;
            let core = core_of(&lease);
            let agrees = lease.value().agrees_with(&self);
            if agrees && (is_first || !self.truncate) {
                return Ok(Sink::of_core(core, Some(Arc::new(lease))));
            }
            // Perhaps only a writer thread still has the file. It writes the queued records and then releases the file, which can then be opened
            // with other options, or be made empty.
            if has_closing_queues(&core) && Instant::now() < deadline {
                is_last_attempt = false;
                drop((core, lease));
                thread::sleep(Duration::from_millis(1));
            } else if !is_last_attempt {
                // The writer thread may have released the file after we looked. Retry once without our own lease: if the file is still
                // open, another sink holds it.
                is_last_attempt = true;
            } else if agrees {
                return Ok(Sink::of_core(core, Some(Arc::new(lease))));
            } else {
                return Err(lease.value().mismatch(&self));
            }
        }
    }
}

impl Sink {
    /// Returns the options with which another process can open the file of this sink for appending, if it can.
    pub(crate) fn file_options_elsewhere(&self) -> Option<FileOptions> {
        let keep = self.0.keep.as_deref()?;
        keep.downcast_ref::<FileLease>()?.value().options_elsewhere()
    }
}

/// Returns the core of an open file. All sinks on the file share it.
fn core_of(lease: &FileLease) -> Arc<Core> {
    let open = lease.value();
    let core = open.attached(|appender| Core::file(AnyOutput::Lines(Box::new(appender))));
    match core.downcast() {
        Ok(core) => core,
        Err(_) => unreachable!("only this function attaches something to an open file"),
    }
}

#[cfg(test)]
mod tests;
