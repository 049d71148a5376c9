//! The document on disk.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::errors::{cannot_save, faulty, lost, not_saved, unreadable};
use super::header::{Fault, Header, Stamp};
use super::log::log_lock_lost_after_save;
use super::place::Place;
use crate::error::Error;
use crate::lock::publish;

/// The document that is on disk, as far as can be told without reading the value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct OnDisk {
    pub(super) stamp: Stamp,
    /// Of the file. One that was cut is shorter.
    pub(super) length: u64,
}

impl OnDisk {
    pub(super) fn new(header: &Header, length: usize) -> Self {
        OnDisk { stamp: header.stamp, length: u64::try_from(length).unwrap_or(u64::MAX) }
    }
}

/// Looks at the first line of the document, if there is one, and at its length.
pub(super) fn glance(place: &Place) -> Result<Option<(Header, OnDisk)>, Error> {
    let Some((header, length)) = read_first_line(place)? else { return Ok(None) };
    let header = header.map_err(|fault| faulty(place.path(), fault))?;
    let on_disk = OnDisk { stamp: header.stamp, length };
    Ok(Some((header, on_disk)))
}

/// The same, and checks all of the document.
pub(super) fn check(place: &Place) -> Result<Option<(Header, OnDisk)>, Error> {
    let Some(document) = read(place)? else { return Ok(None) };
    let (header, _) = parse(place, &document)?;
    let on_disk = OnDisk::new(&header, document.len());
    Ok(Some((header, on_disk)))
}

/// Returns the header of the document, if there is one.
pub(super) fn read_header(place: &Place) -> Result<Option<Header>, Error> {
    Ok(glance(place)?.map(|(header, _)| header))
}

/// The same. A document whose header is damaged counts as none.
pub(super) fn read_header_unless_damaged(place: &Place) -> Result<Option<Header>, Error> {
    match read_first_line(place)? {
        Some((Err(Fault::Damaged(_)), _)) => Ok(None),
        found => found.map(|(header, _)| header).transpose().map_err(|fault| faulty(place.path(), fault)),
    }
}

/// What a first line says, and the length of its file.
type FirstLine = (Result<Header, Fault>, u64);

/// Returns the header, and the length of the file.
fn read_first_line(place: &Place) -> Result<Option<FirstLine>, Error> {
    let read = |file: File| Ok((Header::read(&file)?, file.metadata()?.len()));
    match File::open(place.path()).and_then(read) {
        Ok(header) => Ok(Some(header)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(place.path(), error)),
    }
}

/// Returns the document as it was written, if there is one.
pub(super) fn read(place: &Place) -> Result<Option<Vec<u8>>, Error> {
    let read = |mut file: File| {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map(|_| bytes)
    };
    match File::open(place.path()).and_then(read) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(place.path(), error)),
    }
}

/// Returns the header and the value of a document that was read.
pub(super) fn parse<'a>(place: &Place, document: &'a [u8]) -> Result<(Header, &'a [u8]), Error> {
    Header::parse(document).map_err(|fault: Fault| faulty(place.path(), fault))
}

/// Keeps a copy of a document that will be replaced by one which does not follow it, and returns where.
pub(super) fn keep_copy(place: &Place, stamp: Stamp, document: &[u8]) -> Result<PathBuf, Error> {
    let copy = place.copy(stamp);
    if !copy.exists() {
        publish(&copy, |file| {
            // It may be for nobody else's eyes.
            file.set_permissions(fs::metadata(place.path())?.permissions())?;
            file.write_all(document)
        })?;
    }
    Ok(copy)
}

/// Keeps a copy of what a cache has in place of a document, and returns where; `None` if there is one already, or nothing to keep.
pub(super) fn keep_unreadable(place: &Place, found: &[u8]) -> Result<Option<PathBuf>, Error> {
    let copy = place.copy_of_unreadable(found);
    if found.is_empty() || copy.exists() {
        return Ok(None);
    }
    publish(&copy, |file| {
        // The document may be for nobody else's eyes.
        if let Ok(document) = fs::metadata(place.path()) {
            file.set_permissions(document.permissions())?;
        }
        file.write_all(found)
    })?;
    Ok(Some(copy))
}

/// Replaces the document by what `make` makes, under the lock for saving. `make` looks what is there, and fails if that must not be replaced.
pub(super) fn replace(
    place: &Place,
    timeout: Duration,
    make: impl FnOnce() -> Result<(Header, Vec<u8>), Error>,
) -> Result<(Header, Vec<u8>), Error> {
    let path = place.path();
    // The lock would make it again.
    if !path.parent().is_some_and(Path::is_dir) {
        return Err(not_saved(path, "its folder is gone"));
    }
    let lock = place.lock().purpose("save a document").acquire(timeout);
    let lock = lock.map_err(|error| cannot_save(path, error))?;
    let (header, document) = make()?;
    let gone = |error: Error| lost(path, "the lock for saving it was lost").with_source(error);
    // As late as can be: somebody may have cleared the locks.
    lock.verify().map_err(gone)?;
    let is_in_place = || matches!(read_header(place), Ok(Some(found)) if found.stamp == header.stamp);
    publish(path, |file| file.write_all(&document)).map_err(|error| {
        let how = if is_in_place() { "it is in place, but may not survive a power cut" } else { "it stays as it was" };
        not_saved(path, how).with_source(error)
    })?;
    if let Err(error) = lock.release() {
        // Somebody else could save at the same time. If theirs is there now, ours is not.
        if !is_in_place() {
            return Err(gone(error));
        }
        log_lock_lost_after_save(path, &error);
    }
    Ok((header, document))
}
