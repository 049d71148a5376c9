//! Leaving the spans that a thread is in, and entering them again.
//!
//! Work that a thread takes up while it waits (a job that it steals, a task that it polls) must not see the spans that the thread is in for
//! other work. It is not enough to enter the work's own span on top of them. If the work has none, the thread's would be the current one. And
//! tracing-subscriber's registry takes a span that is on its stack twice to be where it was entered first: a span that stands below another one
//! does not become current when it is entered again.
//!
//! So all spans are left, innermost first, and entered again in the old order. On the registry's stack, each entry of a span but the first has
//! no effect until the others are gone, and an exit removes the newest. So a stack A, B, A, which is left in the order B, A, A and comes back as
//! A, A, B, is the same as before to whoever asks or exits.

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
struct LeftSpans {
    /// Apart from the others, because one span is left without an allocation.
    innermost: Option<Span>,
    outer: Vec<Span>,
}

impl LeftSpans {
    #[inline]
    fn leave() -> Self {
        let mut left = LeftSpans { innermost: None, outer: Vec::new() };
        let innermost = Span::current();
        if !innermost.is_none() {
            left.leave_from(innermost);
        }
        left
    }

    #[inline(never)]
    fn leave_from(&mut self, innermost: Span) {
        let mut span = leave(self.innermost.insert(innermost));
        // How often in a row the same span was the current one. A subscriber may count each entry of a span, or keep one span for ever as the
        // current one.
        let mut times = 1;
        let mut before = self.innermost.as_ref().and_then(Span::id);
        while !span.is_none() && self.outer.len() < MOST_SPANS {
            let id = span.id();
            times = if id == before { times + 1 } else { 1 };
            if times > MOST_TIMES_IN_A_SPAN {
                break;
            }
            before = id;
            let next = leave(&span);
            self.outer.push(span);
            span = next;
        }
    }
}

/// Exits `span`, and returns the span that is current then.
fn leave(span: &Span) -> Span {
    span.with_subscriber(|(id, subscriber)| subscriber.exit(id));
    Span::current()
}

impl Drop for LeftSpans {
    #[inline]
    fn drop(&mut self) {
        while let Some(span) = self.outer.pop().or_else(|| self.innermost.take()) {
            span.with_subscriber(|(id, subscriber)| subscriber.enter(id));
        }
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;
