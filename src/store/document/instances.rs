//! The documents that this process has open: one instance per path.

use std::any::{Any, type_name};
use std::collections::VecDeque;
use std::ops::Deref;
use std::path::PathBuf;

use super::shared::Document;
use crate::process::ForkLocal;
use crate::registry::{Instance, Registry};
use crate::sync::model::Mutex;
use crate::sync::{Arc, OnceLock};

/// A document of any type.
pub(super) struct Opened {
    document: Arc<dyn Any + Send + Sync>,
    type_name: &'static str,
}

pub(super) type OpenDocument = Instance<PathBuf, Opened>;

impl Opened {
    pub(super) fn new<T: Send + Sync + 'static>(document: Arc<Document<T>>) -> Self {
        Opened { document, type_name: type_name::<T>() }
    }

    pub(super) fn type_name(&self) -> &'static str {
        self.type_name
    }
}

/// A document, and that it is open.
pub(super) struct Open<T> {
    document: Arc<Document<T>>,
    /// Keeps the document registered.
    instance: OpenDocument,
}

impl<T: Send + Sync + 'static> Open<T> {
    /// Returns the document of `instance`, if it has this type.
    pub(super) fn new(instance: &OpenDocument) -> Option<Self> {
        let document = Arc::clone(&instance.document).downcast().ok()?;
        Some(Open { document, instance: instance.clone() })
    }
}

impl<T> Open<T> {
    pub(super) fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.document, &other.document)
    }
}

impl<T> Deref for Open<T> {
    type Target = Document<T>;

    fn deref(&self) -> &Document<T> {
        &self.document
    }
}

impl<T> Clone for Open<T> {
    fn clone(&self) -> Self {
        Open { document: Arc::clone(&self.document), instance: self.instance.clone() }
    }
}

/// Returns the documents that are open. A forked child begins with none: what its parent knows may be of a thread that it has not.
pub(super) fn stores() -> &'static Registry<PathBuf, Opened> {
    static STORES: ForkLocal<OnceLock<Registry<PathBuf, Opened>>> =
        ForkLocal::new(OnceLock::new(), |_| OnceLock::new());
    STORES.get().get_or_init(Registry::new)
}

/// Those that were opened last, of those that are kept when nobody has them open.
static KEPT: ForkLocal<Mutex<VecDeque<OpenDocument>>> =
    ForkLocal::new(Mutex::new(VecDeque::new()), |_| Mutex::new(VecDeque::new()));

/// Keeps `instance`, and no more than `count` in all.
pub(super) fn keep(instance: OpenDocument, count: usize) {
    let mut kept = KEPT.get().lock();
    let before = kept.iter().position(|kept| Instance::ptr_eq(kept, &instance));
    let before = before.and_then(|index| kept.remove(index));
    kept.push_front(instance);
    let rest = kept.len().min(count);
    let dropped = kept.split_off(rest);
    drop(kept);
    // Values of the program: not under the lock.
    drop((before, dropped));
}
