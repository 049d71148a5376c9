//! Reading and replacing the current context.

use std::mem::ManuallyDrop;

use super::base::Base;
use super::local::{ChainContext, Local};
use crate::sync::Arc;

/// Calls `read` with the current context, or with `None` outside every scope, without taking a count of it.
///
/// The context stays valid for the call even if `read` leaves its scope. Counts that are released meanwhile on this
/// thread are kept until the outermost `with_current` returns.
#[inline]
pub(crate) fn with_current<T: ChainContext, R>(read: impl FnOnce(Option<&Arc<T>>) -> R) -> R {
    let local = Local::here();
    let _reading = local.readers.begin();
    read(local.borrow_current().as_deref())
}

/// [`with_current`] for a type that wraps the count of a context, as `wrap` does: lends a value of that type.
#[inline]
pub(crate) fn with_current_as<T: ChainContext, H, R>(
    wrap: impl FnOnce(Arc<T>) -> H,
    read: impl FnOnce(Option<&H>) -> R,
) -> R {
    let local = Local::here();
    let _reading = local.readers.begin();
    // The count stays with its owner: neither the `Arc` nor the value that wraps it is dropped.
    let handle = local.borrow_current().map(|arc| ManuallyDrop::new(wrap(ManuallyDrop::into_inner(arc))));
    read(handle.as_deref())
}

/// Returns the current context with a count of its own, or `None` outside every scope.
pub(crate) fn current<T: ChainContext>() -> Option<Arc<T>> {
    Local::here().borrow_current().as_deref().cloned()
}

/// Returns true if the running chain is outside every scope because the program said so.
pub(crate) fn is_outside_on_purpose<T: ChainContext>() -> bool {
    let local = Local::<T>::here();
    local.current.get().is_null() && local.base.get().is_on_purpose()
}

/// Returns true if a scope is open in the running chain, above its base.
#[cfg(feature = "rayon")]
#[inline]
pub(crate) fn is_scope_open<T: ChainContext>() -> bool {
    !Local::<T>::here().top.get().is_null()
}

/// Returns what tells the newest scope of the running chain from others that are open: an address, or zero outside every scope.
#[cfg(feature = "testing")]
pub(crate) fn newest_scope<T: ChainContext>() -> usize {
    let local = Local::<T>::here();
    local.reveal(local.top.get());
    local.top.get().addr()
}

/// Returns how many calls of [`with_current`] are under way on this thread, one inside the other.
#[cfg(all(test, not(logscope_loom)))]
pub(crate) fn depth<T: ChainContext>() -> u32 {
    Local::<T>::here().readers.depth.get()
}

/// Makes `new` the context of the newest scope, or of the running task if no scope is open above it, and returns the context that it
/// replaces. Outside every scope there is nothing to replace: `new` is dropped, and `None` returned.
pub(crate) fn replace_current<T: ChainContext>(new: Arc<T>) -> Option<Arc<T>> {
    let local = Local::here();
    local.reveal(local.top.get());
    // The caller gets a count of its own, because it may drop it while a reader of the old context is under way.
    let before = local.borrow_current().as_deref().cloned()?;
    // SAFETY: `top` is null or a node of the running chain, which stays valid until it is taken out of the chain.
    let released = match unsafe { local.top.get().as_ref() } {
        Some(node) => node.replace(new),
        // SAFETY: the count is the chain's, and this takes it out of the chain together with the base.
        None => unsafe { local.base.replace(Base::of(new)).into_count() },
    };
    local.reveal(local.top.get());
    if let Some(context) = released {
        local.readers.release(context);
    }
    Some(before)
}
