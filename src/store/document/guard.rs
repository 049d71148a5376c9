//! A document that is locked to be changed.

use std::error::Error as StdError;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::errors::{cannot_save, lost, unlocked, unverified};
use super::header::{DocumentVersion, Stamp};
use super::instances::Open;
use super::log::log_lease_not_released;
use super::shared::{Saving, Seen};
use crate::error::Error;
use crate::lock::{OwnedMutexGuard, Owner, Token, name_of_this_process, try_offload};
use crate::store::carried::in_context;
use crate::store::lease::LeaseGuard;

/// Has a document locked, with a value to change; from [`Store::lock`](super::Store::lock).
///
/// [`save`](Self::save) keeps the changes. Dropping the guard forgets them. It may be held over an `.await`.
///
/// It derefs to the value. To borrow several fields of it at once, take the value first: each use of the guard itself borrows all of it.
///
/// ```
/// # use logscope::store::Store;
/// # use serde::{Deserialize, Serialize};
/// #[derive(Clone, Default, Deserialize, Serialize)]
/// struct Project { names: Vec<String>, longest: usize }
///
/// # let folder = tempfile::tempdir()?;
/// # let project: Store<Project> = Store::open(folder.path().join("project.json"))?;
/// let mut guard = project.lock(std::time::Duration::ZERO)?;
/// let value = &mut *guard;
/// for name in &value.names {
///     value.longest = value.longest.max(name.len());
/// }
/// guard.save()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the document is unlocked as soon as this is dropped, and nothing is saved"]
pub struct StoreGuard<T> {
    value: T,
    token: Token,
    /// Of the document that the guard has read, or has saved last.
    version: DocumentVersion,
    fence: u64,
    disk: Option<Stamp>,
    document: Open<T>,
    /// A forked child has a copy of the guard, and must not save with it.
    owner: Owner,
    // Dropped in this order: when another thread of this process enters, the lease is free.
    lease: Option<LeaseGuard>,
    gate: OwnedMutexGuard<()>,
}

impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> StoreGuard<T> {
    pub(super) fn new(document: Open<T>, gate: OwnedMutexGuard<()>, lease: Option<LeaseGuard>, seen: &Seen<T>) -> Self {
        StoreGuard {
            value: seen.version.value.clone(),
            token: lease.as_ref().map_or_else(Token::random, LeaseGuard::token),
            version: seen.version.version(),
            fence: lease.as_ref().map_or(seen.version.fence, LeaseGuard::fence),
            disk: seen.disk.map(|disk| disk.stamp),
            document,
            owner: Owner::this_process(),
            lease,
            gate,
        }
    }

    /// Saves the value, and unlocks the document.
    ///
    /// The document is replaced whole, in one step, and synced. It is replaced only if it is the one that this guard has read.
    ///
    /// A `?` that turns the error into [`Error`] drops the value that was not saved; [`SaveError::into_value`] returns it.
    ///
    /// # Errors
    ///
    /// The document stays as it was, and the error has the value:
    ///
    /// - [`ErrorKind::LockLost`](crate::ErrorKind::LockLost) if another process has saved or removed the document since it was read, if the lease
    ///   was lost, if the document was saved under a higher fencing number, or in a forked child of the process that has it locked.
    /// - [`ErrorKind::TimedOut`](crate::ErrorKind::TimedOut) if others save it all the time: see
    ///   [`save_timeout`](super::StoreOptions::save_timeout).
    /// - [`ErrorKind::Unreachable`](crate::ErrorKind::Unreachable) if the backend of the lease, or a cache that is needed, does not answer.
    /// - [`ErrorKind::Lock`](crate::ErrorKind::Lock) if the lock for saving, or the backend of the lease, cannot be used: by another user, for example.
    /// - [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) if the document was damaged meanwhile, or something else has written it.
    /// - [`ErrorKind::Store`](crate::ErrorKind::Store) if the value has no JSON, or the file cannot be written. If only its folder could not be synced,
    ///   the new document is in place all the same; the source says so.
    pub fn save(self) -> Result<(), SaveError<T>> {
        let StoreGuard { value, token, version, fence, disk, document, owner, lease, gate } = self;
        let verify = || For::Save.check(document.place.path(), &owner, lease.as_ref(), LeaseGuard::verify);
        let saving = Saving { token, by: &by(lease.as_ref()), disk, read: version, fence, verify: &verify };
        match document.save(&saving, value) {
            Ok(saved) => {
                // The document is on disk, where the next one reads it. A cache may take longer than anybody should wait for.
                release(document.place.path(), lease);
                drop(gate);
                document.put(saved);
                Ok(())
            }
            Err((error, value)) => {
                // Before the gate opens: the next one of this process finds it free.
                drop((lease, gate));
                Err(SaveError { error, value })
            }
        }
    }

    /// Saves the value as [`save`](Self::save) does, on a thread of the library, which logs to where the task logs.
    ///
    /// If the future is dropped, the value may be saved or not.
    ///
    /// # Errors
    ///
    /// Those of [`save`](Self::save). If the system starts no thread, the task saves it itself.
    pub async fn save_async(self) -> Result<(), SaveError<T>> {
        use crate::sync::Mutex;

        // Kept here as well: a thread that cannot be started does not give it back.
        let here = crate::sync::Arc::new(Mutex::new(Some(self)));
        let there = crate::sync::Arc::clone(&here);
        let take = move || there.lock().take();
        match try_offload("logscope-store", in_context(move || take().map(StoreGuard::save))).await {
            Ok(Some(saved)) => saved,
            _ => {
                let guard = here.lock().take();
                guard.map_or(Ok(()), StoreGuard::save)
            }
        }
    }

    /// Saves the value, and keeps the document locked: the time of the lease begins anew, if there is one.
    ///
    /// # Errors
    ///
    /// Those of [`save`](Self::save); the guard keeps the value.
    pub fn checkpoint(&mut self) -> Result<(), Error> {
        let verify =
            || For::Save.check(self.document.place.path(), &self.owner, self.lease.as_ref(), LeaseGuard::renew);
        let saving = Saving {
            token: self.token,
            by: &by(self.lease.as_ref()),
            disk: self.disk,
            read: self.version,
            fence: self.fence,
            verify: &verify,
        };
        let saved = self.document.save(&saving, self.value.clone()).map_err(|(error, _)| error)?;
        self.disk = Some(saved.header.stamp);
        self.version = saved.header.version();
        self.document.put(saved);
        Ok(())
    }

    /// Lets the time of the lease begin anew, if the document has one. Checks what [`verify`](Self::verify) checks.
    ///
    /// # Errors
    ///
    /// Those of [`verify`](Self::verify).
    pub fn renew(&self) -> Result<(), Error> {
        For::Nothing.check(self.document.place.path(), &self.owner, self.lease.as_ref(), LeaseGuard::renew)
    }

    /// Checks that the guard is this process's, and that the lease is held, if there is one. What was saved by others is found out by [`save`](Self::save) alone.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LockLost`](crate::ErrorKind::LockLost) if it was lost, or in a forked child of the process that has the document locked, and the errors of [`LeaseGuard::verify`] otherwise.
    pub fn verify(&self) -> Result<(), Error> {
        For::Nothing.check(self.document.place.path(), &self.owner, self.lease.as_ref(), LeaseGuard::verify)
    }
}

impl<T> StoreGuard<T> {
    /// Returns what names this guard among all: the token of its lease, if it has one. The document that it saves has it.
    #[must_use]
    pub fn token(&self) -> Token {
        self.token
    }

    /// Returns the generation of the document that the guard has read.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.version.generation
    }

    /// Returns the fencing number that the document is saved under: that of the lease, or the highest one so far if there is none.
    ///
    /// Give it to whatever else is written under the lock, which then refuses lower ones.
    #[must_use]
    pub fn fence(&self) -> u64 {
        self.fence
    }

    /// Returns the lease, if the document has one: to ask how long it lasts.
    #[must_use]
    pub fn lease(&self) -> Option<&LeaseGuard> {
        self.lease.as_ref()
    }

    /// Returns the value without saving it, and unlocks the document.
    #[must_use]
    pub fn into_value(self) -> T {
        self.value
    }
}

/// Says who has the document locked.
fn by(lease: Option<&LeaseGuard>) -> String {
    lease.map_or_else(name_of_this_process, LeaseGuard::who)
}

/// What it is checked for that a document is locked.
#[derive(Clone, Copy)]
enum For {
    Save,
    Nothing,
}

impl For {
    /// Checks that the document is locked by this process, with `check` for its lease.
    fn check(
        self,
        path: &Path,
        owner: &Owner,
        lease: Option<&LeaseGuard>,
        check: impl FnOnce(&LeaseGuard) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if owner.is_parent() {
            return Err(self.lost(path, "this process was forked from the one that has it locked"));
        }
        let Some(lease) = lease else { return Ok(()) };
        check(lease).map_err(|error| match self {
            _ if error.is_lease_lost() || error.is_not_holder() => {
                self.lost(path, "its lease was lost").with_source(error)
            }
            For::Save => cannot_save(path, error),
            For::Nothing => unverified(path, error),
        })
    }

    fn lost(self, path: &Path, what: &str) -> Error {
        match self {
            For::Save => lost(path, what),
            For::Nothing => unlocked(path, what),
        }
    }
}

/// Releases the lease after the document was saved, so that a loss is no error of the save.
fn release(path: &Path, lease: Option<LeaseGuard>) {
    if let Some(Err(error)) = lease.map(LeaseGuard::release) {
        log_lease_not_released(path, &error);
    }
}

impl<T> Deref for StoreGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for StoreGuard<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for StoreGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreGuard")
            .field("path", &self.document.place.path())
            .field("generation", &self.generation())
            .field("token", &self.token)
            .field("value", &self.value)
            .finish()
    }
}

/// A value that was not saved, and why; from [`StoreGuard::save`].
pub struct SaveError<T> {
    error: Error,
    value: T,
}

impl<T> SaveError<T> {
    /// Returns why it was not saved.
    #[must_use]
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// Returns true if somebody else could have been there: [`ErrorKind::LockLost`](crate::ErrorKind::LockLost).
    #[must_use]
    pub fn is_lock_lost(&self) -> bool {
        self.error.is_lock_lost()
    }

    /// Returns the value that was not saved.
    #[must_use]
    pub fn into_value(self) -> T {
        self.value
    }
}

impl<T> From<SaveError<T>> for Error {
    fn from(error: SaveError<T>) -> Self {
        error.error
    }
}

impl<T> fmt::Display for SaveError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<T> fmt::Debug for SaveError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.error, f)
    }
}

impl<T> StdError for SaveError<T> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.error.source()
    }
}
