//! The layer in the stacks that programs have: axum's router, `tower-http`'s `TraceLayer`, tonic's server.

#![cfg(feature = "http")]
#![allow(clippy::unwrap_used)]

mod common;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::routing::get;
use common::{DEADLINE, ParsedLine, init};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use logscope::http::RequestLayer;
use logscope::sink::{self, Memory};
use logscope::{Format, InContext as _, LevelFilter, OutputContext};
use tower::{Service, ServiceExt as _};
use tower_http::trace::TraceLayer;

fn service_log() -> (OutputContext, Memory) {
    init();
    let (memory, lines) = sink::memory();
    let service = OutputContext::builder("shop").verbosity(LevelFilter::DEBUG).sink(memory.format(Format::json()));
    (service.build(), lines)
}

fn parsed(lines: &Memory) -> Vec<ParsedLine> {
    lines.lines().iter().map(|line| ParsedLine::parse(line)).collect()
}

fn on_runtime<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(DEADLINE, work).await.expect("the test ends") })
}

/// A body of a chunk and trailers.
struct WithTrailers(u8);

impl http_body::Body for WithTrailers {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0 += 1;
        Poll::Ready(match self.0 {
            1 => Some(Ok(Frame::data(Bytes::from_static(b"data")))),
            2 => {
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", HeaderValue::from_static("0"));
                Some(Ok(Frame::trailers(trailers)))
            }
            _ => None,
        })
    }
}

fn ask(method: &str, path: &str) -> Request {
    Request::builder().method(method).uri(path).body(Body::empty()).unwrap()
}

#[test]
fn what_trace_layer_logs_is_in_the_log_of_the_request_up_to_the_end_of_the_stream() {
    let (service, lines) = service_log();
    let app = Router::new()
        .route("/plain", get(|| async { "body" }))
        .route("/trailers", get(|| async { Response::new(Body::new(WithTrailers(0))) }))
        .layer(TraceLayer::new_for_http())
        .layer(RequestLayer::new(&service));
    on_runtime(async {
        for path in ["/plain", "/trailers"] {
            let response = app.clone().oneshot(ask("GET", path)).await.unwrap();
            response.into_body().collect().await.unwrap();
        }
    });
    let lines = parsed(&lines);
    for path in ["/plain", "/trailers"] {
        let of_path: Vec<_> = lines.iter().filter(|line| line.context_fields["path"] == path).collect();
        let messages: Vec<_> = of_path.iter().map(|line| line.message.as_str()).collect();
        assert_eq!(
            messages,
            ["started processing request", "finished processing request", "end of stream", "request ended"]
        );
        assert!(of_path.iter().all(|line| line.id == of_path[0].id));
    }
    assert_eq!(lines.len(), 8);
}

#[test]
fn every_answer_of_a_router_is_a_request() {
    let (service, lines) = service_log();
    let app = Router::new()
        .route("/page", get(|| async { "a page" }))
        .nest("/admin", Router::new().route("/users", get(|| async { StatusCode::FORBIDDEN })))
        .layer(RequestLayer::new(&service));
    on_runtime(async {
        let bytes = async |method: &str, path: &str| {
            let response = app.clone().oneshot(ask(method, path)).await.unwrap();
            let length = response.headers().get("content-length").map(|length| length.to_str().unwrap().to_owned());
            (length, response.into_body().collect().await.unwrap().to_bytes().len())
        };
        assert_eq!(bytes("GET", "/page").await, (Some("6".to_owned()), 6), "the length is known through the layer");
        assert_eq!(bytes("HEAD", "/page").await, (Some("6".to_owned()), 0));
        bytes("GET", "/nowhere").await;
        bytes("POST", "/page").await;
        bytes("GET", "/admin/users").await;
    });
    let ends: Vec<_> = parsed(&lines)
        .into_iter()
        .map(|end| {
            let fields = &end.context_fields;
            let what = format!("{} {}", fields["method"].as_str().unwrap(), fields["path"].as_str().unwrap());
            (what, end.fields["status"].as_u64().unwrap(), end.fields["outcome"].as_str().unwrap().to_owned())
        })
        .collect();
    let expected = [
        ("GET /page", 200),
        ("HEAD /page", 200),
        ("GET /nowhere", 404),
        ("POST /page", 405),
        ("GET /admin/users", 403),
    ];
    assert_eq!(ends, expected.map(|(what, status)| (what.to_owned(), status, "finished".to_owned())));
}

/// A connection that was upgraded ends its request; its own task goes on in the context that it was given.
#[test]
fn an_upgraded_connection_is_logged_by_what_it_was_given() {
    let (service, lines) = service_log();
    let (done, ended) = tokio::sync::oneshot::channel();
    let done = std::sync::Arc::new(std::sync::Mutex::new(Some(done)));
    let upgrade = move |request: Request| async move {
        let done = done.lock().unwrap().take().unwrap();
        let task = async move {
            let mut connection = TokioIo::new(hyper::upgrade::on(request).await.unwrap());
            tracing::info!("upgraded");
            tokio::io::AsyncWriteExt::write_all(&mut connection, b"hello").await.unwrap();
            drop(connection);
            tracing::info!("left");
            done.send(()).unwrap();
        };
        tokio::spawn(task.in_current_context());
        let headers = [("connection", "upgrade"), ("upgrade", "chat")];
        (StatusCode::SWITCHING_PROTOCOLS, headers)
    };
    let app = Router::new().route("/chat", get(upgrade)).layer(RequestLayer::new(&service));
    on_runtime(async {
        let (client, server) = tokio::io::duplex(4_096);
        let service = hyper_util::service::TowerToHyperService::new(app);
        let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(server), service);
        tokio::spawn(connection.with_upgrades());
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(client)).await.unwrap();
        tokio::spawn(connection.with_upgrades());
        let request = Request::get("/chat").header("connection", "upgrade").header("upgrade", "chat");
        let response = sender.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 101);
        let mut connection = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
        let mut said = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut connection, &mut said).await.unwrap();
        assert_eq!(said, "hello");
        ended.await.unwrap();
    });
    let lines = parsed(&lines);
    assert!(lines.iter().all(|line| line.id == lines[0].id && line.context == "request"));
    let mut messages: Vec<_> = lines.iter().map(|line| line.message.as_str()).collect();
    let end = messages.iter().position(|message| *message == "request ended").unwrap();
    assert_eq!(lines[end].fields["outcome"], "finished");
    messages.remove(end);
    assert_eq!(messages, ["upgraded", "left"]);
}

/// A service as tonic's code generator makes one, in what the server sees of it.
#[derive(Clone)]
struct Greeter;

impl tonic::server::NamedService for Greeter {
    const NAME: &'static str = "hello.Greeter";
}

impl Service<http::Request<tonic::body::Body>> for Greeter {
    type Response = Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<tonic::body::Body>) -> Self::Future {
        tracing::info!("greeted");
        ready(Ok(Response::new(tonic::body::Body::new(WithTrailers(0)))))
    }
}

#[test]
fn a_server_of_tonic_takes_the_layer() {
    let (service, lines) = service_log();
    on_runtime(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let server = tonic::transport::Server::builder()
            .layer(RequestLayer::new(&service))
            .add_service(Greeter)
            .serve_with_incoming_shutdown(tonic::transport::server::TcpIncoming::from(listener), async {
                drop(stopped.await)
            });
        let server = tokio::spawn(server);

        let connection = tokio::net::TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(connection)).await.unwrap();
        tokio::spawn(connection);
        let request =
            Request::post(format!("http://{address}/hello.Greeter/Greet")).header("content-type", "application/grpc");
        let response = sender.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
        let body = response.into_body().collect().await.unwrap();
        assert_eq!(body.trailers().unwrap()["grpc-status"], "0");
        drop(sender);
        stop.send(()).unwrap();
        server.await.unwrap().unwrap();
    });
    let lines = parsed(&lines);
    let of_ours: Vec<_> = lines.iter().filter(|line| !line.target.starts_with("h2")).collect();
    let messages: Vec<_> = of_ours.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(messages, ["greeted", "request ended"]);
    assert_eq!((&of_ours[1].fields["bytes"], &of_ours[1].fields["outcome"]), (&4.into(), &"finished".into()));
    assert_eq!(of_ours[1].context_fields["path"], "/hello.Greeter/Greet");
}
