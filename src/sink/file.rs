//! Opening a file as a sink.

use std::time::{Duration, Instant};

use super::view::Sink;
use crate::background::has_closing_queues;
use crate::delivery::Core;
use crate::error::Error;
use crate::file::{self, FileLease, FileOptions};
use crate::limits::FILE_IS_FREE;
use crate::output::AnyOutput;
use crate::sync::{Arc, thread};

impl FileOptions {
    /// Opens the file, append-only.
    ///
    /// Opened a second time while a sink on it lives, by whatever path, it gives a view of the same output, which keeps what
    /// the first said of parents and links. When the last view goes the file is closed.
    ///
    /// A file that is removed or moved while it is open is noticed: at the next record, but at most ten times a second, at
    /// every [`flush`](Sink::flush), and when it is closed. It is then opened anew, by its name, with the same options. No
    /// record is lost: those that a removed file took with it are copied (the user must be allowed to read the file for
    /// that). If it cannot be opened anew, because its directory is gone and [`create_parents`](FileOptions::create_parents)
    /// was not asked for, or something else has its name, that is told on stderr, records are kept in the file that was open,
    /// and it is tried again. [`Sink::reopen`] and [`reopen_all`](super::reopen_all) do the same at once. A path that is not
    /// absolute is resolved now: changing the working directory later changes nothing. Outside Unix, only `reopen` opens a
    /// file anew, and nothing is copied.
    ///
    /// A named pipe must have a reader, and is then like any pipe: a reader who stands still holds up the writers. Pipes and
    /// devices are not opened anew.
    ///
    /// # Errors
    ///
    /// [`is_open`](Error::is_open) if the file cannot be opened, and then the text names the path, the reason and what would
    /// help; [`is_option_mismatch`](Error::is_option_mismatch) if it is open with another mode, or rolls in another way. (What
    /// was queued by sinks that are gone is waited for, five seconds at most, and is then no hindrance.)
    pub fn open(self) -> Result<Sink, Error> {
        let deadline = Instant::now() + FILE_IS_FREE;
        let mut is_held = false;
        loop {
            let lease = file::open(&self)?;
            let core = core_of(&lease);
            if lease.value().agrees_with(&self) {
                return Ok(Sink::of_core(core, Some(Arc::new(lease))));
            }
            // Nobody may have the file any more but a writer thread, which writes what was queued and then lets go of it.
            if has_closing_queues(&core) && Instant::now() < deadline {
                is_held = false;
                drop((core, lease));
                thread::sleep(Duration::from_millis(1));
            } else if !is_held {
                // The writer thread may have let go of the file after we looked. Retry once without our own lease: if the options still
                // differ, another sink holds the file.
                is_held = true;
            } else {
                return Err(lease.value().mismatch(&self));
            }
        }
    }
}

/// Returns the core of an open file, which all sinks on it share.
fn core_of(lease: &FileLease) -> Arc<Core> {
    let open = lease.value();
    let core = open.attached(|appender| Core::new(AnyOutput::Lines(Box::new(appender))));
    match core.downcast() {
        Ok(core) => core,
        Err(_) => unreachable!("only this function attaches something to an open file"),
    }
}

#[cfg(test)]
mod tests;
