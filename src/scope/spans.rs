//! Leaving the spans that a thread is in, and entering them again.
//!
//! Work that a thread takes up while it waits (a job that it steals, a task that it polls) must not see the spans that the thread is in for
//! other work. It is not enough to enter the work's own span on top of them. If the work has none, the thread's would be the current one. And
//! tracing-subscriber's registry takes a span that is on its stack twice to be where it was entered first: a span that stands below another one
//! does not become current when it is entered again.
//!
//! So all spans are left, innermost first, and entered again in the old order. On the registry's stack, each entry of a span but the first has
//! no effect until the others are gone, and an exit removes the newest. So a stack A, B, A, which is left in the order B, A, A and comes
//! back as A, A, B, is the same as before to whoever asks or exits.

use tracing::Span;

use crate::limits::{MOST_SPANS, MOST_TIMES_IN_A_SPAN};

/// Runs `f` with this thread outside all spans of its subscriber, and enters them again, also when `f` unwinds. Where there are none, this asks
/// the subscriber for the current span and does nothing else.
#[inline]
pub(super) fn outside_spans<R>(f: impl FnOnce() -> R) -> R {
    let _left = LeftSpans::leave();
    f()
}

/// The spans that were left, innermost first. Holding them keeps them open: a span can be kept alive by nothing but its being entered.
struct LeftSpans(Vec<Span>);

impl LeftSpans {
    #[inline]
    fn leave() -> Self {
        let mut left = LeftSpans(Vec::new());
        let innermost = Span::current();
        if !innermost.is_none() {
            left.leave_from(innermost);
        }
        left
    }

    #[inline(never)]
    fn leave_from(&mut self, innermost: Span) {
        let mut span = innermost;
        // How often in a row the same span was the current one. A subscriber may count each entry of a span, or keep one span for ever as the
        // current one.
        let mut times = 1;
        while !span.is_none() && times <= MOST_TIMES_IN_A_SPAN && self.0.len() < MOST_SPANS {
            span.with_subscriber(|(id, subscriber)| subscriber.exit(id));
            let next = Span::current();
            times = if next.id() == span.id() { times + 1 } else { 1 };
            self.0.push(span);
            span = next;
        }
    }
}

impl Drop for LeftSpans {
    #[inline]
    fn drop(&mut self) {
        while let Some(span) = self.0.pop() {
            span.with_subscriber(|(id, subscriber)| subscriber.enter(id));
        }
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;
