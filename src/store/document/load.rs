//! Reading a document from disk and cache, and choosing between the two.

use std::time::Duration;

use serde::de::DeserializeOwned;

use super::cache::Cached;
use super::disk::{self, OnDisk};
use super::errors::{no_such_type, other_schema};
use super::header::Header;
use super::log::log_fork;
use super::place::Place;
use super::version::Version;
use crate::error::Error;
use crate::store::lease::Lease;
use crate::sync::Arc;

/// What a program gives with a document. Clones share what is in it.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) schema: String,
    pub(super) lease: Option<Lease>,
    pub(super) cached: Option<Arc<Cached>>,
    /// How long a save waits for those of others.
    pub(super) save_timeout: Duration,
}

/// Makes the value of a document that is not there yet.
pub(super) type Initial<T> = Box<dyn Fn() -> T + Send + Sync>;

/// A document that was read, and where from.
pub(super) struct Loaded<T> {
    pub(super) version: Version<T>,
    pub(super) disk: Option<OnDisk>,
    pub(super) from: &'static str,
}

/// Whether a document that refuses to be without its cache needs the answer.
#[derive(Clone, Copy)]
pub(super) struct IsNeeded(pub(super) bool);

/// Reads the document: the higher version of the disk and of the cache, if that is asked; the disk's if both have the same.
pub(super) fn load<T: DeserializeOwned>(
    place: &Place,
    settings: &Settings,
    initial: &Initial<T>,
    ask: Option<IsNeeded>,
) -> Result<Loaded<T>, Error> {
    loop {
        if let Some(loaded) = load_unless_saved_meanwhile(place, settings, initial, ask)? {
            return Ok(loaded);
        }
    }
}

/// The same. Returns `None` if another process has saved between the look at the disk and the one at the cache.
fn load_unless_saved_meanwhile<T: DeserializeOwned>(
    place: &Place,
    settings: &Settings,
    initial: &Initial<T>,
    ask: Option<IsNeeded>,
) -> Result<Option<Loaded<T>>, Error> {
    let on_disk = disk::read(place)?;
    let on_disk = match &on_disk {
        Some(document) => Some((disk::parse(place, document)?, document)),
        None => None,
    };
    if let Some(((header, _), _)) = &on_disk {
        check_schema(place, header, &settings.schema)?;
    }
    let disk = on_disk.as_ref().map(|((header, _), document)| OnDisk::new(header, document.len()));
    if let (Some(cached), Some(IsNeeded(is_needed))) = (&settings.cached, ask) {
        let found = cached.get(place, &settings.schema, is_needed)?;
        let of_disk = on_disk.as_ref().map(|((header, _), _)| header.version());
        let of_cache = found.as_ref().map(|(header, _)| header.version());
        if let (Some((of_cache, cached_document)), Some(((of_disk, _), document))) = (&found, &on_disk)
            && of_disk.disagrees_with(of_cache)
        {
            if disk::glance(place)?.map(|(_, on_disk)| on_disk) != disk {
                return Ok(None);
            }
            if cached.note_fork(of_disk.stamp, of_cache.stamp) {
                keep_and_tell(place, (of_disk, document), (of_cache, cached_document));
            }
        }
        match (found, &on_disk) {
            (Some((header, document)), _) if of_cache > of_disk => {
                let (_, value) = disk::parse(place, &document)?;
                return loaded(place, &header, value, disk, "cache").map(Some);
            }
            // The cache has missed a save.
            (_, Some(((header, _), document))) if of_cache < of_disk => cached.put(place, header, document),
            (Some((twin, found)), Some(((header, _), document))) if header.is_twin_of(&twin) => {
                cached.put_over(place, found, header, document);
            }
            _ => {}
        }
    }
    match &on_disk {
        Some(((header, value), _)) => loaded(place, header, value, disk, "disk").map(Some),
        None => {
            let version = Version::initial(initial());
            Ok(Some(Loaded { version, disk: None, from: "nothing" }))
        }
    }
}

/// Keeps a copy of that document of the disk and the cache which is not used, and tells that they disagree.
#[cold]
pub(super) fn keep_and_tell(place: &Place, disk: (&Header, &[u8]), cache: (&Header, &[u8])) {
    let (of_disk, of_cache) = (disk.0.version(), cache.0.version());
    let (lost, document) = if of_cache > of_disk { disk } else { cache };
    let kept = disk::keep_copy(place, lost.stamp, document);
    log_fork(place.path(), of_disk, of_cache, &kept);
}

fn loaded<T: DeserializeOwned>(
    place: &Place,
    header: &Header,
    value: &[u8],
    disk: Option<OnDisk>,
    from: &'static str,
) -> Result<Loaded<T>, Error> {
    let value = serde_json::from_slice(value).map_err(|error| no_such_type(place.path(), &header.schema, error))?;
    Ok(Loaded { version: Version::new(value, header), disk, from })
}

/// Reads the document on disk, and asks no cache.
pub(super) fn load_disk<T: DeserializeOwned>(place: &Place, schema: &str) -> Result<Option<Version<T>>, Error> {
    let Some(document) = disk::read(place)? else { return Ok(None) };
    let (header, value) = disk::parse(place, &document)?;
    check_schema(place, &header, schema)?;
    loaded(place, &header, value, None, "disk").map(|loaded| Some(loaded.version))
}

fn check_schema(place: &Place, header: &Header, schema: &str) -> Result<(), Error> {
    if header.schema == schema { Ok(()) } else { Err(other_schema(place.path(), &header.schema, schema)) }
}
