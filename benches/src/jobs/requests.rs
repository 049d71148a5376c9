//! A request through a router of axum that is called as a service, without a connection: with a log of its own, with the layer of `tower-http`,
//! and with no layer. The handler logs nothing, so a request has one line, which is discarded.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::response::Response;
use axum::routing::get;
use logscope::http::RequestLayer;
use logscope::{Clock, Format};
use tower::ServiceExt as _;
use tower_http::trace::{DefaultMakeSpan, DefaultOnResponse, TraceLayer};
use tracing::Level;

use super::Job;
use crate::harness::{Subject, subject};
use crate::remote::{Remote, Subjects};
use crate::subjects::discarding;
use crate::table::Mark;

pub fn jobs() -> Vec<Job> {
    vec![
        against("axum without a layer", "request-plain", &[]),
        against("TraceLayer, fmt() without colour", "request-fmt", &[Mark::Faster(1.0)]),
    ]
}

fn against(other: &'static str, arrangement: &'static str, marks: &[Mark]) -> Job {
    Job::new("request in a context, init()", other, marks, move || {
        Ok((Remote::start("request")?.subject("request"), Remote::start(arrangement)?.subject("request")))
    })
}

pub fn arrange(arrangement: &str) -> Option<Subjects> {
    let app = Router::new().route("/cart", get(|| async { "two books" }));
    let app = match arrangement {
        "request" => {
            logscope::try_init().expect("nothing is installed yet");
            app.layer(RequestLayer::new(&discarding(Format::text(), Clock::system())))
        }
        "request-plain" => app,
        "request-fmt" => {
            tracing_subscriber::fmt().with_ansi(false).with_writer(io::sink).init();
            let layer = TraceLayer::new_for_http().make_span_with(DefaultMakeSpan::new().level(Level::INFO));
            app.layer(layer.on_response(DefaultOnResponse::new().level(Level::INFO)))
        }
        _ => return None,
    };
    Some(vec![("request", request(app))])
}

/// A request, from its call to the end of its body.
fn request(app: Router) -> Subject {
    subject(move || {
        let request = Request::get("/cart").header("x-request-id", "r-7").body(Body::empty()).expect("it is a request");
        let response: Result<Response, Infallible> = at_once(app.clone().oneshot(request));
        let Ok(response) = response;
        let mut body = pin!(response.into_body());
        while at_once(std::future::poll_fn(|cx| body.as_mut().poll_frame(cx))).is_some() {}
    })
}

/// The output of a future that waits for nothing.
fn at_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the handler waits for nothing"),
    }
}
