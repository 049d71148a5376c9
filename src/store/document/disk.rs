//! The document on disk.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::time::Duration;

use super::errors::{faulty, lost, not_saved, unreadable};
use super::header::{Fault, Header};
use super::log::log_lock_lost_after_save;
use super::place::Place;
use crate::error::Error;
use crate::lock::publish;

/// Returns the header of the document, if there is one.
pub(super) fn read_header(place: &Place) -> Result<Option<Header>, Error> {
    read_first_line(place)?.transpose().map_err(|fault| faulty(place.path(), fault))
}

/// The same. A document whose header is damaged counts as none.
pub(super) fn read_header_unless_damaged(place: &Place) -> Result<Option<Header>, Error> {
    match read_first_line(place)? {
        Some(Err(Fault::Damaged(_))) => Ok(None),
        header => header.transpose().map_err(|fault| faulty(place.path(), fault)),
    }
}

fn read_first_line(place: &Place) -> Result<Option<Result<Header, Fault>>, Error> {
    let read = |file: File| Header::read(file);
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

/// Replaces the document by what `make` makes, under the lock for saving. `make` looks what is there, and fails if that must not be replaced.
pub(super) fn replace(
    place: &Place,
    timeout: Duration,
    make: impl FnOnce() -> Result<(Header, Vec<u8>), Error>,
) -> Result<(Header, Vec<u8>), Error> {
    let path = place.path();
    let lock = place.lock().purpose("save a document").acquire(timeout)?;
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
