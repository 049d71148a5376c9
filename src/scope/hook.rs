//! A function that each scope calls before it is entered, while a layer asks for it.

use crate::sync::{AtomicUsize, OnceLock, Ordering};

/// How many layers ask for the hook.
static ARMED: AtomicUsize = AtomicUsize::new(0);
static HOOK: OnceLock<fn()> = OnceLock::new();

/// Has each scope call `hook` before it is entered, until [`disarm`] was called as often as this. A layer uses it for work that must be
/// done before the first event of a scope. All layers give the same hook.
pub(crate) fn arm(hook: fn()) {
    let _ = HOOK.set(hook);
    // Release, with the Acquire in `entering`: a thread that sees the count finds the hook set.
    ARMED.fetch_add(1, Ordering::Release);
}

/// Takes back one [`arm`].
pub(crate) fn disarm() {
    // Release, with the Acquire in `entering`: a thread that no longer calls the hook sees the work of the hook done.
    ARMED.fetch_sub(1, Ordering::Release);
}

/// Calls the hook if it is armed. Every scope begins with this.
#[inline]
pub(super) fn entering() {
    if ARMED.load(Ordering::Acquire) != 0 {
        call_hook();
    }
}

#[cold]
fn call_hook() {
    if let Some(hook) = HOOK.get() {
        hook();
    }
}
