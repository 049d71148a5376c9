//! What follows work to another thread: the place in which it was submitted, and the span.

use tracing::Span;

use super::bound::RunIn;
#[cfg(any(feature = "rayon", feature = "tokio"))]
use super::chain::TaskChain;
use super::place::Place;
use super::spans::outside_spans;
#[cfg(any(feature = "rayon", feature = "tokio"))]
use crate::context::ContextInner;

/// What follows work to wherever it runs: the context that was current where it was submitted, or that there was none, and the current span.
///
/// Whatever the running thread is in, the work sees this and nothing else. The foreign spans are left before the foreign scope, and entered
/// again after it, so that a layer that logs when a span is entered or exited logs in the context to which the span belongs. The work's own span
/// is entered inside its own context for the same reason.
pub(crate) struct Follow {
    place: Place,
    span: Span,
}

impl Follow {
    /// Notes what is current on this thread.
    pub(crate) fn here() -> Self {
        Follow { place: Place::current(), span: Span::current() }
    }

    /// Returns what was noted: a chain for a task, and the span.
    #[cfg(feature = "tokio")]
    pub(super) fn into_task(self) -> (TaskChain<ContextInner>, Span) {
        (self.place.into_chain(), self.span)
    }

    /// Notes `place`, and the span that is current on this thread.
    #[cfg(feature = "rayon")]
    pub(super) fn from_here_in(place: Place) -> Self {
        Follow { place, span: Span::current() }
    }

    /// Runs `f` with everything noted and nothing else, except for the context: `f` runs in that where it calls
    /// [`run_in_context`](Self::run_in_context).
    #[cfg(feature = "rayon")]
    pub(crate) fn run_in_span<R>(&self, f: impl FnOnce() -> R) -> R {
        outside(|| self.span.in_scope(f))
    }

    /// Runs `f` in the noted context, and touches no span. Must be called inside [`on_new_chain`]; a guard that `f` leaves open stays there.
    #[cfg(feature = "rayon")]
    #[inline]
    pub(crate) fn run_in_context<R>(&self, f: impl FnOnce() -> R) -> R {
        self.place.run(f)
    }
}

impl RunIn for Follow {
    #[inline]
    fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        outside_spans(|| self.place.run_apart(|| self.span.in_scope(f)))
    }

    /// The span is let go of in the place, where a layer may log that it is closed, and before the context, whose end that may be.
    #[inline]
    fn run_last<R>(self, f: impl FnOnce() -> R) -> R {
        let Follow { place, span } = self;
        outside_spans(|| {
            place.run_apart(|| {
                // Moved in here, so that it is dropped in here also if `f` panics.
                let span = span;
                span.in_scope(f)
            })
        })
    }
}

/// Runs `f` with this thread outside every scope and outside all its spans. Put it around a call that waits and works on other work meanwhile.
#[cfg(feature = "rayon")]
pub(crate) fn outside<R>(f: impl FnOnce() -> R) -> R {
    outside_spans(|| on_new_chain(f))
}

/// Runs `f` outside every scope. A scope that it leaves open ends with it. Touches no span.
#[cfg(feature = "rayon")]
#[inline]
pub(crate) fn on_new_chain<R>(f: impl FnOnce() -> R) -> R {
    TaskChain::<ContextInner>::outside().run(f)
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;
