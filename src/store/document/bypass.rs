//! Documents past what protects them: for reading alone, and for repairs.

use std::fmt;
use std::marker::PhantomData;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::disk;
use super::errors::{not_saved, other_schema};
use super::header::{DocumentVersion, Header, Stamp};
use super::load::load_disk;
use super::place::Place;
use super::version::{StoreSnapshot, Version};
use crate::error::Error;
use crate::lock::{Token, name_of_this_process};
use crate::sync::Arc;

/// Reads a document, and nothing else; from [`Store::open_readonly`](super::Store::open_readonly).
///
/// It is not registered and keeps nothing in memory: each [`read`](Self::read) reads the file, and asks no cache. So it needs no permission to write,
/// and holds up nobody.
pub struct ReadOnlyStore<T> {
    place: Place,
    schema: String,
    value: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> ReadOnlyStore<T> {
    pub(super) fn new(place: Place, schema: String) -> Self {
        ReadOnlyStore { place, schema, value: PhantomData }
    }

    /// Returns the document as it is on disk, if there is one.
    ///
    /// # Errors
    ///
    /// Those of [`StoreOptions::open`](super::StoreOptions::open) that have to do with the file.
    pub fn read(&self) -> Result<Option<StoreSnapshot<T>>, Error> {
        Ok(load_disk(&self.place, &self.schema)?.map(|version| StoreSnapshot(Arc::new(version))))
    }

    /// Returns the path of the document, with its folder made canonical.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.place.path()
    }
}

impl<T> fmt::Debug for ReadOnlyStore<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadOnlyStore").field("path", &self.place.path()).finish_non_exhaustive()
    }
}

/// Reads and replaces a document past its lock, its lease and its cache; from [`Store::open_unlocked`](super::Store::open_unlocked).
///
/// For an operator who repairs a document by hand while nobody else works on it. It is not registered. It sees the disk alone, and asks no cache. What it
/// writes begins a new [epoch](super::DocumentVersion::epoch), so it is newer than whatever a cache has.
///
/// ```
/// use logscope::store::Store;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("counts.json");
/// let counts: Store<Vec<u32>> = Store::open(&path)?;
/// let guard = counts.lock(std::time::Duration::ZERO)?;
///
/// Store::<Vec<u32>>::open_unlocked(&path)?.write(&vec![7])?;
///
/// assert_eq!(*counts.read()?, [7]);
/// assert!(guard.save().unwrap_err().is_lock_lost(), "the guard has read what was there before");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct UnlockedStore<T> {
    reader: ReadOnlyStore<T>,
    timeout: Duration,
}

impl<T: Serialize + DeserializeOwned> UnlockedStore<T> {
    pub(super) fn new(place: Place, schema: String, timeout: Duration) -> Self {
        UnlockedStore { reader: ReadOnlyStore::new(place, schema), timeout }
    }

    /// Returns the document as it is on disk, if there is one.
    ///
    /// # Errors
    ///
    /// Those of [`ReadOnlyStore::read`].
    pub fn read(&self) -> Result<Option<StoreSnapshot<T>>, Error> {
        self.reader.read()
    }

    /// Replaces the document on disk by `value`, whoever has it locked, and returns it as it is then.
    ///
    /// It gets the next generation, so whoever has the document locked learns from its save that it was replaced. The highest fencing number that it
    /// was saved under is forgotten, which lets in a backend of leases that has lost its numbers. A damaged document is replaced, too; if its first line
    /// is, the generations begin anew.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) and [`ErrorKind::TypeMismatch`](crate::ErrorKind::TypeMismatch) if something else is
    ///   there than a document of this schema: a file that something else has written, or another version of this library.
    /// - [`ErrorKind::TimedOut`](crate::ErrorKind::TimedOut) if others save it all the time.
    /// - [`ErrorKind::Lock`](crate::ErrorKind::Lock) if the lock for saving cannot be used.
    /// - [`ErrorKind::Store`](crate::ErrorKind::Store) if the value has no JSON, or the file cannot be written.
    pub fn write(&self, value: &T) -> Result<StoreSnapshot<T>, Error>
    where
        T: Clone,
    {
        let ReadOnlyStore { place, schema, .. } = &self.reader;
        let json = serde_json::to_vec(value)
            .map_err(|error| not_saved(place.path(), "its value has no JSON").with_source(error))?;
        let (header, _) = disk::replace(place, self.timeout, || {
            let found = disk::read_header_unless_damaged(place)?;
            let found = found.as_ref();
            if let Some(found) = found.filter(|found| found.schema != *schema) {
                return Err(other_schema(place.path(), &found.schema, schema));
            }
            let before = found.map_or(0, |found| found.stamp.generation);
            // After the highest number that there is, which no store gives, it begins anew. Its epoch and token tell it from others.
            let generation = before.checked_add(1).unwrap_or(1);
            let stamp = Stamp { generation, token: Token::random() };
            let epoch = DocumentVersion::epoch_after(found.map_or(0, |found| found.epoch));
            let header = Header { schema: schema.clone(), stamp, by: name_of_this_process(), epoch, fence: 0 };
            let document = header.write(&json);
            Ok((header, document))
        })?;
        Ok(StoreSnapshot(Arc::new(Version::new(value.clone(), &header))))
    }

    /// Returns the path of the document, with its folder made canonical.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.reader.path()
    }
}

impl<T> fmt::Debug for UnlockedStore<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnlockedStore").field("path", &self.reader.place.path()).finish_non_exhaustive()
    }
}
