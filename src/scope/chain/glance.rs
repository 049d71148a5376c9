//! A look at the current context that is over before anything could end that context.

use tracing::{Level, Metadata};

use super::local::Local;
use crate::context::ContextInner;

/// Returns what the level alone decides about whether the current context wants an event or span of it: the answer to most unwanted
/// events, in a nanosecond. `None` if more must be asked, and outside every scope.
///
/// Unlike [`with_current`](super::with_current) this counts no reader: counting would cost as much as the question.
#[inline]
pub(crate) fn glance(level: &Level) -> Option<bool> {
    let current = Local::<ContextInner>::here().current.get();
    // SAFETY:
    // - A context that is not null has a count: that of the chain, or the one that a closure scope borrows.
    // - Neither ends before this function returns. It only compares levels: it leaves no scope, ends no task, replaces no context, and
    //   runs no code of the program's.
    unsafe { current.as_ref() }?.verbosity().decide_by_level(level)
}

/// Returns what is remembered of the current context's decision about an event or span whose level [does not decide](glance): the answer where the
/// verbosity has directives. `None` if more must be asked, and outside every scope.
#[inline]
pub(crate) fn glance_at(metadata: &Metadata<'_>) -> Option<bool> {
    let current = Local::<ContextInner>::here().current.get();
    // SAFETY: as in `glance`. This function only reads a table of numbers: it leaves no scope, ends no task, replaces no context, and runs no code of
    // the program's.
    unsafe { current.as_ref() }?.verbosity().decide_remembered(metadata)
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;
