//! What lies below all scopes of a chain.

use std::ptr;

use crate::sync::Arc;

/// What lies below all scopes of a chain: the context of a task, or nothing, which may be on purpose.
pub(super) struct Base<T>(
    /// Made by `Arc::into_raw`, with its count; or null; or `ON_PURPOSE`.
    *const T,
);

impl<T> Clone for Base<T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Base<T> {}

impl<T> Base<T> {
    /// That of a thread, and of a task that was made outside every scope.
    pub(super) const NONE: Self = Base(ptr::null());

    /// That of work that is outside every scope because the program said so. No `Arc` is at this address: an `Arc` is aligned for its counts.
    pub(super) const ON_PURPOSE: Self = Base(ptr::without_provenance(1));

    pub(super) fn of(context: Arc<T>) -> Self {
        Base(Arc::into_raw(context))
    }

    /// Returns the context, or null. The count stays with the owner of the chain.
    #[inline]
    pub(super) fn context(self) -> *const T {
        // One instruction, without a branch, because each poll does this twice. `ON_PURPOSE` becomes null; the address of an `Arc` is even.
        self.0.map_addr(|address| address & !1)
    }

    #[inline]
    pub(super) fn is_on_purpose(self) -> bool {
        self.0 == Self::ON_PURPOSE.0
    }

    /// Takes the count of the context out of this value.
    ///
    /// # Safety
    ///
    /// The count must not have been taken out of a copy of this value.
    pub(super) unsafe fn into_count(self) -> Option<Arc<T>> {
        let context = self.context();
        // SAFETY: a context that is not null was made by `Arc::into_raw`, and the caller promises that its count is there.
        (!context.is_null()).then(|| unsafe { Arc::from_raw(context) })
    }
}
