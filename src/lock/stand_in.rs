//! A stand-in for the lock between processes, until that is there.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind};
use crate::sync::thread;

#[derive(Clone, Debug)]
pub(crate) struct FileLock(PathBuf);

#[derive(Debug)]
pub(crate) struct FileLockGuard(File, PathBuf);

impl FileLock {
    pub(crate) fn new(path: impl AsRef<Path>) -> Self {
        FileLock(path.as_ref().to_owned())
    }
    pub(crate) fn purpose(self, _: impl Into<String>) -> Self {
        self
    }
    pub(crate) fn silent(self, _: bool) -> Self {
        self
    }
    fn take(&self, shared: bool, timeout: Duration) -> Result<FileLockGuard, Error> {
        let fail = |error| Error::from_io(ErrorKind::Open, format_args!("cannot lock {}", self.0.display()), error);
        let began = Instant::now();
        loop {
            ensure_dir_writable(self.0.parent().expect("it has one"))?;
            let file = File::options().read(true).write(true).create(true).truncate(false).open(&self.0).map_err(fail)?;
            let locked = if shared { file.try_lock_shared() } else { file.try_lock() };
            if locked.is_ok() {
                let guard = FileLockGuard(file, self.0.clone());
                if guard.verify().is_ok() {
                    return Ok(guard);
                }
            }
            if began.elapsed() > timeout {
                return Err(Error::new(ErrorKind::Open, "timed out"));
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
    pub(crate) fn acquire(&self, timeout: Duration) -> Result<FileLockGuard, Error> {
        self.take(false, timeout)
    }
    pub(crate) fn acquire_shared(&self, timeout: Duration) -> Result<FileLockGuard, Error> {
        self.take(true, timeout)
    }
    pub(crate) async fn acquire_async(&self, timeout: Duration) -> Result<FileLockGuard, Error> {
        let this = self.clone();
        super::fetch::offload(move || this.acquire(timeout)).await.expect("a thread starts")
    }
    pub(crate) async fn acquire_shared_async(&self, timeout: Duration) -> Result<FileLockGuard, Error> {
        let this = self.clone();
        super::fetch::offload(move || this.acquire_shared(timeout)).await.expect("a thread starts")
    }
}

impl FileLockGuard {
    pub(crate) fn verify(&self) -> Result<(), Error> {
        use std::os::unix::fs::MetadataExt as _;
        let (one, other) = (self.0.metadata().map(|m| m.ino()).ok(), fs::metadata(&self.1).map(|m| m.ino()).ok());
        if one == other { Ok(()) } else { Err(Error::new(ErrorKind::Open, "the lock is lost")) }
    }
}

pub(crate) fn ensure_dir_writable(path: impl AsRef<Path>) -> Result<(), Error> {
    let path = path.as_ref();
    fs::create_dir_all(path)
        .map_err(|error| Error::from_io(ErrorKind::Open, format_args!("cannot make {}", path.display()), error))
}
