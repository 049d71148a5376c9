//! The registry of open files, as the outputs of files use it: without its types of names and values.

use std::hash::Hash;

use super::os::Identity;
use crate::registry::{EntryId, KeyedRegistry as Registry};

/// An output's side of the registry: the registry and the output's id in it.
#[derive(Clone, Copy)]
pub(super) struct OwnKeys {
    id: EntryId,
    registry: &'static dyn FileKeys,
}

impl OwnKeys {
    pub(super) fn new(id: EntryId, registry: &'static dyn FileKeys) -> Self {
        OwnKeys { id, registry }
    }

    pub(super) fn id(self) -> EntryId {
        self.id
    }

    /// Records that this output has the file `key` open, and no other file. Returns false if another output holds the key.
    pub(super) fn hold_key(self, key: &Identity) -> bool {
        self.registry.hold_key(self.id, key)
    }

    /// Records that this output is about to close its file.
    pub(super) fn release_key(self) {
        self.registry.release_key(self.id);
    }

    /// Returns true if another output has the file `key`.
    pub(super) fn belongs_to_another(self, key: &Identity) -> bool {
        self.registry.belongs_to_another(self.id, key)
    }

    /// Returns true if any output, this one included, has the file `key`.
    #[cfg(feature = "gzip")]
    pub(super) fn is_in_use(self, key: &Identity) -> bool {
        self.registry.is_in_use(key)
    }
}

/// The registry's methods for the keys of files. See [`registry`](crate::registry) for what holding a key means.
pub(super) trait FileKeys: Send + Sync {
    /// Records that the output `id` has the file `key` open, and no other file. Returns false if another output holds the key.
    fn hold_key(&self, id: EntryId, key: &Identity) -> bool;

    /// Records that the output `id` is about to close its file.
    fn release_key(&self, id: EntryId);

    /// Returns true if an output other than `id` has the file `key`.
    fn belongs_to_another(&self, id: EntryId, key: &Identity) -> bool;

    /// Returns true if any output has the file `key`.
    #[cfg(feature = "gzip")]
    fn is_in_use(&self, key: &Identity) -> bool;
}

impl<N: Clone + Eq + Hash + Send, V: Send + Sync> FileKeys for Registry<Identity, N, V> {
    fn hold_key(&self, id: EntryId, key: &Identity) -> bool {
        Registry::hold_key(self, id, key)
    }

    fn release_key(&self, id: EntryId) {
        Registry::release_key(self, id);
    }

    fn belongs_to_another(&self, id: EntryId, key: &Identity) -> bool {
        Registry::belongs_to_another(self, id, key)
    }

    #[cfg(feature = "gzip")]
    fn is_in_use(&self, key: &Identity) -> bool {
        Registry::is_in_use(self, key)
    }
}
