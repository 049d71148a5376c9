//! The future of a response, which runs in the context of its request.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use super::body::ResponseBody;
use super::running::{Outcome, Running};

pin_project! {
    /// The future of a response, polled and dropped in the context of its request; from [`RequestService`](super::RequestService).
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        // Both are `None` once there was a response or an error.
        #[pin]
        future: Option<F>,
        running: Option<Running>,
    }

    impl<F> PinnedDrop for ResponseFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(running) = this.running {
                running.run(|| this.future.set(None));
            }
        }
    }
}

impl<F> ResponseFuture<F> {
    pub(super) fn new(future: F, running: Running) -> Self {
        ResponseFuture { future: Some(future), running: Some(running) }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let (Some(future), Some(running)) = (this.future.as_mut().as_pin_mut(), this.running.as_mut()) else {
            panic!("`ResponseFuture` polled after it was ready");
        };
        let result = ready!(running.run(|| future.poll(cx)));
        running.run(|| this.future.set(None));
        let Some(mut running) = this.running.take() else { unreachable!("it was there above") };
        Poll::Ready(match result {
            Ok(response) => {
                let (mut parts, body) = response.into_parts();
                running.id.put_into(&mut parts.headers);
                let is_never_sent = running.answered(parts.status);
                let body = ResponseBody::new(body, running, &parts.headers, is_never_sent);
                Ok(Response::from_parts(parts, body))
            }
            Err(error) => {
                running.set_outcome(Outcome::ServiceFailed);
                Err(error)
            }
        })
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
