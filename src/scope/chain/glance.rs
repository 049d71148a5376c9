//! A look at the current context that is over before anything could end it.

use tracing::Level;

use super::Local;
use crate::context::ContextInner;

/// What the level alone says about whether the current context wants it: the answer to most of what nobody wants, for a
/// nanosecond. `None` where more must be asked, and outside every scope.
///
/// The reader is not counted, unlike those of [`with_current`](super::with_current): that would cost as much as the
/// question.
#[inline]
pub(crate) fn glance(level: &Level) -> Option<bool> {
    let current = Local::<ContextInner>::here().current.get();
    // SAFETY:
    // - A context that is not null has a count: that of the chain, or the one that a closure scope borrows.
    // - Neither ends before this function does: what it calls compares levels. It leaves no scope, ends no task, replaces
    //   no context, and runs no code of the program's.
    unsafe { current.as_ref() }?.verbosity().glance(level)
}
