//! How a document is opened.

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::bypass::{ReadOnlyStore, UnlockedStore};
use super::cache::{CacheGone, Cached, DocumentCache};
use super::errors::{misplaced, not_opened, opens_itself, other_options, other_type};
use super::instances::{Open, Opened, keep, stores};
use super::load::Settings;
use super::place::Place;
use super::shared::Document;
use super::store::Store;
use crate::error::Error;
use crate::limits::{STORE_SAVE, STORE_SCHEMA_BYTES};
use crate::registry::MakesItself;
use crate::store::lease::Lease;
use crate::sync::Arc;

/// Says how a document is opened; from [`Store::options`].
///
/// ```
/// use std::time::Duration;
///
/// use logscope::store::{FolderLeases, Lease, Store};
///
/// # let folder = tempfile::tempdir()?;
/// # let project = folder.path();
/// let leases = FolderLeases::new(project.join("leases"));
/// let builds: Store<Vec<String>> = Store::options()
///     .schema("builds")
///     .lease(Lease::new(leases, "builds").ttl(Duration::from_secs(10)))
///     .open(project.join("builds.json"))?;
///
/// let mut guard = builds.lock(Duration::from_secs(60))?;
/// guard.push("uno".to_owned());
/// guard.save()?;
/// # assert_eq!(builds.read()?.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// All who open a document at the same time must give the same options.
#[must_use = "it opens nothing until `open` is called"]
pub struct StoreOptions<T> {
    schema: String,
    lease: Option<Lease>,
    cache: Option<(Arc<dyn DocumentCache>, String)>,
    gone: CacheGone,
    save_timeout: Duration,
    kept: usize,
    value: PhantomData<fn() -> T>,
}

impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> Store<T> {
    /// Opens the document at `path`, as [`StoreOptions::open`] does, without a lease and without a cache.
    ///
    /// The path is made canonical, but for its last component: relative paths, `..` and links to folders lead to the same instance.
    ///
    /// # Errors
    ///
    /// Those of [`StoreOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error>
    where
        T: Default,
    {
        StoreOptions::new().open(path)
    }

    /// Opens the document at `path` for reading alone: see [`ReadOnlyStore`].
    ///
    /// # Errors
    ///
    /// Those of [`StoreOptions::open_readonly`].
    pub fn open_readonly(path: impl AsRef<Path>) -> Result<ReadOnlyStore<T>, Error> {
        StoreOptions::new().open_readonly(path)
    }

    /// Opens the document at `path` past its lock, its lease and its cache: see [`UnlockedStore`].
    ///
    /// # Errors
    ///
    /// Those of [`StoreOptions::open_unlocked`].
    pub fn open_unlocked(path: impl AsRef<Path>) -> Result<UnlockedStore<T>, Error> {
        StoreOptions::new().open_unlocked(path)
    }

    /// Begins to open a document with options.
    pub fn options() -> StoreOptions<T> {
        StoreOptions::new()
    }
}

impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> StoreOptions<T> {
    fn new() -> Self {
        StoreOptions {
            schema: type_name::<T>().to_owned(),
            lease: None,
            cache: None,
            gone: CacheGone::default(),
            save_timeout: STORE_SAVE,
            kept: 0,
            value: PhantomData,
        }
    }

    /// Names what is in the document. A document with another schema is not opened.
    ///
    /// It is the path of the type in the program unless set, which changes when the type is moved. So name the schema of a document that is to outlive
    /// this version of the program. It has 4,096 bytes at most.
    pub fn schema(self, schema: impl Into<String>) -> Self {
        StoreOptions { schema: schema.into(), ..self }
    }

    /// Has whoever locks the document hold `lease`, so that one process at a time has it locked.
    ///
    /// Without a lease, `lock` excludes the threads and tasks of this process, and two processes that have it locked at once learn from
    /// [`save`](super::StoreGuard::save) which of them was first.
    pub fn lease(self, lease: Lease) -> Self {
        StoreOptions { lease: Some(lease), ..self }
    }

    /// Keeps the document in `cache` beside the disk, under the name `key`: the one of the two with the higher
    /// [version](super::DocumentVersion) is the document.
    ///
    /// The key must name this document among all that the cache has, also those of other hosts: two documents with one key take each other's place.
    /// Hosts that share the document give the same key, by whatever path each of them opens it.
    pub fn cache(self, cache: impl DocumentCache, key: impl Into<String>) -> Self {
        StoreOptions { cache: Some((Arc::new(cache), key.into())), ..self }
    }

    /// Sets what happens while the cache cannot be used: [`CacheGone::UseDisk`] unless set.
    pub fn cache_gone(self, gone: CacheGone) -> Self {
        StoreOptions { gone, ..self }
    }

    /// Sets how long a save waits for those of others: 10 s unless set. Each holds its lock for as long as writing and syncing a file takes.
    pub fn save_timeout(self, timeout: Duration) -> Self {
        StoreOptions { save_timeout: timeout, ..self }
    }

    /// Keeps the document in memory after its last [`Store`] is dropped, as long as it is among the last `count` documents that were opened
    /// so. None unless set: then it is gone with its last `Store`.
    ///
    /// For a program that opens and drops the same documents again and again. A kept document counts as open, and is compared with the disk when it
    /// is used again.
    pub fn keep_closed(self, count: usize) -> Self {
        StoreOptions { kept: count, ..self }
    }

    /// Opens the document at `path`. If there is none, its value is `T::default()`, and nothing is written until it is saved.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) if the file was not written by a store, or is damaged. It stays as it is.
    /// - [`ErrorKind::TypeMismatch`](crate::ErrorKind::TypeMismatch) if the document has another schema, does not fit `T`, or is open with
    ///   another type.
    /// - [`ErrorKind::OptionMismatch`](crate::ErrorKind::OptionMismatch) if it is open with other options.
    /// - [`ErrorKind::Unreachable`](crate::ErrorKind::Unreachable) if the cache cannot be used, and it was said to [refuse](CacheGone::Refuse) then.
    /// - [`ErrorKind::Lock`](crate::ErrorKind::Lock) if its lease has a name or a TTL that none can have.
    /// - [`ErrorKind::Store`](crate::ErrorKind::Store) if there is no folder for it, if the file cannot be read, or if it is opened by its own value, while
    ///   that is read to be opened or dropped with the last `Store`: it would wait for itself.
    pub fn open(self, path: impl AsRef<Path>) -> Result<Store<T>, Error>
    where
        T: Default,
    {
        self.open_or_else(path, T::default)
    }

    /// Opens the document at `path`. If there is none, its value is what `make` makes, and nothing is written until it is saved.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn open_or_else(
        self,
        path: impl AsRef<Path>,
        make: impl Fn() -> T + Send + Sync + 'static,
    ) -> Result<Store<T>, Error> {
        let (place, kept) = (self.place(path.as_ref())?, self.kept);
        if let Some(lease) = &self.lease {
            lease.check().map_err(|error| not_opened(place.path(), error))?;
        }
        let key = place.path().to_owned();
        let settings = self.settings();
        let opened = stores().make_unless_itself(&key, || {
            let document = Document::<T>::open(place.clone(), settings.clone(), Box::new(make))?;
            Ok::<_, Error>(Opened::new(Arc::new(document)))
        });
        let instance = opened.map_err(|MakesItself| opens_itself(&key))??;
        let Some(document) = Open::<T>::new(&instance) else {
            return Err(other_type(&key, instance.type_name(), type_name::<T>()));
        };
        if let Some((option, open, given)) = difference(&document.settings, &settings) {
            return Err(other_options(&key, option, &open, &given));
        }
        if kept > 0 {
            keep(instance, kept);
        }
        Ok(Store::new(document))
    }

    /// Opens the document at `path` for reading alone. It is not registered, and each [`read`](ReadOnlyStore::read) reads the disk.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if there is no folder for it.
    pub fn open_readonly(self, path: impl AsRef<Path>) -> Result<ReadOnlyStore<T>, Error> {
        Ok(ReadOnlyStore::new(self.place(path.as_ref())?, self.schema))
    }

    /// Opens the document at `path` past its lock, its lease and its cache: see [`UnlockedStore`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if there is no folder for it.
    pub fn open_unlocked(self, path: impl AsRef<Path>) -> Result<UnlockedStore<T>, Error> {
        Ok(UnlockedStore::new(self.place(path.as_ref())?, self.schema, self.save_timeout))
    }

    /// Checks where the document is, and how its schema is named.
    fn place(&self, path: &Path) -> Result<Place, Error> {
        let bytes = self.schema.len();
        if bytes > STORE_SCHEMA_BYTES {
            let what = format!("its schema is named by {bytes} bytes; name it by {STORE_SCHEMA_BYTES} at most");
            return Err(misplaced(path, what));
        }
        Place::new(path)
    }

    fn settings(self) -> Settings {
        let cached = self.cache.map(|(cache, key)| Arc::new(Cached::new(cache, key, self.gone)));
        Settings { schema: self.schema, lease: self.lease, cached, save_timeout: self.save_timeout }
    }
}

/// Shows the value of an option.
type Shows = fn(&Settings) -> String;

/// Names an option in which the two differ, with both values: that of the open document first.
fn difference(open: &Settings, given: &Settings) -> Option<(&'static str, String, String)> {
    let options: [(&str, Shows); 7] = [
        ("schema", |settings| format!("{:?}", settings.schema)),
        ("lease", |settings| lease(settings, |(place, ..)| place)),
        ("TTL of its lease", |settings| lease(settings, |(_, ttl, _)| format!("{ttl:?}"))),
        ("keeper of its lease", |settings| {
            lease(settings, |(.., is_kept)| if is_kept { "on" } else { "off" }.to_owned())
        }),
        ("cache", |settings| cache(settings, |(key, _)| format!("{key:?}"))),
        ("way to go on without its cache", |settings| cache(settings, |(_, gone)| format!("{gone:?}"))),
        ("time-out for saving", |settings| format!("{:?}", settings.save_timeout)),
    ];
    options.into_iter().find_map(|(option, value)| {
        let (open, given) = (value(open), value(given));
        (open != given).then_some((option, open, given))
    })
}

fn lease(settings: &Settings, value: impl FnOnce((String, Duration, bool)) -> String) -> String {
    settings.lease.as_ref().map_or_else(|| "none".to_owned(), |lease| value(lease.terms()))
}

fn cache(settings: &Settings, value: impl FnOnce((&str, CacheGone)) -> String) -> String {
    settings.cached.as_ref().map_or_else(|| "none".to_owned(), |cached| value(cached.options()))
}

impl<T> Clone for StoreOptions<T> {
    fn clone(&self) -> Self {
        StoreOptions {
            schema: self.schema.clone(),
            lease: self.lease.clone(),
            cache: self.cache.clone(),
            value: PhantomData,
            ..*self
        }
    }
}

impl<T> fmt::Debug for StoreOptions<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreOptions")
            .field("schema", &self.schema)
            .field("lease", &self.lease)
            .field("cache", &self.cache)
            .field("cache_gone", &self.gone)
            .finish_non_exhaustive()
    }
}
