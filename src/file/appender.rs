//! The output of a file: appends lines, keeps the file at its path, and rolls.
//!
//! `appender/location.rs` explains how a file that was moved or removed is noticed. `appender/roll.rs` switches to the next file of a log
//! that rolls; `roll` decides which file that is, and when.

mod location;
mod roll;

use std::io::{self, ErrorKind, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::current::{By, CurrentFile};
use super::descriptors::{self, Parkable};
use super::folders;
use super::keys::OwnKeys;
use super::name::shown_path;
use super::os::{self, FileLocation, OpenOptions, OpenedFile};
use super::roll::Roller;
use super::rounds::Rounds;
use super::unsynced::{SyncError, SyncJob};
use crate::bytes::{Batch, Line};
use crate::clock::Clock;
use crate::fallback::report;
use crate::limits::{FILE_CHECK, REOPEN};
use crate::output::{Output, allocating_under_lock};
use crate::process::is_forked;
use crate::sync::{Arc, AtomicBool, Mutex, MutexGuard, Ordering, Weak};

/// How long a check of the location stays valid, in nanoseconds.
const CHECK_INTERVAL: u64 = FILE_CHECK.as_nanos() as u64;

/// The output of one file, or of one log that rolls.
pub(crate) struct Appender {
    keys: OwnKeys,
    this: Weak<Appender>,
    /// The path as the program gave it, for messages.
    display_path: PathBuf,
    options: OpenOptions,
    create_parents: bool,
    /// False for files whose location is never checked, and which are never parked or reopened: see [`OpenedFile`].
    is_named_regular: bool,
    is_terminal: bool,
    /// Written to since the hand of the clock algorithm last passed: see [`descriptors`].
    used_lately: AtomicBool,
    /// The clock of the program's own by which the log rolls, if it has one.
    roll_clock: Option<Clock>,
    current: Mutex<CurrentFile>,
    syncs: Rounds<Result<(), SyncError>>,
}

/// The parts of a new [`Appender`].
pub(super) struct AppenderParts {
    pub(super) keys: OwnKeys,
    /// The path as the program gave it, for messages.
    pub(super) display_path: PathBuf,
    /// The absolute path of the open file. For a log that rolls, its name is not that of the log.
    pub(super) absolute_path: PathBuf,
    pub(super) options: OpenOptions,
    pub(super) create_parents: bool,
    pub(super) opened: OpenedFile,
    pub(super) roller: Option<Roller>,
    /// How many directories were created for the file.
    pub(super) new_folders: usize,
}

impl Appender {
    pub(super) fn new(parts: AppenderParts) -> Arc<Self> {
        let AppenderParts { keys, display_path, absolute_path, options, create_parents, opened, roller, new_folders } =
            parts;
        let (is_named_regular, is_terminal) = (opened.is_named_regular, opened.file.is_terminal());
        let roll_clock = roller.as_ref().and_then(Roller::custom_clock);
        let mut current = CurrentFile::new(opened, absolute_path, roller, new_folders);
        current.next_check = os::coarse_monotonic() + CHECK_INTERVAL;
        Arc::new_cyclic(|this| Appender {
            keys,
            this: Weak::clone(this),
            display_path,
            options,
            create_parents,
            is_named_regular,
            is_terminal,
            used_lately: AtomicBool::new(true),
            roll_clock,
            current: Mutex::new(current),
            syncs: Rounds::new(),
        })
    }

    /// Counts the file as open, and cleans up after earlier runs of a log that rolls. Called once the registry has accepted this output;
    /// if the file had an output already, the new one is dropped instead.
    pub(super) fn on_registered(&self) {
        if self.is_tracked() {
            descriptors::add_open(self.keys.id(), Weak::<Appender>::clone(&self.this));
        }
        let current = &mut *self.current.lock();
        if let Some(roller) = &mut current.roller
            && let Ok(files) = roller.list()
        {
            roller.clean_up(self.keys, files, current.length);
        }
    }

    /// Returns how the file is opened, and whether with its directories, if another process that opens it for appending adds whole lines to it.
    pub(super) fn options_elsewhere(&self) -> Option<(OpenOptions, bool)> {
        // Only tried: a thread may stand still in a write. Then it is not known whether the file has become one with a descriptor since.
        let is_shared = self.current.try_lock().is_none_or(|current| current.is_shared);
        (self.is_named_regular && !is_shared).then_some((self.options, self.create_parents))
    }

    /// Keeps other threads from writing to the file until the result is dropped. For an output that no other thread can have yet, so it does not
    /// wait.
    pub(super) fn lock_new(&self) -> MutexGuard<'_, CurrentFile> {
        self.current.lock()
    }

    /// Closes the file if it is at its path. Returns true if the file was closed.
    fn park(&self, current: &mut CurrentFile) -> bool {
        // A stream is found again by its file, another descriptor of the program is not.
        if current.file.is_none() || (current.is_shared && current.stream.is_none()) {
            return false;
        }
        // By the path, because that is how the file is opened again.
        match current.locate(By::Path, self.options.follow_links) {
            Ok(FileLocation::InPlace { length }) => {
                current.mark_in_place(length);
                // Before the file is closed: from then on another file may get its inode.
                self.keys.release_key();
                current.close();
                descriptors::remove_open(self.keys.id());
                true
            }
            // Closing the file now could lose its last records. The next location check saves them.
            _ => false,
        }
    }

    /// Returns true if there is an open file with a path. A parked file is reopened by its path in any case.
    pub(super) fn is_reopenable(&self, deadline: Instant) -> bool {
        // A file that another thread holds until `deadline` is being written to, so it is open.
        self.is_named_regular && self.lock_until(Some(deadline)).is_none_or(|current| current.file.is_some())
    }

    /// Returns true if the location of the file is checked, and the file may be parked.
    fn is_tracked(&self) -> bool {
        self.is_named_regular && os::CAN_TRACK
    }

    /// Takes what is to be synced, and calls `close` under the lock. Returns none if another thread holds the lock until `deadline`.
    fn begin_sync(&self, deadline: Option<Instant>, close: impl FnOnce()) -> Option<SyncJob> {
        let current = &mut *self.lock_until(deadline)?;
        close();
        let located = if self.is_tracked() { self.check_location(current, By::Folder) } else { Ok(()) };
        Some(current.unsynced.take(current.file.as_ref(), located))
    }

    /// Returns the lock of the current file. Returns none if another thread holds it until `deadline`: it is in the middle of a write.
    fn lock_until(&self, deadline: Option<Instant>) -> Option<MutexGuard<'_, CurrentFile>> {
        match deadline {
            Some(deadline) => self.current.try_lock_until(deadline),
            None => Some(self.current.lock()),
        }
    }

    /// Writes through the descriptor of the program from now on that `other` was opened by, if it was. Both have the same file open. Otherwise
    /// this output would append to the file, while those who have the descriptor write at its offset.
    ///
    /// # Errors
    ///
    /// Another thread has been writing to the file for [`REOPEN`], or there is no descriptor left.
    pub(super) fn share_descriptor_of(&self, other: &Appender) -> io::Result<()> {
        let Some(mut opened) = descriptors::retry_after_parking(|| other.current.lock().duplicate_shared())? else {
            return Ok(());
        };
        let Some(mut current) = self.lock_until(Instant::now().checked_add(REOPEN)) else { return Err(busy()) };
        // One descriptor is as good as another, but a standard stream has a lock that others take.
        let is_shared = current.is_shared && (current.stream.is_some() || opened.stream.is_none());
        // The file may have been moved since, so that this output has another one.
        if is_shared || current.identity != opened.identity {
            return Ok(());
        }
        opened.folder = current.folder.clone();
        let path = current.path.clone();
        self.switch_to(&mut current, &path, opened)
    }

    /// Opens the regular file at `path`, and creates it if there is none.
    fn open(&self, current: &mut CurrentFile, path: &Path) -> io::Result<OpenedFile> {
        if self.create_parents
            && let Some(parent) = path.parent()
        {
            let new = folders::create(parent)?;
            current.unsynced.new_folders = current.unsynced.new_folders.max(new);
        }
        regular(descriptors::open(path, self.options)?)
    }

    /// Writes to `opened`, which was opened at `path`, from now on. Reports bytes of a removed file that cannot be saved.
    fn switch_to(&self, current: &mut CurrentFile, path: &Path, opened: OpenedFile) -> io::Result<()> {
        let was_parked = current.file.is_none();
        let lost = current.replace(opened, path, |identity| self.keys.hold_key(identity))?;
        if was_parked {
            descriptors::add_open(self.keys.id(), Weak::<Appender>::clone(&self.this));
        }
        if lost > 0 {
            let path = self.display_path.display();
            report(format_args!(
                "{path} was removed, and the last {lost} bytes that were written to it are lost, because it cannot be read"
            ));
        }
        Ok(())
    }
}

/// Returns an error for a file that a log cannot be opened anew as. A regular file that has become a standard stream in the meantime is one.
pub(super) fn regular(opened: OpenedFile) -> io::Result<OpenedFile> {
    if opened.is_named_regular || opened.stream.is_some() {
        Ok(opened)
    } else {
        Err(io::Error::other("it is not a regular file"))
    }
}

#[cold]
fn busy() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "another thread is in the middle of a write")
}

impl Parkable for Appender {
    fn park_if_idle(&self) -> bool {
        // Relaxed: the flag is a hint, and no other data is read because of it.
        if self.used_lately.swap(false, Ordering::Relaxed) {
            return false;
        }
        self.current.try_lock().is_some_and(|mut current| self.park(&mut current))
    }
}

impl Output for Appender {
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        self.write_batch(&mut Batch::one(line, &[line.bytes().len()]))
    }

    fn write_batch(&self, batch: &mut Batch<'_>) -> io::Result<()> {
        // Relaxed: the flag is a hint for the hand that looks for idle files, and no other data is read because of it.
        self.used_lately.store(true, Ordering::Relaxed);
        let time = self.roll_clock.as_ref().map(Clock::wall);
        let current = &mut *self.current.lock();
        if let (Some(time), Some(roller)) = (time, &mut current.roller) {
            roller.set_time(time);
        }
        self.prepare_write(current)?;
        if current.roller.is_some() { self.write_rolling(current, batch) } else { current.write_batch(batch) }
    }

    /// Checks the location of the file. The output buffers nothing, but after a flush a reader of the path must find all records.
    fn flush(&self, deadline: Duration) -> io::Result<()> {
        if !self.is_tracked() {
            return Ok(());
        }
        match self.current.try_lock_for(deadline) {
            Some(mut current) if current.unchecked_bytes() > 0 => self.check_location(&mut current, By::Folder),
            // All records were at the path at the last check. If the file has been removed since, or is just being removed, as a program's
            // temporary directory is when the program ends, there is nothing to save: neither is it reported, nor are the file and its
            // directories made anew. So it is looked for once: a second look could find it removed.
            Some(mut current) => {
                let location = current.locate(By::Folder, self.options.follow_links);
                if current.file.is_some() && !matches!(location, Ok(FileLocation::Removed)) {
                    let _ = self.follow(&mut current, By::Folder, location);
                }
                Ok(())
            }
            // A thread that holds the lock for longer than `deadline` is writing, and writes check the location themselves.
            None => Ok(()),
        }
    }

    /// Syncs all files that were written to since the last sync. Log calls go on meanwhile.
    fn sync(&self, deadline: Duration) -> io::Result<()> {
        let until = Instant::now().checked_add(deadline);
        // The work may be done by another thread, and it closes files, and so frees memory under their locks.
        let work = |job: &SyncJob| allocating_under_lock(|| job.run());
        // In a forked child, the lock of the rounds may stay held for ever, by a thread that only the parent has.
        let result = match is_forked() {
            true => self.begin_sync(until, || {}).map(|job| work(&job)),
            false => self.syncs.join(until, |lead| self.begin_sync(until, || lead.close()), work),
        };
        match result {
            Some(result) => result.map_err(io::Error::from),
            None => Err(ErrorKind::TimedOut.into()),
        }
    }

    fn reopen(&self, deadline: Duration) -> io::Result<()> {
        if !self.is_named_regular {
            return Err(ErrorKind::Unsupported.into());
        }
        let Some(mut current) = self.lock_until(Instant::now().checked_add(deadline)) else {
            return Err(busy());
        };
        if os::CAN_TRACK { self.check_location(&mut current, By::Path) } else { self.reopen_path(&mut current) }
    }

    fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    fn describe(&self) -> String {
        format!("file {}", shown_path(&self.display_path))
    }
}

impl Drop for Appender {
    /// Saves the last records of a removed file.
    fn drop(&mut self) {
        descriptors::remove_open(self.keys.id());
        let current = &mut *self.current.lock();
        let unchecked_bytes = current.unchecked_bytes();
        if !self.is_tracked()
            || unchecked_bytes == 0
            || !matches!(current.locate(By::Folder, self.options.follow_links), Ok(FileLocation::Removed))
        {
            return;
        }
        if let Err(error) = self.reopen_file(current) {
            let path = self.display_path.display();
            report(format_args!(
                "{path} was removed, and the last {unchecked_bytes} bytes that were written to it are lost, because it cannot be \
                 opened anew: {error}"
            ));
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
