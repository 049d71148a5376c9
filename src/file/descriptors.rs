//! How many log files are open at once: idle ones are closed to make room, and opened again when they are written to.
//!
//! Ten thousand contexts with a file each must work where a process may have 1,024 descriptors. So there is a limit, half of what
//! the process may have unless the program sets one. At the limit, and when the system says that there are no descriptors
//! left, a file that was not written to for long is *parked*: it is looked at for a last time, and closed. What is written to
//! it later opens it by its name, and looks whether that is still the same file.
//!
//! Which one is chosen must cost the write path next to nothing, so it is not the one that was used least recently but almost:
//! each write sets a flag, and a hand that goes round clears the flags that it finds set, and takes the first file whose flag
//! is still clear from its last round. A file that is in the middle of a write is passed over: the hand never waits.
//!
//! The limit is one for new files, not a promise: where none can be parked, because all are being written to, one more is opened.

use std::collections::BTreeMap;
use std::io;
use std::ops::Bound::{Excluded, Unbounded};
use std::path::Path;

use super::os::{self, OpenOptions, OpenedFile};
use super::registry::EntryId;
use crate::sync::{Arc, AtomicUsize, Mutex, Ordering, Weak};

/// What of the process's descriptors is for logs, unless it is set.
const SHARE: u64 = 2;

/// How many files are parked when the process, or the system, has no descriptor left.
const AT_ONCE: usize = 8;

/// How often that is done for one opening: others may take what it frees.
const TRIES: usize = 4;

/// As it was set; 0 if it was not.
static LIMIT: AtomicUsize = AtomicUsize::new(0);

static RING: Mutex<Ring> = Mutex::new(Ring { open: BTreeMap::new(), hand: None });

/// A log file that can be closed while nobody writes to it.
pub(super) trait CloseIdle: Send + Sync {
    /// Closes the file if nobody has written to it since the last call, and nobody writes to it now. True if it was closed.
    fn close_if_idle(&self) -> bool;
}

struct Ring {
    /// The files that are open and may be parked.
    open: BTreeMap<EntryId, Weak<dyn CloseIdle>>,
    /// The last one that was looked at.
    hand: Option<EntryId>,
}

/// Sets how many log files this process has open at once, at the most: half of the descriptors that it may have
/// (`RLIMIT_NOFILE`), unless set.
///
/// There may be any number of sinks. What has not been written to for long is closed, and opened again, by its name, for the
/// next record; that costs a few microseconds. Pipes, devices and what is reached by `/dev/stdout` stay open and do not
/// count. When the process has no descriptors left for other reasons, log files are closed for new ones all the same. With
/// threads that write to more files than that at one moment there are more for that moment. Unix only: elsewhere each sink's
/// file stays open.
///
/// A program that gives rights away after it has opened its logs (`setuid`, `chroot`) should set a limit that keeps them all open: what
/// was closed is opened with the rights that there are then.
///
/// ```
/// logscope::sink::max_open_files(200);
/// ```
pub fn max_open_files(limit: usize) {
    // Relaxed: a number that stands alone.
    LIMIT.store(limit.max(1), Ordering::Relaxed);
    make_room(0);
}

fn limit() -> usize {
    match LIMIT.load(Ordering::Relaxed) {
        // Asked each time, because programs raise their own limit; it costs little beside an opening.
        0 => os::descriptor_limit().map_or(usize::MAX, |all| usize::try_from(all / SHARE).unwrap_or(usize::MAX).max(1)),
        set => set,
    }
}

/// Opens `path` for appending, and creates the file if there is none. Idle files are closed to make room for it.
pub(super) fn open(path: &Path, options: OpenOptions) -> io::Result<OpenedFile> {
    if os::CAN_TRACK {
        make_room(1);
    }
    or_park(|| os::open(path, options))
}

/// Opens something that takes a descriptor, and parks files for it if there is none left.
pub(super) fn or_park<R>(mut open: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    for _ in 0..TRIES {
        match open() {
            Err(error) if os::no_room(&error) && (0..AT_ONCE).filter(|_| park_one()).count() > 0 => {}
            result => return result,
        }
    }
    open()
}

/// Counts a file as open, and as one that may be parked.
pub(super) fn enter(id: EntryId, file: Weak<dyn CloseIdle>) {
    RING.lock().open.insert(id, file);
}

/// Counts a file as closed.
pub(super) fn leave(id: EntryId) {
    RING.lock().open.remove(&id);
}

/// Parks files until `more` fit within the limit.
fn make_room(more: usize) {
    let limit = limit();
    while RING.lock().open.len().saturating_add(more) > limit && park_one() {}
}

/// Parks an idle file; false if there is none.
fn park_one() -> bool {
    // Twice around finds all flags clear that are not set in the meantime.
    let steps = 2 * RING.lock().open.len();
    (0..steps).map_while(|_| next()).any(|file| file.close_if_idle())
}

/// Moves the hand on.
fn next() -> Option<Arc<dyn CloseIdle>> {
    let ring = &mut *RING.lock();
    // One that is being dropped is no more to be had, and leaves by itself.
    for _ in 0..ring.open.len() {
        let after = ring.hand.map_or(Unbounded, Excluded);
        let (id, file) = ring.open.range((after, Unbounded)).next().or_else(|| ring.open.first_key_value())?;
        ring.hand = Some(*id);
        if let Some(file) = file.upgrade() {
            return Some(file);
        }
    }
    None
}
