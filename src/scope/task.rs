//! Scopes of futures: a future that carries its context.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::chain;
use super::hook::entering;
use crate::context::{ContextInner, OutputContext};

/// Gives a future a context, by [`in_context`](FutureExt::in_context) or [`in_current_context`](FutureExt::in_current_context).
pub trait FutureExt: Future + Sized {
    /// Makes `context` current whenever this future is polled, and when it is dropped.
    ///
    /// ```
    /// use logscope::{FutureExt as _, OutputContext, sink};
    ///
    /// let _ = logscope::init(); // once, early in main
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
    fn in_context(self, context: &OutputContext) -> InContext<Self> {
        InContext { chain: Some(chain::TaskChain::new(context.inner().clone())), future: Some(self) }
    }

    /// Makes the context that is current now current for this future.
    ///
    /// ```
    /// use logscope::{FutureExt as _, OutputContext};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let uno = OutputContext::builder("uno").build();
    /// let name = uno.scope(|| async { OutputContext::current().name().to_owned() }.in_current_context());
    /// assert_eq!(name.await, "uno");
    /// # });
    /// ```
    ///
    /// Outside every scope it binds nothing: the future logs to the context that is current where it is polled, and a guard that it holds
    /// over an `.await` belongs to the thread.
    fn in_current_context(self) -> InContext<Self> {
        let chain = OutputContext::try_current().map(|context| chain::TaskChain::new(context.into_inner()));
        InContext { chain, future: Some(self) }
    }
}

impl<F: Future> FutureExt for F {}

pin_project! {
    /// Polls and drops a future inside a context; from [`FutureExt`].
    #[must_use = "futures do nothing unless polled: await it or spawn it"]
    pub struct InContext<F> {
        chain: Option<chain::TaskChain<ContextInner>>,
        // `None` only while `self` is dropped: the future is dropped first, inside its context.
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for InContext<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            match this.chain {
                Some(chain) => chain.run(|| this.future.set(None)),
                None => this.future.set(None),
            }
        }
    }
}

impl<F: Future> Future for InContext<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some(future) = this.future.as_pin_mut() else {
            unreachable!("the future is there until this is dropped");
        };
        match this.chain {
            Some(chain) => {
                entering();
                chain.run(|| future.poll(cx))
            }
            None => future.poll(cx),
        }
    }
}

impl<F> fmt::Debug for InContext<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InContext").field("bound", &self.chain.is_some()).finish_non_exhaustive()
    }
}
