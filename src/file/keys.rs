//! What the output of a file says to the registry of open files, and asks it.

use std::hash::Hash;

use super::os::Identity;
use super::registry::{EntryId, Registry};

/// The part of the registry that belongs to one output: its id, and the keys of its files.
#[derive(Clone, Copy)]
pub(super) struct OwnKeys {
    id: EntryId,
    registry: &'static dyn FileKeys,
}

impl OwnKeys {
    pub(super) fn new(id: EntryId, registry: &'static dyn FileKeys) -> Self {
        OwnKeys { id, registry }
    }

    /// The id of the output.
    pub(super) fn id(self) -> EntryId {
        self.id
    }

    /// Says that the output has the file `key` open, and no other from now on. False if another output holds that file.
    pub(super) fn hold(self, key: &Identity) -> bool {
        self.registry.hold(self.id, key)
    }

    /// Says that the output is about to close its file.
    pub(super) fn let_go(self) {
        self.registry.let_go(self.id);
    }

    /// True if another output has the file `key`.
    pub(super) fn is_of_another(self, key: &Identity) -> bool {
        self.registry.is_of_another(self.id, key)
    }

    /// True if an output, this one or another, has the file `key`.
    #[cfg(feature = "gzip")]
    pub(super) fn is_in_use(self, key: &Identity) -> bool {
        self.registry.is_in_use(key)
    }
}

/// The registry of open files, as their outputs see it: see [`registry`](super::registry) for what holding a key means.
pub(super) trait FileKeys: Send + Sync {
    /// Says that the output `id` has the file `key` open, and no other from now on. False if another output holds that file.
    fn hold(&self, id: EntryId, key: &Identity) -> bool;

    /// Says that the output `id` is about to close its file.
    fn let_go(&self, id: EntryId);

    /// True if an output other than `id` has the file `key`.
    fn is_of_another(&self, id: EntryId, key: &Identity) -> bool;

    /// True if an output has the file `key`.
    #[cfg(feature = "gzip")]
    fn is_in_use(&self, key: &Identity) -> bool;
}

impl<N: Clone + Eq + Hash + Send, V: Send + Sync> FileKeys for Registry<Identity, N, V> {
    fn hold(&self, id: EntryId, key: &Identity) -> bool {
        Registry::hold(self, id, key)
    }

    fn let_go(&self, id: EntryId) {
        Registry::let_go(self, id);
    }

    fn is_of_another(&self, id: EntryId, key: &Identity) -> bool {
        Registry::is_of_another(self, id, key)
    }

    #[cfg(feature = "gzip")]
    fn is_in_use(&self, key: &Identity) -> bool {
        Registry::is_in_use(self, key)
    }
}
