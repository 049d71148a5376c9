//! Requests, each with a log of its own.
//!
//! One kind goes through a router of axum that is called as a service, without a connection: with a log of its own, with the layer of `tower-http`,
//! and with no layer. The handler logs nothing, so a request has one line, which is discarded.
//!
//! The other is what a server does without such a layer: a context, or a span, with two fields, a task, and five events of which two are wanted.

use std::convert::Infallible;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::response::Response;
use axum::routing::get;
use cpu_time::ThreadTime;
use logscope::http::RequestLayer;
use logscope::{Clock, Format, InContext as _};
use tokio::runtime::Builder;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;
use tower_http::trace::{DefaultMakeSpan, DefaultOnResponse, TraceLayer};
use tracing::{Instrument as _, Level};

use super::Job;
use crate::alloc;
use crate::discard::Discard;
use crate::harness::{Sample, Subject, subject};
use crate::remote::{Remote, Subjects};
use crate::subjects::discarding;
use crate::table::Mark;

pub fn jobs() -> Vec<Job> {
    vec![
        against("axum without a layer", "request-plain", &[]),
        against("TraceLayer, fmt() without colour", "request-fmt", &[Mark::Faster(1.0)]),
        // 850 ns, when the mark was set, by 1.6.
        Job::new(
            "child context with two fields, a task, 2 of 5 events",
            "fmt() without colour, a span",
            &[Mark::AtMost(531.0)],
            || Ok((Remote::start("task")?.subject("request"), Remote::start("task-fmt")?.subject("request"))),
        ),
    ]
}

fn against(other: &'static str, arrangement: &'static str, marks: &[Mark]) -> Job {
    Job::new("request in a context, init()", other, marks, move || {
        Ok((Remote::start("request")?.subject("request"), Remote::start(arrangement)?.subject("request")))
    })
}

pub fn arrange(arrangement: &str) -> Option<Subjects> {
    task(arrangement).or_else(|| service(arrangement))
}

fn service(arrangement: &str) -> Option<Subjects> {
    let app = Router::new().route("/cart", get(|| async { "two books" }));
    let app = match arrangement {
        "request" => {
            logscope::try_init().expect("nothing is installed yet");
            app.layer(RequestLayer::new(&discarding(Format::text(), Clock::system())))
        }
        "request-plain" => app,
        "request-fmt" => {
            tracing_subscriber::fmt().with_ansi(false).with_writer(Discard).init();
            let layer = TraceLayer::new_for_http().make_span_with(DefaultMakeSpan::new().level(Level::INFO));
            app.layer(layer.on_response(DefaultOnResponse::new().level(Level::INFO)))
        }
        _ => return None,
    };
    Some(vec![("request", request(app))])
}

fn task(arrangement: &str) -> Option<Subjects> {
    let request = match arrangement {
        "task" => {
            logscope::try_init().expect("nothing is installed yet");
            let server = discarding(Format::text(), Clock::system());
            tasks(move || {
                let request = server.child("request").field("id", black_box(7_u64)).field("path", black_box("/cart"));
                tokio::spawn(handle().in_context(&request.build()))
            })
        }
        "task-fmt" => {
            tracing_subscriber::fmt().with_ansi(false).with_writer(Discard).init();
            tasks(|| {
                let span = tracing::info_span!("request", id = black_box(7_u64), path = black_box("/cart"));
                tokio::spawn(handle().instrument(span))
            })
        }
        _ => return None,
    };
    Some(vec![("request", request)])
}

async fn handle() {
    tracing::info!(items = black_box(2_u64), "looking");
    tracing::debug!(shelf = black_box(3_u64), "found");
    tracing::debug!(shelf = black_box(4_u64), "found");
    tracing::trace!("packing");
    tracing::info!(status = black_box(200_u64), "answered");
}

/// Spawns tasks on a runtime of one thread, and waits for each before the next.
fn tasks(spawn: impl Fn() -> JoinHandle<()> + 'static) -> Subject {
    let runtime = Builder::new_current_thread().build().expect("a runtime can be built");
    Box::new(move |times| {
        runtime.block_on(async {
            spawn().await.expect("the task does not panic");
            let (requests, start) = (alloc::requests(), ThreadTime::now());
            for _ in 0..times {
                spawn().await.expect("the task does not panic");
            }
            Sample { time: start.elapsed(), allocations: alloc::requests() - requests }
        })
    })
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
