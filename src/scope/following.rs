//! Futures with what followed them to a task.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tracing::Span;

use super::chain::TaskChain;
use super::follow::Follow;
use super::hook::entering;
use super::spans::outside_spans;
use crate::context::ContextInner;

pin_project! {
    /// A future that is polled, and dropped, with what followed it. What it enters stays with it from poll to poll.
    pub(crate) struct Following<F> {
        chain: TaskChain<ContextInner>,
        span: Span,
        // `None` only while `self` is dropped: the future is dropped first, inside its context and its span.
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for Following<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            outside_spans(|| {
                this.chain.run(|| {
                    // Let go of in here, where a layer may log that the span is closed, also if the future panics.
                    let span = mem::replace(this.span, Span::none());
                    span.in_scope(|| this.future.set(None));
                })
            });
        }
    }
}

impl<F> Following<F> {
    pub(crate) fn here(future: F) -> Self {
        let (chain, span) = Follow::here().into_task();
        Following { chain, span, future: Some(future) }
    }
}

impl<F: Future> Future for Following<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some(future) = this.future.as_pin_mut() else {
            unreachable!("the future is there until this is dropped");
        };
        entering();
        outside_spans(|| this.chain.run(|| this.span.in_scope(|| future.poll(cx))))
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;
