//! A document per path.

use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::errors::{busy, fence_given_twice, not_locked, read_too_late};
use super::guard::StoreGuard;
use super::instances::Open;
use super::shared::Ask;
use super::version::StoreSnapshot;
use crate::error::{Error, ErrorKind};
use crate::lock::{OwnedMutexGuard, before, try_offload};
use crate::store::carried::in_context;
use crate::store::lease::LeaseGuard;

/// A document at a path: one for all threads of the process, and saved only over what was read.
///
/// Cheap to clone; clones, and all who open the path, share one instance, which is gone with the last of them.
///
/// ```
/// use std::time::Duration;
///
/// use logscope::store::Store;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Default, Deserialize, Serialize)]
/// struct Project { builds: u32, last: Option<String> }
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("project.json");
/// let project: Store<Project> = Store::open(&path)?;
///
/// let mut guard = project.lock(Duration::from_secs(10))?;
/// guard.builds += 1;
/// guard.last = Some("uno".to_owned());
/// guard.save()?; // without this, the changes are dropped with the guard
///
/// let snapshot = project.read()?;
/// assert_eq!((snapshot.builds, snapshot.generation()), (1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The [module](crate::store) says what holds for documents, and what does not.
pub struct Store<T> {
    document: Open<T>,
}

impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> Store<T> {
    /// Returns the document as it is now, or as it was saved since.
    ///
    /// Reads the first line of the file, looks how long the file is, and reads the rest only if another process has saved since the document was read last. Takes no lock of the
    /// document, and needs no cache.
    ///
    /// # Errors
    ///
    /// Those of [`StoreOptions::open`](super::StoreOptions::open) that have to do with the file.
    pub fn read(&self) -> Result<StoreSnapshot<T>, Error> {
        self.document.read().map(StoreSnapshot)
    }

    /// Locks the document to change it. Waits up to `timeout`, in all, for others who have it locked.
    ///
    /// One thread or task of this process at a time has it locked; with a [lease](super::StoreOptions::lease), one of all processes. The guard has the
    /// document as it is then, what was saved last of disk and cache.
    ///
    /// There is no queue between processes. One that has just unlocked a document under a lease lets others go first, for up to 100 ms and up to half
    /// of `timeout`, also if there are none: see [`Lease::acquire`](crate::store::Lease::acquire). Without a lease, and with [`MemoryLeases`](crate::store::MemoryLeases), a lone
    /// thread goes on at once.
    ///
    /// On top of `timeout` come the answers of the cache and of the lease's backend. One that stands still takes its own time: Redis twice the
    /// `RedisOptions::timeout` for a step. The cache is asked before the lease is, and one that did not answer is
    /// [left alone](super::CacheGone) for a while.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::TimedOut`] if somebody else has it locked all the time.
    /// - Those of [`Lease::acquire`](crate::store::Lease::acquire). Among these is [`ErrorKind::Unreachable`] if the lease was over before the
    ///   document was read.
    /// - Those of [`StoreOptions::open`](super::StoreOptions::open) that have to do with the file and the cache.
    /// - [`ErrorKind::LeaseLost`] if the lease has a fencing number that is not higher than the one that the document was saved under: then the backend
    ///   has lost its numbers.
    #[track_caller]
    pub fn lock(&self, timeout: Duration) -> Result<StoreGuard<T>, Error> {
        let deadline = Instant::now().checked_add(timeout);
        let gate = self.document.enter(timeout).ok_or_else(|| busy(self.path(), timeout))?;
        let lease = match &self.document.settings.lease {
            Some(lease) => {
                self.document.ask_cache()?;
                Some(lease.acquire(left(deadline)).map_err(|error| not_locked(self.path(), error))?)
            }
            None => None,
        };
        self.begin(gate, lease)
    }

    /// Locks the document to change it, in a task. Waits up to `timeout` in all for others, from the first poll on, and as [`lock`](Self::lock) for
    /// what it asks.
    ///
    /// Works with any executor. Files and servers are asked on a thread of the library. A dropped future waits no more and holds nothing; what its
    /// thread has just got is released at once.
    ///
    /// # Errors
    ///
    /// Those of [`lock`](Self::lock), and [`ErrorKind::Lock`] if no thread can be started.
    #[track_caller]
    pub fn lock_async(&self, timeout: Duration) -> impl Future<Output = Result<StoreGuard<T>, Error>> + Send + use<T> {
        let (store, gate) = (self.clone(), self.document.enter_async());
        async move {
            let deadline = Instant::now().checked_add(timeout);
            let gate = before(deadline, gate).await.ok_or_else(|| busy(store.path(), timeout))?;
            let lease = match &store.document.settings.lease {
                Some(lease) => {
                    if store.document.settings.cached.is_some() {
                        store.on_thread(|store| store.document.ask_cache()).await?;
                    }
                    let acquired = lease.acquire_async(left(deadline)).await;
                    Some(acquired.map_err(|error| not_locked(store.path(), error))?)
                }
                None => None,
            };
            store.on_thread(move |store| store.begin(gate, lease)).await
        }
    }

    /// Runs `work` on a thread of the library, which logs to where the task logs.
    async fn on_thread<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        let store = self.clone();
        try_offload("logscope-store", in_context(move || work(&store))).await.map_err(|error| {
            let text = format!("cannot start a thread to read the document {}", self.path().display());
            Error::from_io(ErrorKind::Lock, text, error)
        })?
    }

    fn begin(&self, gate: OwnedMutexGuard<()>, lease: Option<LeaseGuard>) -> Result<StoreGuard<T>, Error> {
        // Under a lease, the cache was asked before.
        let seen = self.document.refresh(if lease.is_some() { Ask::IfOlder } else { Ask::Always })?;
        let known = seen.version.fence;
        if let Some(lease) = &lease
            && lease.fence() <= known
        {
            let key = self.document.key_if_from_cache(&seen);
            return Err(fence_given_twice(self.path(), lease.fence(), known, key));
        }
        if lease.as_ref().is_some_and(|lease| lease.remaining().is_zero()) {
            return Err(read_too_late(self.path()));
        }
        Ok(StoreGuard::new(self.document.clone(), gate, lease, &seen))
    }
}

/// How much is left of a time-out.
fn left(deadline: Option<Instant>) -> Duration {
    deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()))
}

impl<T> Store<T> {
    pub(super) fn new(document: Open<T>) -> Self {
        Store { document }
    }

    /// Returns the path of the document, with its folder made canonical.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.document.place.path()
    }

    /// Returns true if both are the same instance.
    #[must_use]
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        this.document.ptr_eq(&other.document)
    }
}

impl<T> Clone for Store<T> {
    fn clone(&self) -> Self {
        Store { document: self.document.clone() }
    }
}

impl<T> fmt::Debug for Store<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("path", &self.path()).finish_non_exhaustive()
    }
}
