//! The limit of log files that are open at once. Idle files are closed to make room, and opened again for their next record.
//!
//! Ten thousand contexts with a file each must work where a process may have 1,024 descriptors. So there is a limit: half of the
//! descriptors that the process may have, unless the program sets another. At the limit, and when the system has no descriptor left, a
//! file that was not written to for long is *parked*: its output checks that the path still leads to the file, and closes it. The next
//! write to a parked file opens its path again, and checks whether that is still the same file.
//!
//! Choosing the file to park must cost the write path next to nothing. So the choice only approximates the least recently used file, with
//! the clock algorithm: each write sets a flag, and a hand goes round the open files. The hand clears the flags that are set, and parks
//! the first file whose flag is still clear since its last round. It passes over a file that is being written to: the hand never waits.
//!
//! A file that was moved away stays open until it is synced, as a [`KeptFile`], a few for each log. It counts as an open file, and the log closes
//! it when it is parked itself.
//!
//! The limit governs new files and is not a promise. If no file can be parked because all are being written to, one more is opened.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Bound::{Excluded, Unbounded};
use std::path::Path;

use super::os::{self, Folder, OpenOptions, OpenedFile};
use crate::output::allocating_under_lock;
use crate::process::ForkLocal;
use crate::registry::EntryId;
use crate::sync::{Arc, AtomicUsize, Mutex, Ordering, Weak};

/// Unless the program sets a limit, log files may take the descriptors of the process divided by this number.
const SHARE_DIVISOR: u64 = 2;

/// How many files are parked when the process or the system has no descriptor left.
const PARKED_AT_ONCE: usize = 8;

/// How often files are parked for one opening: other threads may take the freed descriptors.
const MAX_ATTEMPTS: usize = 4;

/// The limit that the program has set, or 0.
static LIMIT: AtomicUsize = AtomicUsize::new(0);

/// How many [`KeptFile`]s there are.
static KEPT: AtomicUsize = AtomicUsize::new(0);

static OPEN: ForkLocal<Mutex<OpenSet>> = ForkLocal::new(Mutex::new(OpenSet::EMPTY), |parents| {
    Mutex::new(parents.try_lock().map_or(OpenSet::EMPTY, |set| set.clone()))
});

/// A log file that can be parked: closed until the next write.
pub(super) trait Parkable: Send + Sync {
    /// Parks the file unless it was written to since the last call, or is being written to. Returns true if the file was parked.
    fn park_if_idle(&self) -> bool;
}

#[derive(Clone)]
struct OpenSet {
    /// The files that are open and may be parked.
    files: BTreeMap<EntryId, Weak<dyn Parkable>>,
    /// The file that the hand of the clock algorithm points at.
    hand: Option<EntryId>,
}

impl OpenSet {
    const EMPTY: OpenSet = OpenSet { files: BTreeMap::new(), hand: None };
}

/// A file that its log has left and keeps open. It counts in the limit.
#[derive(Debug)]
pub(super) struct KeptFile(Arc<File>);

impl KeptFile {
    pub(super) fn new(file: Arc<File>) -> Self {
        // Relaxed, here and below: a counter, on which no other data depends.
        KEPT.fetch_add(1, Ordering::Relaxed);
        KeptFile(file)
    }

    pub(super) fn file(&self) -> &File {
        &self.0
    }
}

impl Drop for KeptFile {
    fn drop(&mut self) {
        KEPT.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Sets how many log files this process has open at once, at most.
///
/// ```
/// logscope::sink::max_open_files(200);
/// ```
///
/// Unless set, log files may take half of the descriptors that the process may have (`RLIMIT_NOFILE`). The number of sinks is not
/// limited: a file that was not written to for long is closed, and its path is opened again for the next record, which costs a few
/// microseconds. The descriptor of a directory is shared by its open log files, and counts in the half, but not in a limit that is set.
/// A file that was moved away stays open until it is synced, four of each log at most and only while the log itself is open; these count, too.
/// Pipes, devices, and files that were opened through `/dev/stdout` and its like stay open and do not count. If the
/// process runs out of descriptors for other reasons, log files are closed too, to open new ones. While threads write to more files
/// than the limit at the same moment, more files are open. Unix only: elsewhere the file of each sink stays open.
///
/// A program that gives up privileges after it has opened its logs (`setuid`, `chroot`) should set a limit that keeps them all open,
/// since a closed file is opened again with the privileges of that moment.
pub fn max_open_files(limit: usize) {
    // Relaxed: no other data is read because of this number.
    LIMIT.store(limit.max(1), Ordering::Relaxed);
    // A file that is closed frees memory under its lock.
    allocating_under_lock(|| make_room(0));
}

/// Returns how many log files may be open at once.
fn limit() -> usize {
    match LIMIT.load(Ordering::Relaxed) {
        // Read for each opening, because programs raise their own limit. It costs little beside the opening.
        0 => os::descriptor_limit()
            .map_or(usize::MAX, |all| usize::try_from(all / SHARE_DIVISOR).unwrap_or(usize::MAX).max(1)),
        set => set,
    }
}

/// Opens `path` for appending, and creates the file if there is none. Parks idle files to make room.
pub(super) fn open(path: &Path, options: OpenOptions) -> io::Result<OpenedFile> {
    if os::CAN_TRACK {
        make_room(1);
    }
    retry_after_parking(|| os::open(path, options))
}

/// Opens the file with the name of `path` in `folder`, as [`open`] does.
pub(super) fn open_in(folder: &Arc<Folder>, path: &Path, options: OpenOptions) -> io::Result<OpenedFile> {
    make_room(1);
    retry_after_parking(|| os::open_in(folder, path, options))
}

/// Calls `open`, which takes a descriptor. If there is none left, parks files and tries again.
pub(super) fn retry_after_parking<R>(mut open: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    for _ in 0..MAX_ATTEMPTS {
        match open() {
            Err(error)
                if os::is_out_of_descriptors(&error) && (0..PARKED_AT_ONCE).filter(|_| park_one()).count() > 0 => {}
            result => return result,
        }
    }
    open()
}

/// Counts a file as open. From now on it may be parked.
pub(super) fn add_open(id: EntryId, file: Weak<dyn Parkable>) {
    OPEN.get().lock().files.insert(id, file);
}

/// Counts a file as closed.
pub(super) fn remove_open(id: EntryId) {
    OPEN.get().lock().files.remove(&id);
}

/// Parks files until `more` files can be opened within the limit.
fn make_room(more: usize) {
    let limit = limit();
    // Unless the program counts files, the descriptors of their directories count, too.
    let folders = || if LIMIT.load(Ordering::Relaxed) == 0 { Folder::count() } else { 0 };
    let others = || folders() + KEPT.load(Ordering::Relaxed);
    while OPEN.get().lock().files.len().saturating_add(more).saturating_add(others()) > limit && park_one() {}
}

/// Parks an idle file. Returns false if there is none.
fn park_one() -> bool {
    // The first round clears all flags, so the second finds every file that was not written to in between.
    let steps = 2 * OPEN.get().lock().files.len();
    (0..steps).map_while(|_| advance_hand()).any(|file| file.park_if_idle())
}

/// Moves the hand to the next file, and returns that file. Returns none if no file is open.
fn advance_hand() -> Option<Arc<dyn Parkable>> {
    let set = &mut *OPEN.get().lock();
    // Skip an output that is being dropped: its `Drop` removes it from the set.
    for _ in 0..set.files.len() {
        let after = set.hand.map_or(Unbounded, Excluded);
        let (id, file) = set.files.range((after, Unbounded)).next().or_else(|| set.files.first_key_value())?;
        set.hand = Some(*id);
        if let Some(file) = file.upgrade() {
            return Some(file);
        }
    }
    None
}
