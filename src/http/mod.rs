//! Requests: each runs in a context of its own, from the first poll to the last byte of its response.
//!
//! [`RequestLayer`] is a `tower` layer, for axum, tonic, hyper (through `hyper_util::service::TowerToHyperService`), and whatever else is a
//! `tower::Service` of an `http::Request`:
//!
//! ```
//! use axum::{Router, routing::get};
//! use logscope::{Format, OutputContext, http::RequestLayer, sink};
//! use tower::ServiceExt as _;
//!
//! logscope::init();
//! let (memory, lines) = sink::memory();
//! let service = OutputContext::builder("shop").sink(memory.format(Format::text())).build();
//!
//! let app = Router::new()
//!     .route("/cart", get(|| async { tracing::info!("looked into the cart") }))
//!     .layer(RequestLayer::new(&service));
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! # let request = axum::extract::Request::builder().uri("/cart").header("x-request-id", "r-7").body(axum::body::Body::empty())?;
//! let response = app.oneshot(request).await?;
//! assert_eq!(response.headers()["x-request-id"], "r-7");
//! drop(response); // sent
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! let lines = lines.lines();
//! assert!(lines[0].contains("looked into the cart") && lines[0].contains("request_id=r-7"));
//! assert!(lines[1].contains("request ended") && lines[1].contains("status=200"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where the context is current
//!
//! In the call of the service, in each poll of its future, in each poll of the response's body (data and trailers), in its `size_hint` and
//! `is_end_stream`, and where the future and the body are dropped. So a layer further in, such as `TraceLayer` of `tower-http`, logs all to
//! the context of the request, the end of the stream included: add [`RequestLayer`] as the outermost layer. What a handler
//! [updates](crate::update) or enters stays with the request, up to its last record. What it spawns is carried by
//! [`in_current_context`](crate::InContext::in_current_context) and [`bind_current`](crate::bind_current), as elsewhere. `poll_ready` is in no
//! request, nor is the task of an HTTP/2 connection, which all its requests share.
//!
//! # How a request ends
//!
//! Exactly once, in one of the ways of [`Outcome`]. The layer then writes a last record, with the target `logscope::http` and the message
//! `request ended`, and lets go of the context:
//!
//! | field | value |
//! |---|---|
//! | `status` | the status of the response, if there was one |
//! | `bytes` | how many bytes of the body were taken |
//! | `duration_ms` | the time since the call, in milliseconds |
//! | `outcome` | [`Outcome::as_str`]: `finished`, `cancelled`, … |
//!
//! A body is finished when it has said that it is at its end, when its trailers were taken, or when as many bytes were taken as the response
//! promises. That they were taken does not say that they arrived: what is left in the buffers of the connection when the client goes
//! away, no body learns.
//!
//! # Upgraded connections
//!
//! For a connection that is upgraded (a WebSocket, `CONNECT`), the request ends with its response, `101 Switching Protocols`, and the layer lets
//! go of the context. What runs on the connection then is a task of the program's own. It goes on in the same context if it is told to:
//!
//! ```
//! use logscope::InContext as _;
//!
//! async fn upgrade(request: axum::extract::Request) -> http::StatusCode {
//!     let connection = hyper::upgrade::on(request);
//!     tokio::spawn(async move {
//!         match connection.await {
//!             Ok(_connection) => tracing::info!("upgraded"),
//!             Err(error) => tracing::warn!(%error, "not upgraded"),
//!         }
//!     }.in_current_context());
//!     http::StatusCode::SWITCHING_PROTOCOLS
//! }
//! # let _ = upgrade;
//! ```
//!
//! The same holds for the callback of axum's `WebSocketUpgrade::on_upgrade`: give it `move |socket| serve(socket).in_context(&context)`, with
//! `let context = OutputContext::current()` taken in the handler.

// | file | subject |
// |---|---|
// | `layer` | the layer, and its settings |
// | `raise` | a request that asks for more verbosity |
// | `request_id` | the request id: taken or made |
// | `running` | a request that is under way, and its end |
// | `body` | the response's body |
// | `future` | the response's future |
// | `service` | the service |
//
// This room imports `context`, `scope`, `limits`, `sync` and `verbosity`. Nothing else imports it.

mod body;
mod future;
mod layer;
mod raise;
mod request_id;
mod running;
mod service;

pub use body::ResponseBody;
pub use future::ResponseFuture;
pub use layer::RequestLayer;
pub use request_id::RequestId;
pub use running::Outcome;
pub use service::RequestService;
