//! The body of a response, which runs in the context of its request and knows the end of it.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf as _;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::running::{Outcome, Running};

pin_project! {
    /// The body of a response, polled and dropped in the context of its request; from [`RequestLayer`](super::RequestLayer).
    ///
    /// At the end of the body (it says so, its trailers were taken, or it failed), the inner body is dropped at once, and the request has ended.
    pub struct ResponseBody<B: Body> {
        // `None` once the request has ended.
        #[pin]
        body: Option<B>,
        // `None` once the request has ended.
        running: Option<Running>,
        // How many bytes the response promises, if it does.
        promised: Option<u64>,
    }

    impl<B: Body> PinnedDrop for ResponseBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let Some(running) = this.running else { return };
            // After a panic, the body is not asked again.
            let is_finished = !running.has_panicked()
                && running.run(|| this.body.as_ref().get_ref().as_ref().is_none_or(B::is_end_stream));
            if is_finished || *this.promised == Some(running.bytes) {
                running.set_outcome(Outcome::Finished);
            }
            running.run(|| this.body.set(None));
        }
    }
}

impl<B: Body> ResponseBody<B> {
    /// Makes the body of a response with these `headers`. If `is_never_sent`, it is finished without a frame.
    pub(super) fn new(body: B, mut running: Running, headers: &HeaderMap, is_never_sent: bool) -> Self {
        let promised = if is_never_sent {
            Some(0)
        } else {
            let header = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
            header.or_else(|| running.run(|| body.size_hint().exact()))
        };
        ResponseBody { body: Some(body), running: Some(running), promised }
    }
}

/// Each frame is made inside the context.
impl<B: Body> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut this = self.project();
        let (Some(body), Some(running)) = (this.body.as_mut().as_pin_mut(), this.running.as_mut()) else {
            return Poll::Ready(None);
        };
        let frame = ready!(running.run(|| body.poll_frame(cx)));
        let end = match &frame {
            None => Some(Outcome::Finished),
            Some(Err(_)) => Some(Outcome::BodyFailed),
            Some(Ok(frame)) => match frame.data_ref() {
                Some(data) => {
                    running.bytes += data.remaining() as u64;
                    None
                }
                None => frame.is_trailers().then_some(Outcome::Finished),
            },
        };
        if let Some(outcome) = end {
            running.run(|| this.body.set(None));
            running.set_outcome(outcome);
            *this.running = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match (&self.running, &self.body) {
            (Some(running), Some(body)) => running.ask(|| body.is_end_stream()),
            _ => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.running, &self.body) {
            (Some(running), Some(body)) => running.ask(|| body.size_hint()),
            _ => SizeHint::with_exact(0),
        }
    }
}

impl<B: Body> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").finish_non_exhaustive()
    }
}
