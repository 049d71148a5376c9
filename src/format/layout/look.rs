//! Whether a layout of the program's own shows fields as they look by default.

use std::any::TypeId;

use crate::sync::{AtomicBool, Ordering};

/// What is known of how a layout shows fields.
///
/// A layout that has no look of its own for fields has the default method of `Layout::field`. That says so when it is called, and from then on
/// nobody asks it for each field: its lines are rendered as `text` renders its own.
#[derive(Debug)]
pub(in crate::format) struct FieldLook {
    /// The type of the layout: the default method may also be called for another layout, which this one passes its fields to.
    layout: TypeId,
    is_default: AtomicBool,
}

impl FieldLook {
    pub(in crate::format) fn of<L: 'static>(_: &L) -> Self {
        FieldLook { layout: TypeId::of::<L>(), is_default: AtomicBool::new(false) }
    }

    /// Returns true if the look is known to be the default one.
    #[inline]
    pub(super) fn is_default(&self) -> bool {
        // Relaxed, here and below: no other data is read by it.
        self.is_default.load(Ordering::Relaxed)
    }

    /// Notes that the layout `L` has the default look of fields.
    #[inline]
    pub(super) fn note_default_of<L: ?Sized + 'static>(&self) {
        if self.layout == TypeId::of::<L>() {
            self.is_default.store(true, Ordering::Relaxed);
        }
    }
}
