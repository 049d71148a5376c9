//! Each request of a service runs in a context of its own, with an id, and its end is known exactly once: in a service that is polled by hand.

#![cfg(feature = "http")]
#![allow(clippy::unwrap_used)]

mod common;

use std::convert::Infallible;
use std::future::{Future, pending, ready};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;

use common::{LogsWhenDropped, ParsedLine, block_on, init, panic_of, poll, tracked, yield_once};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty, Full};
use logscope::http::{Outcome, RequestId, RequestLayer, RequestService, ResponseBody};
use logscope::sink::{self, Memory};
use logscope::{Dial, Format, InContext as _, LevelFilter, OutputContext};
use tower::{Layer, Service, ServiceExt as _, service_fn};

type Text = Full<&'static [u8]>;
type Sent = Result<Response<Text>, &'static str>;

fn request(path: &str) -> Request<()> {
    Request::get(path).body(()).unwrap()
}

fn text(text: &'static str) -> Sent {
    Ok(Response::new(Full::new(text.as_bytes())))
}

/// A context for a service, and the lines of all its requests.
fn service_log() -> (OutputContext, Memory) {
    let (memory, lines) = sink::memory();
    (OutputContext::builder("shop").sink(memory.format(Format::json())).build(), lines)
}

fn parsed(lines: &Memory) -> Vec<ParsedLine> {
    lines.lines().iter().map(|line| ParsedLine::parse(line)).collect()
}

/// The outcome in the last record of the only request, after the messages before it.
#[track_caller]
fn end_of(lines: &Memory) -> (Vec<String>, String, ParsedLine) {
    let mut lines = parsed(lines);
    let ids: std::collections::BTreeSet<_> = lines.iter().map(|line| line.id).collect();
    assert_eq!(ids.len(), 1, "records of one request: {lines:?}");
    let ends = lines.iter().filter(|line| line.message == "request ended").count();
    assert_eq!(ends, 1, "a request ends once: {lines:?}");
    let end = lines.pop().unwrap();
    assert_eq!(end.target, "logscope::http");
    let outcome = end.fields["outcome"].as_str().unwrap().to_owned();
    (lines.into_iter().map(|line| line.message).collect(), outcome, end)
}

/// Serves a request for `/cart`.
fn call<S, F>(layer: &RequestLayer, handler: S) -> <RequestService<Handler<S>> as Service<Request<()>>>::Future
where
    S: FnMut(Request<()>) -> F,
    F: Future<Output = Sent>,
{
    layer.layer(Handler(handler)).call(request("/cart?secret=1"))
}

/// A function as a service: `service_fn` gives the type no name.
struct Handler<S>(S);

impl<S: FnMut(Request<()>) -> F, F: Future<Output = Sent>> Service<Request<()>> for Handler<S> {
    type Response = Response<Text>;
    type Error = &'static str;
    type Future = F;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> Poll<Result<(), &'static str>> {
        assert!(OutputContext::try_current().is_none(), "readiness belongs to no request");
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> F {
        (self.0)(request)
    }
}

#[test]
fn a_request_is_a_child_with_fields() {
    init();
    let (service, lines) = service_log();
    let respond = |_| {
        tracing::info!("called");
        async {
            tracing::info!("polled");
            yield_once().await;
            tracing::info!("polled again");
            text("four")
        }
    };
    let response = block_on(call(&RequestLayer::new(&service), respond)).unwrap();
    let (parts, body) = response.into_parts();
    assert_eq!(parsed(&lines).len(), 3, "the request goes on until its body is taken");
    let body = block_on(body.collect()).unwrap().to_bytes();
    assert_eq!(&body[..], b"four");

    let (messages, outcome, end) = end_of(&lines);
    assert_eq!(messages, ["called", "polled", "polled again"]);
    assert_eq!(outcome, Outcome::Finished.as_str());
    assert_eq!((end.context.as_str(), end.level.as_str()), ("request", "INFO"));
    assert_eq!((&end.fields["status"], &end.fields["bytes"]), (&200.into(), &4.into()));
    assert!(end.fields["duration_ms"].as_f64().unwrap() >= 0.0);
    let fields = &end.context_fields;
    assert_eq!((&fields["method"], &fields["path"]), (&"GET".into(), &"/cart".into()));
    assert_eq!(fields["request_id"], parts.headers["x-request-id"].to_str().unwrap());
    assert!(OutputContext::try_current().is_none());
}

#[test]
fn the_request_id_is_taken_if_it_is_sane_and_goes_to_all_who_need_it() {
    init();
    let (service, _lines) = service_log();
    let layer = RequestLayer::new(&service);
    let respond = |request: Request<()>| {
        let id = request.extensions().get::<RequestId>().unwrap().to_string();
        let field =
            OutputContext::current().fields().iter().find(|(name, _)| name == "request_id").unwrap().1.to_string();
        assert_eq!((field.as_str(), request.headers()["x-request-id"].to_str().unwrap()), (id.as_str(), id.as_str()));
        let mut response = text("").unwrap();
        response.headers_mut().insert("x-request-id", HeaderValue::from_static("the handler's own"));
        ready(Sent::Ok(response))
    };
    let answered = |given: Option<&[u8]>| {
        let mut request = request("/");
        if let Some(given) = given {
            request.headers_mut().insert("x-request-id", HeaderValue::from_bytes(given).unwrap());
        }
        let response = block_on(layer.layer(Handler(respond)).call(request)).unwrap();
        let id = response.headers().get_all("x-request-id").iter().collect::<Vec<_>>();
        assert_eq!(id.len(), 1);
        id[0].to_str().unwrap().to_owned()
    };
    assert_eq!(answered(Some(b"r-7")), "r-7");
    let long = "x".repeat(129);
    let mut made: Vec<_> =
        [None, None, Some(&b""[..]), Some(b"a b"), Some(b"\xff"), Some(long.as_bytes())].map(answered).into();
    assert!(made.iter().all(|id| id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_graphic())), "{made:?}");
    made.sort();
    made.dedup();
    assert_eq!(made.len(), 6, "each is made, and another one");
}

#[test]
fn the_program_makes_the_context() {
    init();
    let (service, of_service) = service_log();
    let (acme, of_acme) = sink::memory();
    let acme = acme.format(Format::json());
    let layer = RequestLayer::new(&service).make(move |parts, child| {
        assert!(parts.extensions.get::<RequestId>().is_some());
        child.name("cart").field("tenant", "acme").sinks([acme.clone()]).verbosity(LevelFilter::DEBUG)
    });
    let respond = |_| async {
        tracing::debug!("looked into the cart");
        text("")
    };
    drop(block_on(call(&layer, respond)));
    assert!(of_service.lines().is_empty());
    let (messages, _, end) = end_of(&of_acme);
    assert_eq!(messages, ["looked into the cart"]);
    assert_eq!((end.context.as_str(), &end.context_fields["tenant"]), ("cart", &"acme".into()));
}

#[test]
fn a_long_path_is_cut() {
    init();
    let (service, lines) = service_log();
    let mut served = RequestLayer::new(&service).layer(Handler(|_| ready(text(""))));
    let long = format!("/{}", "y".repeat(5_000));
    drop(block_on(served.call(request(&long))));
    assert_eq!(end_of(&lines).2.context_fields["path"].as_str().unwrap(), &long[..1_024]);
}

#[test]
fn what_a_handler_updates_and_enters_stays_with_the_request() {
    init();
    let (service, lines) = service_log();
    let respond = |_| async {
        logscope::update(|context| context.with_field("user", "ada"));
        text("body")
    };
    drop(block_on(call(&RequestLayer::new(&service), respond)));
    assert_eq!(end_of(&lines).2.context_fields["user"], "ada");
}

#[test]
fn a_future_that_is_dropped_ends_its_request() {
    init();
    let (service, lines) = service_log();
    let respond = |_| {
        let witness = LogsWhenDropped("dropped");
        async move {
            let _witness = witness;
            pending().await
        }
    };
    let mut future = Box::pin(call(&RequestLayer::new(&service), respond));
    assert!(poll(&mut future).is_pending());
    drop(future);
    let (messages, outcome, end) = end_of(&lines);
    assert_eq!((messages, outcome.as_str()), (vec!["dropped".to_owned()], "cancelled"));
    assert_eq!((end.level.as_str(), end.fields.get("status")), ("WARN", None));

    // Never polled.
    let (service, lines) = service_log();
    drop(call(&RequestLayer::new(&service), |_| pending()));
    assert_eq!(end_of(&lines).1, "cancelled");
}

#[test]
fn an_error_of_the_service_ends_the_request() {
    init();
    let (service, lines) = service_log();
    let respond = |_| {
        let witness = LogsWhenDropped("dropped");
        async move {
            yield_once().await;
            drop(witness);
            Err("no more")
        }
    };
    assert_eq!(block_on(call(&RequestLayer::new(&service), respond)).unwrap_err(), "no more");
    let (messages, outcome, end) = end_of(&lines);
    assert_eq!((messages, outcome.as_str()), (vec!["dropped".to_owned()], "service failed"));
    assert_eq!(end.level, "WARN");
}

#[test]
fn a_panic_ends_the_request_and_leaves_the_thread_clean() {
    init();
    let (service, lines) = service_log();
    let layer = RequestLayer::new(&service);
    let respond = |_| -> std::future::Ready<Sent> { panic!("in the call") };
    panic_of(|| drop(call(&layer, respond)));
    assert_eq!(end_of(&lines).1, "panicked");
    assert!(OutputContext::try_current().is_none());

    let (service, lines) = service_log();
    let respond = |_| {
        let witness = LogsWhenDropped("dropped");
        async move {
            yield_once().await;
            let _witness = witness;
            panic!("in a poll")
        }
    };
    let mut future = Box::pin(call(&RequestLayer::new(&service), respond));
    assert!(poll(&mut future).is_pending());
    panic_of(AssertUnwindSafe(|| drop(poll(&mut future))));
    assert!(OutputContext::try_current().is_none());
    assert!(
        parsed(&lines).iter().all(|line| line.message != "request ended"),
        "the request is there until it is dropped"
    );
    drop(future);
    let (messages, outcome, end) = end_of(&lines);
    assert_eq!((messages, outcome.as_str()), (vec!["dropped".to_owned()], "panicked"));
    assert_eq!(end.level, "WARN");
}

#[test]
fn the_last_record_has_the_level_of_its_kind() {
    init();
    let of = |levels: Option<(LevelFilter, LevelFilter)>, status: StatusCode| {
        let (service, lines) = service_log();
        let service = service.with_verbosity(LevelFilter::TRACE);
        let mut layer = RequestLayer::new(&service);
        if let Some((finished, failed)) = levels {
            layer = layer.end_levels(finished, failed);
        }
        let respond = move |_| async move {
            let mut response = text("").unwrap();
            *response.status_mut() = status;
            Ok(response)
        };
        drop(block_on(call(&layer, respond)));
        parsed(&lines).pop().map(|line| line.level)
    };
    let is = |level: &str| Some(level.to_owned());
    assert_eq!(of(None, StatusCode::NOT_FOUND), is("INFO"));
    assert_eq!(of(None, StatusCode::BAD_GATEWAY), is("WARN"));
    let levels = [LevelFilter::ERROR, LevelFilter::WARN, LevelFilter::INFO, LevelFilter::DEBUG, LevelFilter::TRACE];
    for level in levels {
        assert_eq!(of(Some((level, LevelFilter::OFF)), StatusCode::OK), is(&level.to_string().to_uppercase()));
        assert_eq!(of(Some((level, LevelFilter::OFF)), StatusCode::BAD_GATEWAY), None);
    }
}

#[test]
fn the_layer_lets_go_of_the_context_at_the_end() {
    init();
    let (service, _lines, closed) = tracked("shop");
    let layer = RequestLayer::new(&service);
    let live = || logscope::live().iter().filter(|context| context.parent_id() == Some(service.id())).count();
    let mut response = block_on(call(&layer, |_| ready(text("body")))).unwrap();
    assert_eq!(live(), 1);
    while block_on(response.body_mut().frame()).is_some() {}
    assert_eq!(live(), 0, "the body is still there, but at its end");
    assert!(http_body::Body::is_end_stream(response.body()));
    assert_eq!(http_body::Body::size_hint(response.body()).exact(), Some(0));
    drop((response, layer));
    assert!(!closed.get());
    drop(service);
    assert!(closed.get());
}

#[test]
fn work_that_is_spawned_is_carried_beyond_the_end() {
    init();
    common::on_one_worker(async {
        let (service, lines) = service_log();
        let respond = |_| async {
            let bare = tokio::task::spawn_local(async { tracing::info!("the bare task") });
            let task = async { tracing::info!("task") }.in_current_context();
            let handles = (
                bare,
                tokio::task::spawn_local(task),
                std::thread::spawn(logscope::bind_current(|| tracing::info!("thread"))),
            );
            handles.2.join().unwrap();
            handles.0.await.unwrap();
            handles.1.await.unwrap();
            text("")
        };
        drop(call(&RequestLayer::new(&service), respond).await);
        assert_eq!(end_of(&lines).0, ["thread", "task"]);
    });
}

fn level_header() -> HeaderName {
    HeaderName::from_static("x-log-level")
}

/// The messages of a request with this header, which logs once at each level and for the target `sql`.
fn raised(layer: RequestLayer, lines: &Memory, value: &[u8]) -> Vec<String> {
    let mut request = request("/");
    request.headers_mut().insert(level_header(), HeaderValue::from_bytes(value).unwrap());
    let respond = |_| async {
        tracing::info!("info");
        tracing::debug!("debug");
        tracing::trace!("trace");
        tracing::debug!(target: "sql", "sql debug");
        text("")
    };
    let before = lines.len();
    drop(block_on(layer.layer(Handler(respond)).call(request)));
    let lines = parsed(lines).split_off(before);
    lines.into_iter().filter(|line| line.message != "request ended").map(|line| line.message).collect()
}

#[test]
fn a_header_raises_one_request_with_permission_up_to_the_cap() {
    init();
    let (service, lines) = service_log();
    let plain = RequestLayer::new(&service);
    let layer = plain.clone().raise_by(level_header(), LevelFilter::DEBUG, |_| true);
    assert_eq!(raised(plain, &lines, b"trace"), ["info"], "a header means nothing unless set");
    let denied = RequestLayer::new(&service).raise_by(level_header(), LevelFilter::TRACE, |_| false);
    assert_eq!(raised(denied.clone(), &lines, b"trace"), ["info"]);
    assert_eq!(raised(denied, &lines, b"nonsense="), ["info"], "what is not permitted is not read");
    assert_eq!(raised(layer.clone(), &lines, b"debug"), ["info", "debug", "sql debug"]);
    assert_eq!(raised(layer.clone(), &lines, b"trace"), ["info", "debug", "sql debug"], "never above the cap");
    assert_eq!(raised(layer.clone(), &lines, b"sql=trace"), ["info", "sql debug"]);
    assert_eq!(raised(layer.clone(), &lines, b"off"), ["info"], "a header never makes a log quieter");
    drop(block_on(call(&layer, |_| async {
        tracing::debug!("not in the next request");
        text("")
    })));
    assert_eq!(service.verbosity().max_level(), LevelFilter::INFO);
    assert!(!lines.lines().iter().any(|line| line.contains("not in the next request")));
}

#[test]
fn the_permission_sees_the_request() {
    init();
    let (service, lines) = service_log();
    let layer =
        RequestLayer::new(&service).raise_by(level_header(), LevelFilter::TRACE, |parts| parts.uri.path() == "/");
    assert_eq!(raised(layer.clone(), &lines, b"trace").len(), 4);
    let mut other = request("/other");
    other.headers_mut().insert(level_header(), HeaderValue::from_static("trace"));
    let respond = |_| {
        assert_eq!(OutputContext::current().verbosity().max_level(), LevelFilter::INFO);
        ready(text(""))
    };
    drop(block_on(layer.layer(Handler(respond)).call(other)));
}

#[test]
fn a_raised_request_has_the_value_of_the_dial_at_its_beginning() {
    init();
    let (memory, lines) = sink::memory();
    let dial = Dial::new(LevelFilter::DEBUG);
    let service = OutputContext::builder("shop").verbosity(&dial).sink(memory.format(Format::json())).build();
    let layer = RequestLayer::new(&service).raise_by(level_header(), LevelFilter::INFO, |_| true);
    // The service is above the cap already: the cap takes nothing away.
    assert_eq!(raised(layer, &lines, b"trace"), ["info", "debug", "sql debug"]);
}

#[test]
fn a_wrong_header_is_ignored_and_said_once() {
    init();
    let (service, lines) = service_log();
    let layer = RequestLayer::new(&service).raise_by(level_header(), LevelFilter::TRACE, |_| true);
    let long = "x".repeat(257);
    for (wrong, problem) in
        [(&b"inof"[..], "did you mean `info`"), (b"\xff", "not UTF-8"), (long.as_bytes(), "257 bytes"), (b"", "")]
    {
        let before = lines.len();
        let messages = raised(layer.clone(), &lines, wrong);
        assert_eq!(messages, ["this header does not raise the verbosity: ignored", "info"]);
        let said = &parsed(&lines)[before];
        assert_eq!((said.level.as_str(), said.context.as_str()), ("WARN", "request"));
        assert_eq!(said.fields["header"], "x-log-level");
        let told = said.fields["problem"].as_str().unwrap();
        assert!(told.contains(problem) && told.len() < 1_000, "{told}");
    }
}

#[test]
fn requests_that_interleave_on_one_thread_are_kept_apart() {
    init();
    let (service, lines) = service_log();
    let layer = RequestLayer::new(&service);
    let serve = |path: &'static str| {
        let respond = move |_| async move {
            for _ in 0..3 {
                tracing::info!(path, "step");
                yield_once().await;
            }
            text("body")
        };
        Box::pin(layer.layer(Handler(respond)).call(request(path)))
    };
    let mut requests: Vec<_> = ["/a", "/b", "/c"].into_iter().map(|path| (serve(path), None)).collect();
    while requests.iter().any(|(_, response)| response.is_none()) {
        for (future, response) in &mut requests {
            if response.is_none()
                && let Poll::Ready(ready) = poll(future)
            {
                *response = Some(ready.unwrap());
            }
        }
    }
    drop(requests);
    let steps: Vec<_> = parsed(&lines).into_iter().filter(|line| line.message == "step").collect();
    assert_eq!(steps.len(), 9);
    assert!(steps.iter().all(|step| step.fields["path"] == step.context_fields["path"]), "{steps:?}");
}

#[test]
fn a_panicking_setting_harms_no_later_request() {
    init();
    let (service, lines) = service_log();
    let layer = RequestLayer::new(&service).make(|parts, child| match parts.uri.path() {
        "/bad" => panic!("no tenant"),
        _ => child,
    });
    let mut served = layer.layer(Handler(|_| ready(text(""))));
    panic_of(AssertUnwindSafe(|| drop(served.call(request("/bad")))));
    drop(block_on(served.call(request("/good"))));
    assert_eq!(end_of(&lines).1, "finished");
}

#[test]
fn the_types_can_be_sent_and_shown() {
    fn is_sent<T: Send + Sync>(_: &T) {}
    let service = OutputContext::builder("shop").build();
    let layer = RequestLayer::new(&service);
    is_sent(&layer);
    is_sent::<Option<ResponseBody<Empty<&[u8]>>>>(&None);
    let served =
        layer.layer(service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(Response::new(Empty::<&[u8]>::new())))));
    is_sent(&served);
    assert!(format!("{layer:?}").contains("shop"));
    let shared = Arc::new(served);
    let response = block_on((*shared).clone().oneshot(request("/"))).unwrap();
    assert!(format!("{:?}", response.body()).contains("ResponseBody"));
}
