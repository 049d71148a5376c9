//! A document as it was at one moment.

use std::fmt;
use std::ops::Deref;

use super::header::{DocumentVersion, Header, Stamp};
use crate::lock::Token;
use crate::sync::Arc;

pub(super) struct Version<T> {
    pub(super) value: T,
    /// `None` if it was never saved.
    pub(super) stamp: Option<Stamp>,
    /// See [`DocumentVersion::epoch`].
    pub(super) epoch: u64,
    /// The highest fencing number that the document was saved under in this epoch.
    pub(super) fence: u64,
}

impl<T> Version<T> {
    /// Returns the value of a document that nobody has saved.
    pub(super) fn initial(value: T) -> Self {
        Version { value, stamp: None, epoch: 0, fence: 0 }
    }

    pub(super) fn new(value: T, header: &Header) -> Self {
        Version { value, stamp: Some(header.stamp), epoch: header.epoch, fence: header.fence }
    }

    /// Returns which copy of the document this is.
    pub(super) fn version(&self) -> DocumentVersion {
        DocumentVersion { epoch: self.epoch, fence: self.fence, generation: self.generation() }
    }

    pub(super) fn generation(&self) -> u64 {
        self.stamp.map_or(0, |stamp| stamp.generation)
    }
}

/// A document as it was at one moment; from [`Store::read`](super::Store::read).
///
/// It derefs to the value, which never changes. Cheap to clone.
pub struct StoreSnapshot<T>(pub(super) Arc<Version<T>>);

impl<T> StoreSnapshot<T> {
    /// Returns how often the document had been saved. Zero if it never was: then the value is the initial one.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.0.generation()
    }

    /// Returns the token of the guard that saved it, if it was saved.
    #[must_use]
    pub fn saved_by(&self) -> Option<Token> {
        self.0.stamp.map(|stamp| stamp.token)
    }

    /// Returns the highest fencing number of a lease that the document was saved under. Zero if it never was.
    #[must_use]
    pub fn fence(&self) -> u64 {
        self.0.fence
    }
}

impl<T> Deref for StoreSnapshot<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T> Clone for StoreSnapshot<T> {
    fn clone(&self) -> Self {
        StoreSnapshot(Arc::clone(&self.0))
    }
}

impl<T: fmt::Debug> fmt::Debug for StoreSnapshot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreSnapshot").field("generation", &self.generation()).field("value", &self.0.value).finish()
    }
}
