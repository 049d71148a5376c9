//! Lets tests see which files and directories are synced, make a sync fail or wait, and see and hold up a truncation.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use super::identity::Identity;
use crate::sync::{Arc, Condvar, Mutex};

#[derive(Default)]
struct Watched {
    syncs: usize,
    truncations: usize,
    failures: usize,
    is_held: bool,
}

/// The files and directories that tests watch.
static WATCHED: Mutex<Option<HashMap<Identity, Watched>>> = Mutex::new(None);
static CHANGED: Condvar = Condvar::new();

/// Counts the syncs of one file or directory.
pub(crate) struct SyncWatch(Identity, Arc<File>);

impl SyncWatch {
    /// Watches what is at `path` now. It is kept open, so that no other file gets its inode.
    pub(crate) fn new(path: &Path) -> Self {
        let file = File::open(path).unwrap();
        let identity = Identity::of(&file.metadata().unwrap());
        WATCHED.lock().get_or_insert_default().insert(identity.clone(), Watched::default());
        SyncWatch(identity, Arc::new(file))
    }

    fn with<R>(&self, f: impl FnOnce(&mut Watched) -> R) -> R {
        f(WATCHED.lock().as_mut().unwrap().get_mut(&self.0).unwrap())
    }

    /// Returns the number of syncs since the last call.
    pub(crate) fn take(&self) -> usize {
        self.with(|watched| std::mem::take(&mut watched.syncs))
    }

    /// Lets the next `count` syncs or truncations fail.
    pub(crate) fn fail(&self, count: usize) {
        self.with(|watched| watched.failures = count);
    }

    /// Waits until a truncation begins. Fails if none does in a minute.
    pub(crate) fn wait_for_truncation(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut all = WATCHED.lock();
        while all.as_ref().unwrap()[&self.0].truncations == 0 {
            assert!(!CHANGED.wait_until(&mut all, deadline).timed_out(), "nothing truncates the file");
        }
    }

    /// Holds syncs and truncations up, or lets them go on.
    pub(crate) fn hold(&self, is_held: bool) {
        self.with(|watched| watched.is_held = is_held);
        CHANGED.notify_all();
    }

    /// True if something else than this watch has the file open.
    #[cfg(target_os = "linux")]
    pub(crate) fn is_open_elsewhere(&self) -> bool {
        let own = std::os::fd::AsRawFd::as_raw_fd(&*self.1);
        let is_it = |entry: fs::DirEntry| {
            entry.file_name().to_str() != Some(&own.to_string())
                && fs::metadata(entry.path()).is_ok_and(|metadata| Identity::of(&metadata) == self.0)
        };
        fs::read_dir("/proc/self/fd").unwrap().flatten().any(is_it)
    }
}

/// Fails if a test has the sync of this file fail.
pub(super) fn before_sync(file: &File) -> io::Result<()> {
    before(file, |watched| watched.syncs += 1)
}

/// Fails if a test has the truncation of this file fail.
pub(super) fn before_truncation(file: &File) -> io::Result<()> {
    before(file, |watched| watched.truncations += 1)
}

fn before(file: &File, count: impl FnOnce(&mut Watched)) -> io::Result<()> {
    let identity = Identity::of(&file.metadata()?);
    let mut all = WATCHED.lock();
    let Some(watched) = all.as_mut().and_then(|all| all.get_mut(&identity)) else { return Ok(()) };
    count(watched);
    CHANGED.notify_all();
    let fails = watched.failures > 0;
    watched.failures -= usize::from(fails);
    while all.as_ref().is_some_and(|all| all.get(&identity).is_some_and(|watched| watched.is_held)) {
        CHANGED.wait(&mut all);
    }
    if fails { Err(io::Error::from_raw_os_error(5)) } else { Ok(()) }
}
