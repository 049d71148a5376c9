//! Scopes of futures: a future that carries its context.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::chain;
#[cfg(feature = "rayon")]
use super::follow::Follow;
use super::hook::entering;
use super::place::Place;
use crate::context::{ContextInner, OutputContext};

/// Gives a value a context, by [`in_context`](InContext::in_context) or [`in_current_context`](InContext::in_current_context).
///
/// Every type has these methods, as every type has those of `tracing::Instrument`. What they return is of use if the value is a future or, with
/// the feature `futures`, a stream, or, with the feature `rayon`, a parallel iterator (see `logscope::rayon`).
pub trait InContext: Sized {
    /// Makes `context` current whenever this future is polled, and when it is dropped.
    ///
    /// ```
    /// use logscope::{InContext as _, OutputContext, sink};
    ///
    /// logscope::init(); // once, early in main
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let (memory, lines) = sink::memory();
    /// let uno = OutputContext::builder("uno").sink(memory).build();
    /// tokio::spawn(async { tracing::info!("linking") }.in_context(&uno)).await.unwrap();
    /// assert_eq!(lines.lines().len(), 1);
    /// # });
    /// ```
    ///
    /// A scope that the future enters, and a context that it [updates](crate::update), stay with it over every `.await`, on whatever
    /// thread it continues, and never reach other work there.
    fn in_context(self, context: &OutputContext) -> Scoped<Self> {
        Scoped { chain: chain::TaskChain::new(context.inner().clone()), value: Some(self) }
    }

    /// Makes the context that is current now current for this future.
    ///
    /// ```
    /// use logscope::{InContext as _, OutputContext};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let uno = OutputContext::builder("uno").build();
    /// let name = uno.scope(|| async { OutputContext::current().name().to_owned() }.in_current_context());
    /// assert_eq!(name.await, "uno");
    /// # });
    /// ```
    ///
    /// Outside every scope there is no such context, and the future gets *no scope*: wherever it is polled, also inside another context's
    /// scope, it logs to the process default (with [`route_by_span`](crate::Config::route_by_span), to the context of its span first). A
    /// guard that it holds over an `.await` is its own in this case too.
    fn in_current_context(self) -> Scoped<Self> {
        Scoped { chain: Place::current().into_chain(), value: Some(self) }
    }
}

impl<T> InContext for T {}

pin_project! {
    /// Runs and drops a future, a stream or a parallel iterator inside a context; from [`InContext`].
    #[must_use = "futures do nothing unless polled: await it or spawn it (and parallel iterators do nothing unless driven)"]
    pub struct Scoped<T> {
        chain: chain::TaskChain<ContextInner>,
        // `None` only while `self` is dropped: the value is dropped first, inside its context.
        #[pin]
        value: Option<T>,
    }

    impl<T> PinnedDrop for Scoped<T> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            this.chain.run(|| this.value.set(None));
        }
    }
}

#[cfg(feature = "rayon")]
impl<T> Scoped<T> {
    /// Returns the value. It is there until this is dropped.
    pub(crate) fn value(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// Takes the value out, with the context and the span that the work on it has if it begins now.
    pub(crate) fn into_follow(mut self) -> (Follow, T) {
        let place = self.chain.run(Place::current);
        match self.value.take() {
            Some(value) => (Follow::from_here_in(place), value),
            None => unreachable!("the value is there until this is dropped"),
        }
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some(future) = this.value.as_pin_mut() else {
            unreachable!("the future is there until this is dropped");
        };
        entering();
        this.chain.run(|| future.poll(cx))
    }
}

/// Each item is made inside the context.
#[cfg(feature = "futures")]
#[cfg_attr(docsrs, doc(cfg(feature = "futures")))]
impl<S: futures_core::Stream> futures_core::Stream for Scoped<S> {
    type Item = S::Item;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        let Some(stream) = this.value.as_pin_mut() else {
            unreachable!("the stream is there until this is dropped");
        };
        entering();
        this.chain.run(|| stream.poll_next(cx))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.value.as_ref().map_or((0, Some(0)), S::size_hint)
    }
}

impl<T> fmt::Debug for Scoped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scoped").finish_non_exhaustive()
    }
}
