//! The service that gives each request a context.

use std::fmt;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::body::ResponseBody;
use super::future::ResponseFuture;
use super::layer::RequestLayer;

/// Runs each request of a service in a context of its own; from [`RequestLayer`].
#[derive(Clone)]
pub struct RequestService<S> {
    layer: RequestLayer,
    inner: S,
}

impl<S> Layer<S> for RequestLayer {
    type Service = RequestService<S>;

    fn layer(&self, inner: S) -> RequestService<S> {
        RequestService { layer: self.clone(), inner }
    }
}

impl<S, A, B> Service<Request<A>> for RequestService<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    B: Body,
{
    type Response = Response<ResponseBody<B>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let mut running = self.layer.begin(&mut parts);
        let request = Request::from_parts(parts, body);
        let future = running.run(|| self.inner.call(request));
        ResponseFuture::new(future, running)
    }
}

impl<S: fmt::Debug> fmt::Debug for RequestService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestService").field("layer", &self.layer).field("inner", &self.inner).finish()
    }
}
