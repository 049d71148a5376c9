//! A document as the threads of a process share it: what it was when it was read last, and how that is kept up with disk and cache.
//!
//! # How a document stays the same for all
//!
//! `seen` has the version that this process knows, and what was on disk then. Whoever reads compares the first line of the file with that, and its length: the line
//! names the save, by number and token, so equal lines are the same document. Whoever locks or saves checks the digest of all of it. Otherwise the document is read again, without any lock, because that runs
//! the program's code (`Deserialize`). What was read replaces `seen` only if nobody else has replaced it meanwhile; else it is read once more. So
//! nobody goes back to an older version.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::cache::Found;
use super::disk::{self, OnDisk};
use super::errors::{changed, no_next_generation, not_saved, older_fence};
use super::header::{DocumentVersion, Header, Stamp};
use super::load::{Initial, IsNeeded, Settings, keep_and_tell, load};
use super::log::{log_opened, log_refreshed, log_saved};
use super::place::Place;
use super::version::Version;
use crate::error::Error;
use crate::lock::{OwnedMutexGuard, Token};
use crate::sync::Arc;
use crate::sync::model::Mutex;

pub(super) struct Document<T> {
    pub(super) place: Place,
    pub(super) settings: Settings,
    initial: Initial<T>,
    /// Held by whoever has a guard in this process.
    gate: Arc<crate::lock::Mutex<()>>,
    seen: Mutex<Seen<T>>,
}

/// What this process knows of a document.
pub(super) struct Seen<T> {
    pub(super) version: Arc<Version<T>>,
    /// What was on disk then; it may be older than the version, which is the cache's then.
    pub(super) disk: Option<OnDisk>,
    /// How often `version` was replaced.
    changes: u64,
}

/// When the cache is asked, while what is known of a document is brought up to date.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ask {
    /// In any case, and a document that refuses to be without its cache cannot do without the answer.
    Always,
    /// If the disk has changed. The cache can be gone.
    IfChanged,
    /// If the disk is older than what is known, as [`Always`](Self::Always): somebody has removed the document, or brought an old one back.
    ///
    /// For who has asked the cache before it waited for a lease. Who had the lease meanwhile has saved to the disk first.
    IfOlder,
}

/// A document that was saved.
pub(super) struct Saved {
    pub(super) header: Header,
    document: Vec<u8>,
    /// What the cache had before that; `None` if it did not say.
    cached: Option<Found>,
}

/// What a guard saves, and over what.
pub(super) struct Saving<'a> {
    pub(super) token: Token,
    /// Who saves it, for people.
    pub(super) by: &'a str,
    /// What was on disk when the guard read the document.
    pub(super) disk: Option<Stamp>,
    /// What the guard read.
    pub(super) read: DocumentVersion,
    /// The fencing number of the guard's lease, or the highest one so far if it has none.
    pub(super) fence: u64,
    /// Fails if the guard has lost its lease.
    pub(super) verify: &'a dyn Fn() -> Result<(), Error>,
}

impl Saving<'_> {
    /// True if this guard has saved `found`, by a save that failed after the document was in place.
    fn has_made(&self, found: Stamp) -> bool {
        found.token == self.token && found.generation > self.read.generation
    }
}

impl<T> Clone for Seen<T> {
    fn clone(&self) -> Self {
        Seen { version: Arc::clone(&self.version), disk: self.disk, changes: self.changes }
    }
}

impl<T: Serialize + DeserializeOwned> Document<T> {
    /// Reads the document for the first time.
    pub(super) fn open(place: Place, settings: Settings, initial: Initial<T>) -> Result<Self, Error> {
        let loaded = load(&place, &settings, &initial, Some(IsNeeded(true)))?;
        log_opened(place.path(), loaded.version.generation(), loaded.from);
        let seen = Seen { version: Arc::new(loaded.version), disk: loaded.disk, changes: 0 };
        let gate = Arc::new(crate::lock::Mutex::new(()).named_by(format!("the document {}", place.path().display())));
        Ok(Document { place, settings, initial, gate, seen: Mutex::new(seen) })
    }

    /// Returns the document as it is on disk now, or newer.
    pub(super) fn read(&self) -> Result<Arc<Version<T>>, Error> {
        self.refresh(Ask::IfChanged).map(|seen| seen.version)
    }

    /// Asks the cache, if there is one. Called before a lease is acquired: a cache may stand still for longer than the lease lasts.
    pub(super) fn ask_cache(&self) -> Result<(), Error> {
        if self.settings.cached.is_some() {
            self.refresh(Ask::Always)?;
        }
        Ok(())
    }

    /// Brings what is known up to date with the disk, and with the cache if that is asked.
    pub(super) fn refresh(&self, ask: Ask) -> Result<Seen<T>, Error> {
        loop {
            let seen = self.seen.lock().clone();
            // Who locks the document is to save over a whole one.
            let on_disk = match ask {
                Ask::IfChanged => disk::glance(&self.place)?,
                Ask::Always | Ask::IfOlder => disk::check(&self.place)?,
            };
            if on_disk.as_ref().map(|(_, on_disk)| *on_disk) == seen.disk
                && !(ask == Ask::Always && self.cache_has_another(&seen)?)
            {
                return Ok(seen);
            }
            let is_older = on_disk.is_none_or(|(header, _)| header.version() < seen.version.version());
            let ask = match ask {
                Ask::Always => Some(IsNeeded(true)),
                Ask::IfChanged => Some(IsNeeded(false)),
                Ask::IfOlder => is_older.then_some(IsNeeded(true)),
            };
            let loaded = load(&self.place, &self.settings, &self.initial, ask)?;
            let (generation, from) = (loaded.version.generation(), loaded.from);
            if let Some(seen) = self.replace(seen.changes, loaded.version, loaded.disk) {
                log_refreshed(self.place.path(), generation, from);
                return Ok(seen);
            }
        }
    }

    /// Returns the key of the cache, if what is known comes from there.
    pub(super) fn key_if_from_cache(&self, seen: &Seen<T>) -> Option<&str> {
        let cached = self.settings.cached.as_ref()?;
        (seen.version.stamp != seen.disk.map(|disk| disk.stamp)).then(|| cached.options().0)
    }

    /// True if the cache has a document that is newer than what is known, or that is none of those before it.
    fn cache_has_another(&self, seen: &Seen<T>) -> Result<bool, Error> {
        let Some(cached) = &self.settings.cached else { return Ok(false) };
        let cached = cached.get(&self.place, &self.settings.schema, true)?;
        let known = seen.version.version();
        let is_other = |found: DocumentVersion, stamp: Stamp| {
            found > known || found.is_fork_of(known) || (found == known && Some(stamp) != seen.version.stamp)
        };
        Ok(cached.is_some_and(|(header, _)| is_other(header.version(), header.stamp)))
    }

    /// Replaces what is known, unless somebody else has done so since it had seen so many changes.
    fn replace(&self, changes: u64, version: Version<T>, disk: Option<OnDisk>) -> Option<Seen<T>> {
        let new = Seen { version: Arc::new(version), disk, changes: changes + 1 };
        let mut seen = self.seen.lock();
        if seen.changes != changes {
            return None;
        }
        let old = std::mem::replace(&mut *seen, new.clone());
        drop(seen);
        // The value is the program's: not under the lock.
        drop(old);
        Some(new)
    }

    /// Saves `value` over what a guard has read, to the disk. Who has the document locked may unlock it then: [`put`](Self::put) follows.
    pub(super) fn save(&self, saving: &Saving<'_>, value: T) -> Result<Saved, (Error, T)> {
        let path = self.place.path();
        let json = match serde_json::to_vec(&value) {
            Ok(json) => json,
            Err(error) => return Err((not_saved(path, "its value has no JSON").with_source(error), value)),
        };
        match self.publish(saving, &json) {
            Ok(saved) => {
                let header = &saved.header;
                self.put_in_place(Version::new(value, header), OnDisk::new(header, saved.document.len()));
                log_saved(path, header.stamp.generation, header.fence);
                Ok(saved)
            }
            Err(error) => Err((error, value)),
        }
    }

    /// Has the cache keep what was saved. Others may have saved since, and may have had it keep that: it keeps the higher version.
    pub(super) fn put(&self, saved: Saved) {
        let (Some(cached), Saved { header, document, cached: found }) = (&self.settings.cached, saved) else { return };
        // One that was gone before the save may be back, with what nobody has looked at.
        let found = found.or_else(|| cached.look(&self.place, &self.settings.schema, false).ok().flatten()).flatten();
        if let Some((of_cache, found)) = &found
            // A later one stays.
            && of_cache.version() <= header.version()
            && header.disagrees_with(of_cache)
            && of_cache.stamp != header.stamp
            && !cached.has_noted(of_cache.stamp)
            && cached.note_fork(header.stamp, of_cache.stamp)
        {
            keep_and_tell(&self.place, (&header, &document), (of_cache, found));
        }
        cached.put(&self.place, &header, &document);
    }

    fn publish(&self, saving: &Saving<'_>, value: &[u8]) -> Result<Saved, Error> {
        let path = self.place.path();
        let mut cached = None;
        if let Some(cache) = &self.settings.cached {
            cached = cache.look(&self.place, &self.settings.schema, true)?;
            if let Some(Some((header, _))) = &cached
                && header.version() > saving.read
                && !saving.has_made(header.stamp)
            {
                return Err(changed(path, saving.disk, Some(header)));
            }
        }
        let (header, document) = disk::replace(&self.place, self.settings.save_timeout, || {
            let found = disk::check(&self.place)?.map(|(header, _)| header);
            let found = found.as_ref();
            let found_stamp = found.map(|header| header.stamp);
            let own = found.filter(|found| saving.has_made(found.stamp));
            if found_stamp != saving.disk && own.is_none() {
                return Err(changed(path, saving.disk, found));
            }
            let before = own.map_or(saving.read, Header::version);
            // What is on disk may be of an epoch before that of the cache, whose document was read.
            if let Some(found) = found.filter(|found| found.epoch >= before.epoch && found.fence > saving.fence) {
                return Err(older_fence(path, saving.fence, found.fence));
            }
            (saving.verify)()?;
            let generation = before.generation.checked_add(1).ok_or_else(|| no_next_generation(path))?;
            let stamp = Stamp { generation, token: saving.token };
            // One that was begun without its cache is newer than whatever that has.
            let epoch = if before.epoch == 0 { DocumentVersion::epoch_after(0) } else { before.epoch };
            let (schema, by) = (self.settings.schema.clone(), saving.by.to_owned());
            let header = Header { schema, stamp, by, epoch, fence: saving.fence };
            let document = header.write(value);
            Ok((header, document))
        })?;
        Ok(Saved { header, document, cached })
    }

    /// Makes a version that was saved the one that is known, unless a newer one is known already.
    fn put_in_place(&self, version: Version<T>, disk: OnDisk) {
        let version = Arc::new(version);
        let mut seen = self.seen.lock();
        let is_newest = version.version() >= seen.version.version();
        let changes = seen.changes + 1;
        let new =
            if is_newest { Seen { version, disk: Some(disk), changes } } else { Seen { changes, ..seen.clone() } };
        let old = std::mem::replace(&mut *seen, new);
        drop(seen);
        drop(old);
    }
}

impl<T> Document<T> {
    /// Waits until no other guard of this process is there. Returns `None` if the time is over before.
    #[track_caller]
    pub(super) fn enter(&self, timeout: Duration) -> Option<OwnedMutexGuard<()>> {
        Arc::clone(&self.gate).lock_owned_timeout(timeout)
    }

    /// Waits in a task, without an end.
    #[track_caller]
    pub(super) fn enter_async(&self) -> impl Future<Output = OwnedMutexGuard<()>> + use<T> {
        Arc::clone(&self.gate).lock_owned_async()
    }
}

impl<T> fmt::Debug for Document<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("path", &self.place.path()).finish_non_exhaustive()
    }
}
