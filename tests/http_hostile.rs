//! What hostile clients send, and what the program's own code does wrong, harms neither the process nor the log of a request.

#![cfg(feature = "http")]
#![allow(clippy::unwrap_used)]

mod common;

use std::convert::Infallible;
use std::future::{Future, ready};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Bytes;
use common::{LogsWhenDropped, ParsedLine, block_on, init, panic_of, unscoped_messages};
use http::{HeaderName, HeaderValue, Method, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Empty};
use logscope::http::{RequestId, RequestLayer};
use logscope::sink::{self, Memory};
use logscope::{Format, LevelFilter, OutputContext};
use tower::{Layer, Service, service_fn};

fn service_log() -> (OutputContext, Memory) {
    init();
    let (memory, lines) = sink::memory();
    (OutputContext::builder("shop").sink(memory.format(Format::json())).build(), lines)
}

fn parsed(lines: &Memory) -> Vec<ParsedLine> {
    lines.lines().iter().map(|line| ParsedLine::parse(line)).collect()
}

/// The messages, and the outcome of the only request.
#[track_caller]
fn end_of(lines: &Memory) -> (Vec<String>, String) {
    let mut lines = parsed(lines);
    let end = lines.pop().expect("a request ends");
    assert_eq!(end.message, "request ended", "after {lines:?}");
    let messages: Vec<_> = lines.into_iter().map(|line| line.message).collect();
    assert!(!messages.iter().any(|message| message == "request ended"), "a request ends once");
    (messages, end.fields["outcome"].as_str().unwrap().to_owned())
}

fn request() -> Request<()> {
    Request::get("/").body(()).unwrap()
}

/// Serves a request by a handler that answers at once.
fn serve<B: Body>(
    layer: &RequestLayer,
    request: Request<()>,
    mut respond: impl FnMut(Request<()>) -> Response<B>,
) -> Response<logscope::http::ResponseBody<B>> {
    let service = service_fn(move |request| ready(Ok::<_, Infallible>(respond(request))));
    block_on(layer.layer(service).call(request)).unwrap()
}

fn empty<T>(_: T) -> Response<Empty<Bytes>> {
    Response::new(Empty::new())
}

#[test]
fn a_long_method_is_cut() {
    let (service, lines) = service_log();
    let mut request = request();
    *request.method_mut() = Method::from_bytes(&[b'A'; 1_000]).unwrap();
    drop(serve(&RequestLayer::new(&service), request, empty));
    let method = parsed(&lines)[0].context_fields["method"].as_str().unwrap().to_owned();
    assert_eq!(method, "A".repeat(32));
}

#[test]
fn of_several_ids_one_is_left() {
    let (service, _lines) = service_log();
    for (ids, taken) in [(["one", "two"], Some("one")), (["not sane", "two"], None)] {
        let mut request = request();
        for id in ids {
            request.headers_mut().append("x-request-id", HeaderValue::from_str(id).unwrap());
        }
        drop(serve(&RequestLayer::new(&service), request, |request| {
            let id = request.extensions().get::<RequestId>().unwrap();
            assert!(taken.is_none_or(|taken| id.as_str() == taken));
            let left: Vec<_> = request.headers().get_all("x-request-id").iter().collect();
            assert_eq!(left, [id.as_str()]);
            empty(())
        }));
    }
}

/// The headers of a request are parts of the buffer into which the connection has read them.
#[test]
fn an_id_does_not_keep_the_buffer_of_the_connection() {
    let (service, _lines) = service_log();
    let buffer = Bytes::from(b"r-7".repeat(100_000));
    let mut request = request();
    let id = HeaderValue::from_maybe_shared(buffer.slice(..3)).unwrap();
    request.headers_mut().insert("x-request-id", id);
    let mut kept = None;
    let response = serve(&RequestLayer::new(&service), request, |request| {
        kept = request.extensions().get::<RequestId>().cloned();
        empty(())
    });
    assert_eq!((response.headers()["x-request-id"].to_str().unwrap(), kept.unwrap().as_str()), ("r-7", "r-7"));
    assert!(buffer.is_unique(), "the request is gone, and its response under way");
}

/// The message of a panic.
fn said(payload: &(dyn std::any::Any + Send)) -> &'static str {
    payload.downcast_ref::<&str>().unwrap()
}

/// A body that panics where it is told to.
struct Panics {
    at_end_stream: bool,
    at_size_hint: bool,
    _witness: LogsWhenDropped,
}

impl Body for Panics {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"data")))))
    }

    fn is_end_stream(&self) -> bool {
        assert!(!self.at_end_stream, "in `is_end_stream`");
        false
    }

    fn size_hint(&self) -> SizeHint {
        assert!(!self.at_size_hint, "in `size_hint`");
        SizeHint::default()
    }
}

fn panics(at_end_stream: bool, at_size_hint: bool) -> Response<Panics> {
    Response::new(Panics { at_end_stream, at_size_hint, _witness: LogsWhenDropped("dropped") })
}

#[test]
fn a_body_that_panics_when_it_is_asked_for_its_end_does_not_abort_the_process() {
    let (service, lines) = service_log();
    let response = serve(&RequestLayer::new(&service), request(), |_| panics(true, false));
    // The panic of the question unwinds through the owner of the body, which drops it.
    let told = panic_of(AssertUnwindSafe(move || assert!(response.body().is_end_stream())));
    assert_eq!(said(&*told), "in `is_end_stream`");
    assert_eq!(end_of(&lines), (vec!["dropped".to_owned()], "panicked".to_owned()));

    // Only the layer asks.
    let (service, lines) = service_log();
    drop(serve(&RequestLayer::new(&service), request(), |_| panics(true, false)));
    assert_eq!(end_of(&lines), (vec!["dropped".to_owned()], "panicked".to_owned()));
}

#[test]
fn a_body_that_panics_when_it_is_asked_for_its_size_is_dropped_in_its_request() {
    let (service, lines) = service_log();
    panic_of(AssertUnwindSafe(|| drop(serve(&RequestLayer::new(&service), request(), |_| panics(false, true)))));
    assert_eq!(end_of(&lines), (vec!["dropped".to_owned()], "panicked".to_owned()));
}

/// Data of a program's own kind, which logs how it is asked, and claims to be as long as can be.
struct Claims;

impl bytes::Buf for Claims {
    fn remaining(&self) -> usize {
        tracing::info!("asked for its length");
        usize::MAX
    }

    fn chunk(&self) -> &[u8] {
        &[]
    }

    fn advance(&mut self, _: usize) {}
}

struct TwoClaims(u8);

impl Body for TwoClaims {
    type Data = Claims;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Claims>, Infallible>>> {
        let Some(left) = self.0.checked_sub(1) else { return Poll::Ready(None) };
        self.0 = left;
        Poll::Ready(Some(Ok(Frame::data(Claims))))
    }
}

#[test]
fn data_is_measured_in_its_request_and_whatever_it_claims() {
    let (service, lines) = service_log();
    let mut response = serve(&RequestLayer::new(&service), request(), |_| Response::new(TwoClaims(2)));
    while block_on(response.body_mut().frame()).is_some() {}
    assert_eq!(end_of(&lines), (vec!["asked for its length".to_owned(); 2], "finished".to_owned()));
    assert_eq!(parsed(&lines)[2].fields["bytes"], u64::MAX);
}

/// A future that has a response ready, and panics when it is dropped.
struct PanicsWhenDropped;

impl Future for PanicsWhenDropped {
    type Output = Result<Response<Panics>, Infallible>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(panics(false, false)))
    }
}

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("in a drop");
    }
}

#[test]
fn the_response_of_a_future_that_panics_when_it_is_dropped_is_dropped_in_its_request() {
    let (service, lines) = service_log();
    let mut served = RequestLayer::new(&service).layer(service_fn(|_: Request<()>| PanicsWhenDropped));
    panic_of(AssertUnwindSafe(move || drop(block_on(served.call(request())))));
    assert_eq!(end_of(&lines), (vec!["dropped".to_owned()], "panicked".to_owned()));
}

fn level_header() -> HeaderName {
    HeaderName::from_static("x-log-level")
}

fn asking_for(level: &'static str) -> Request<()> {
    Request::get("/").header(level_header(), level).body(()).unwrap()
}

#[test]
fn a_request_whose_context_cannot_be_made_ends_in_the_log_of_the_service() {
    let (service, lines) = service_log();
    let layer = RequestLayer::new(&service).make(|_, _| panic!("no tenant"));
    let told = panic_of(AssertUnwindSafe(|| drop(serve(&layer, request(), empty))));
    assert_eq!((said(&*told), end_of(&lines).1.as_str()), ("no tenant", "panicked"));
}

#[test]
fn a_permission_that_panics_ends_its_request() {
    let (service, lines) = service_log();
    let layer = RequestLayer::new(&service).raise_by(level_header(), LevelFilter::TRACE, |_| panic!("no users"));
    let told = panic_of(AssertUnwindSafe(|| drop(serve(&layer, asking_for("debug"), empty))));
    assert_eq!((said(&*told), end_of(&lines).1.as_str()), ("no users", "panicked"));
}

#[test]
fn what_the_settings_log_has_a_place() {
    let (service, lines) = service_log();
    let layer = RequestLayer::new(&service)
        .make(|_, child| {
            tracing::info!("a setting makes the context");
            child
        })
        .raise_by(level_header(), LevelFilter::TRACE, |_| {
            tracing::info!("a setting permits it");
            tracing::debug!("a setting knows nothing of the new level");
            true
        });
    drop(serve(&layer, asking_for("debug"), |_| {
        tracing::debug!("raised");
        empty(())
    }));
    let of: Vec<_> = parsed(&lines).into_iter().map(|line| (line.context, line.message)).collect();
    let expected = [
        ("shop", "a setting makes the context"),
        ("request", "a setting permits it"),
        ("request", "raised"),
        ("request", "request ended"),
    ];
    assert_eq!(of, expected.map(|(context, message)| (context.to_owned(), message.to_owned())));
    assert!(unscoped_messages("a setting").is_empty());
}

#[test]
fn a_layer_in_another_one_gives_the_request_a_second_context_with_the_same_id() {
    let (outer, of_outer) = service_log();
    let (inner, of_inner) = service_log();
    let handler = service_fn(|_: Request<()>| async {
        tracing::info!("in the handler");
        Ok::<_, Infallible>(empty(()))
    });
    let mut served = RequestLayer::new(&outer).layer(RequestLayer::new(&inner).layer(handler));
    let response = block_on(served.call(request())).unwrap();
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert!(block_on(response.into_body().collect()).is_ok());
    assert_eq!(end_of(&of_outer), (vec![], "finished".to_owned()));
    assert_eq!(end_of(&of_inner), (vec!["in the handler".to_owned()], "finished".to_owned()));
    for line in parsed(&of_outer).into_iter().chain(parsed(&of_inner)) {
        assert_eq!(line.context_fields["request_id"], *id);
    }
}

#[test]
fn headers_that_are_full_go_without_an_id() {
    let (service, lines) = service_log();
    let mut full = http::HeaderMap::new();
    for number in 0.. {
        let name = HeaderName::try_from(format!("x-{number}")).unwrap();
        if full.try_insert(name, HeaderValue::from(number)).is_err() {
            break;
        }
    }
    let mut request = request();
    *request.headers_mut() = full.clone();
    let response = serve(&RequestLayer::new(&service), request, |_| {
        let mut response = empty(());
        *response.headers_mut() = full.clone();
        response
    });
    assert_eq!(response.headers().len(), full.len());
    drop(response);
    assert_eq!(end_of(&lines), (vec![], "finished".to_owned()));
}

/// `tower` allows one call for each time that a service was ready, to that very service.
#[test]
fn the_service_that_was_ready_is_the_one_that_is_called() {
    struct OnceReady {
        is_ready: bool,
    }
    impl Clone for OnceReady {
        fn clone(&self) -> Self {
            OnceReady { is_ready: false }
        }
    }
    impl Service<Request<()>> for OnceReady {
        type Response = Response<Empty<Bytes>>;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Self::Response, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            self.is_ready = true;
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<()>) -> Self::Future {
            assert!(std::mem::take(&mut self.is_ready), "called without having been ready");
            ready(Ok(empty(())))
        }
    }
    let (service, _lines) = service_log();
    let mut served = RequestLayer::new(&service).layer(OnceReady { is_ready: false });
    for _ in 0..2 {
        block_on(std::future::poll_fn(|cx| served.poll_ready(cx))).unwrap();
        drop(block_on(served.call(request())).unwrap());
    }
    panic_of(AssertUnwindSafe(|| drop(served.clone().call(request()))));
}

/// An id is any visible ASCII text, and each format keeps it in its place.
#[test]
fn an_id_forges_nothing_in_any_format() {
    init();
    let id = r#"a}:msg="forged"]{level=ERROR,"outcome":"none"}\u001b[31m%0a"#;
    let [text, logfmt, json] = [Format::text(), Format::logfmt(), Format::json()].map(|format| {
        let (memory, lines) = sink::memory();
        (memory.format(format), lines)
    });
    let service = OutputContext::builder("shop").sinks([&text, &logfmt, &json].map(|(sink, _)| sink.clone())).build();
    let mut request = request();
    request.headers_mut().insert("x-request-id", HeaderValue::from_static(id));
    drop(serve(&RequestLayer::new(&service), request, empty));
    for (_, lines) in [text, logfmt] {
        let lines = lines.lines();
        assert!(lines.len() == 1 && lines[0].contains(&format!("request_id={id:?}")), "{lines:?}");
    }
    let line = &parsed(&json.1)[0];
    assert_eq!((line.context_fields["request_id"].as_str(), line.level.as_str()), (Some(id), "INFO"));
}
