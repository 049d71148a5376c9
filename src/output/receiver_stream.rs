//! A receiver as a stream, for tasks.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::channel::Receiver;

/// Awaits what was logged; from [`Receiver::into_stream`]. (Feature `futures`.)
///
/// It ends when the [`Receiver`] would.
#[derive(Debug)]
#[must_use = "a stream receives nothing unless it is polled"]
pub struct ReceiverStream<T>(Receiver<T>);

impl<T> Receiver<T> {
    /// Returns a stream of the items, for tasks. (Feature `futures`.)
    ///
    /// ```
    /// # use std::{future::poll_fn, pin::Pin};
    /// # use futures_core::Stream;
    /// # trait StreamExt: Stream + Unpin {
    /// #     async fn next(&mut self) -> Option<Self::Item> {
    /// #         poll_fn(|task| Pin::new(&mut *self).poll_next(task)).await
    /// #     }
    /// # }
    /// # impl<S: Stream + Unpin> StreamExt for S {}
    /// # logscope::init();
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// use logscope::{Format, OutputContext, sink};
    ///
    /// let (live, lines) = sink::channel(1_000).lines();
    /// let uno = OutputContext::builder("uno").sink(live.format(Format::raw())).build();
    /// let screen = tokio::spawn(async move {
    ///     let (mut lines, mut shown) = (lines.into_stream(), String::new());
    ///     while let Some(line) = lines.next().await { // of `StreamExt`
    ///         shown.push_str(&line);
    ///     }
    ///     shown
    /// });
    /// uno.scope(|| tracing::info!("compiling"));
    /// uno.close(std::time::Duration::from_secs(5)).into_result()?;
    /// assert_eq!(screen.await?, "compiling");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// The receiver itself is an iterator and no stream, so that `next` has one meaning where `StreamExt` is imported, too.
    pub fn into_stream(self) -> ReceiverStream<T> {
        ReceiverStream(self)
    }
}

impl<T> ReceiverStream<T> {
    /// Returns the receiver, which waits by blocking.
    #[must_use = "a receiver that is dropped makes records fail"]
    pub fn into_receiver(self) -> Receiver<T> {
        self.0.forget_task();
        self.0
    }
}

impl<T> Stream for ReceiverStream<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        self.0.poll_item(context)
    }
}
