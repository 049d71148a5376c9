//! Requests over connections of hyper: HTTP/1 and HTTP/2, many at once on few workers, and clients that go away.

#![cfg(feature = "testing")]
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::pending;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use common::{DEADLINE, ParsedLine, init, yield_once};
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use logscope::http::RequestLayer;
use logscope::sink::{self, Memory};
use logscope::testing::wait_until_async;
use logscope::{Format, InContext as _, LevelFilter, OutputContext};
use tokio::sync::mpsc;
use tower::{Layer, service_fn};

/// The body of each response: some chunks, which it logs, and trailers; or chunks without end.
struct Chunks {
    path: String,
    left: Option<usize>,
    trailers: bool,
    has_yielded: bool,
    /// Told when the body is dropped.
    gone: mpsc::UnboundedSender<String>,
}

impl Drop for Chunks {
    fn drop(&mut self) {
        tracing::info!(path = self.path, "step");
        // Not received by a test that has ended.
        let _ = self.gone.send(self.path.clone());
    }
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        tracing::info!(path = self.path, "step");
        // Every other poll waits, so that the bodies of one connection interleave.
        self.has_yielded = !self.has_yielded;
        if self.has_yielded {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(left) = &mut self.left {
            if *left == 0 {
                let trailers = std::mem::take(&mut self.trailers);
                return Poll::Ready(trailers.then(|| Ok(Frame::trailers(HeaderMap::new()))));
            }
            *left -= 1;
        }
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"0123456789")))))
    }
}

/// Answers by the first part of the path, logging at each step.
async fn respond(
    request: Request<Incoming>,
    gone: mpsc::UnboundedSender<String>,
) -> Result<Response<Chunks>, Infallible> {
    let path = request.uri().path().to_owned();
    for _ in 0..3 {
        tracing::info!(path, "step");
        yield_once().await;
    }
    let spawned = path.clone();
    let task = async move { tracing::info!(path = spawned, "step") };
    tokio::spawn(task.in_current_context()).await.unwrap();
    let (left, trailers) = match path.split('/').nth(1).unwrap() {
        "endless" => (None, false),
        "trailers" => (Some(3), true),
        "never" => {
            let (path, gone) = (path.clone(), gone.clone());
            let _gone = Chunks { path: path.clone(), left: None, trailers: false, has_yielded: false, gone };
            // Tells the client that it may go away: from here on, a handler that is dropped says so.
            tracing::info!(path, "step");
            pending().await
        }
        "panic" => panic!("in a handler"),
        _ => (Some(3), false),
    };
    let mut response = Response::new(Chunks { path: path.clone(), left, trailers, has_yielded: false, gone });
    if path.starts_with("/sized") {
        response.headers_mut().insert("content-length", 30.into());
    }
    Ok(response)
}

/// A server of one connection, and what it has logged.
struct Served {
    lines: Memory,
    gone: mpsc::UnboundedReceiver<String>,
    connection: tokio::task::JoinHandle<()>,
}

/// Serves a connection, in which little fits, and returns the client's end.
fn serve(http2: bool) -> (TokioIo<tokio::io::DuplexStream>, Served) {
    init();
    let (memory, lines) = sink::memory();
    let service =
        OutputContext::builder("shop").verbosity(LevelFilter::TRACE).sink(memory.format(Format::json())).build();
    let (told, gone) = mpsc::unbounded_channel();
    let handler = service_fn(move |request| respond(request, told.clone()));
    let handler = TowerToHyperService::new(RequestLayer::new(&service).layer(handler));
    let (client, server) = tokio::io::duplex(256);
    let server = TokioIo::new(server);
    // A client that goes away is an error of the connection, and no fault of the test.
    let connection = tokio::spawn(async move {
        let served: Result<(), _> = if http2 {
            hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(server, handler).await
        } else {
            hyper::server::conn::http1::Builder::new().serve_connection(server, handler).await
        };
        drop(served);
    });
    (TokioIo::new(client), Served { lines, gone, connection })
}

async fn client1(
    io: TokioIo<tokio::io::DuplexStream>,
) -> (http1::SendRequest<Empty<Bytes>>, tokio::task::JoinHandle<()>) {
    let (sender, connection) = http1::handshake(io).await.unwrap();
    (sender, tokio::spawn(async { drop(connection.await) }))
}

async fn client2(io: TokioIo<tokio::io::DuplexStream>) -> http2::SendRequest<Empty<Bytes>> {
    let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(async { drop(connection.await) });
    sender
}

fn request(path: &str) -> Request<Empty<Bytes>> {
    Request::get(format!("http://shop{path}"))
        .header("x-request-id", path)
        .header("host", "shop")
        .body(Empty::new())
        .unwrap()
}

impl Served {
    /// Waits until the connection has ended, and checks that every record is where it belongs. Returns the outcome of each request.
    async fn outcomes(self) -> BTreeMap<String, String> {
        tokio::time::timeout(DEADLINE, self.connection).await.expect("the connection ends").unwrap();
        outcomes(&self.lines)
    }
}

fn outcomes(lines: &Memory) -> BTreeMap<String, String> {
    let mut outcomes = BTreeMap::new();
    for line in lines.lines() {
        let line = ParsedLine::parse(&line);
        let path = line.context_fields["path"].as_str().unwrap();
        assert_eq!(line.context_fields["request_id"], path);
        match line.message.as_str() {
            "step" => assert_eq!(line.fields["path"], path, "a foreign record"),
            "request ended" => {
                let before = outcomes.insert(path.to_owned(), line.fields["outcome"].as_str().unwrap().to_owned());
                assert_eq!(before, None, "{path} has ended before");
            }
            _ => assert!(line.target.starts_with("h2"), "{line:?}"),
        }
    }
    outcomes
}

fn two_workers<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let result = runtime.block_on(async { tokio::time::timeout(DEADLINE, work).await.expect("the test ends") });
    runtime.shutdown_timeout(Duration::from_secs(5));
    result
}

#[test]
fn requests_that_share_an_http1_connection_follow_one_another() {
    two_workers(async {
        let (io, served) = serve(false);
        let (mut sender, _) = client1(io).await;
        let paths: Vec<_> = (0..10).map(|n| format!("/{}/{n}", ["plain", "sized", "trailers"][n % 3])).collect();
        for path in &paths {
            sender.ready().await.unwrap();
            let response = sender.send_request(request(path)).await.unwrap();
            assert_eq!(response.headers()["x-request-id"], **path);
            assert_eq!(response.into_body().collect().await.unwrap().to_bytes().len(), 30);
        }
        drop(sender);
        let expected = paths.into_iter().map(|path| (path, "finished".to_owned())).collect();
        assert_eq!(served.outcomes().await, expected);
    });
}

#[test]
fn streams_of_one_http2_connection_are_kept_apart() {
    two_workers(async {
        let (io, served) = serve(true);
        let sender = client2(io).await;
        let paths: Vec<_> = (0..60).map(|n| format!("/{}/{n}", ["plain", "sized", "trailers"][n % 3])).collect();
        let requests = paths.iter().map(|path| {
            let (mut sender, request) = (sender.clone(), request(path));
            tokio::spawn(async move {
                sender.ready().await.unwrap();
                let response = sender.send_request(request).await.unwrap();
                response.into_body().collect().await.unwrap().to_bytes().len()
            })
        });
        for request in requests.collect::<Vec<_>>() {
            assert_eq!(request.await.unwrap(), 30);
        }
        drop(sender);
        let expected = paths.into_iter().map(|path| (path, "finished".to_owned())).collect();
        assert_eq!(served.outcomes().await, expected);
    });
}

#[test]
fn an_http1_client_that_goes_away_in_the_middle_of_a_body_ends_the_request() {
    two_workers(async {
        let (io, mut served) = serve(false);
        let (mut sender, connection) = client1(io).await;
        let mut response = sender.send_request(request("/endless")).await.unwrap();
        assert!(response.body_mut().frame().await.unwrap().is_ok());
        connection.abort();
        drop((response, sender));
        assert_eq!(served.gone.recv().await.unwrap(), "/endless");
        assert_eq!(served.outcomes().await, BTreeMap::from([("/endless".to_owned(), "body dropped".to_owned())]));
    });
}

#[test]
fn a_client_that_goes_away_before_the_response_cancels_the_request() {
    two_workers(async {
        let (io, mut served) = serve(false);
        let (mut sender, connection) = client1(io).await;
        let lines = served.lines.clone();
        let sent = tokio::spawn(async move { drop(sender.send_request(request("/never")).await) });
        // Four steps of each request, and the one that follows when the handler waits.
        let waits = || if lines.len() == 5 { Ok(()) } else { Err(lines.lines()) };
        wait_until_async(DEADLINE, waits).await.unwrap();
        connection.abort();
        sent.await.unwrap();
        assert_eq!(served.gone.recv().await.unwrap(), "/never");
        assert_eq!(served.outcomes().await, BTreeMap::from([("/never".to_owned(), "cancelled".to_owned())]));
    });
}

#[test]
fn a_stream_that_is_reset_and_a_handler_that_panics_harm_no_other_stream() {
    two_workers(async {
        let (io, mut served) = serve(true);
        let mut sender = client2(io).await;
        let mut reset = sender.send_request(request("/endless")).await.unwrap();
        assert!(reset.body_mut().frame().await.unwrap().is_ok());
        sender.send_request(request("/panic")).await.unwrap_err();
        drop(reset);
        assert_eq!(served.gone.recv().await.unwrap(), "/endless");
        let response = sender.send_request(request("/plain")).await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes().len(), 30);
        drop(sender);
        let lines = served.lines.clone();
        served.outcomes().await;
        // The tasks of the streams end on their own.
        common::wait_until("the panic is recorded", || outcomes(&lines).len() == 3);
        let expected = [("/endless", "body dropped"), ("/panic", "panicked"), ("/plain", "finished")];
        assert_eq!(outcomes(&lines), expected.map(|(path, outcome)| (path.to_owned(), outcome.to_owned())).into());
    });
}

#[test]
fn a_connection_that_is_opened_inside_a_context_gives_it_to_no_request() {
    two_workers(async {
        let (memory, foreign) = sink::memory();
        let opener = OutputContext::builder("opener").verbosity(LevelFilter::TRACE).sink(memory).build();
        // The connection's task, and the tasks that it spawns for streams, start where another context is current.
        let (io, served) = async { serve(true) }.in_context(&opener).await;
        let mut sender = client2(io).await;
        for path in ["/plain/1", "/plain/2"] {
            let response = sender.send_request(request(path)).await.unwrap();
            assert_eq!(response.into_body().collect().await.unwrap().to_bytes().len(), 30);
        }
        drop(sender);
        assert_eq!(served.outcomes().await.len(), 2);
        assert!(!foreign.lines().iter().any(|line| line.contains("step")));
    });
}
