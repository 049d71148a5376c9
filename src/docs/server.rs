//! A server: a context of its own for each request.
//!
//! A server answers many requests at once. Each gets a context of its own, a [child](crate::OutputContext::child) of the server's: what any code
//! below logs, in whatever crate, is in that request's records, with its id, and its clock begins with the request.
//!
//! With the feature `http`, a `tower` layer does that for axum, tonic and hyper. It is the outermost one:
//!
//! ```
//! # #[cfg(feature = "http")] {
//! use axum::{Router, routing::get};
//! use logscope::http::RequestLayer;
//! use logscope::sink::{self, Queue};
//! use logscope::{Format, OutputContext, Verbosity};
//!
//! # fn main() -> Result<(), logscope::Error> {
//! logscope::init();
//! # let (log, lines) = sink::memory();
//! # let (access, ends) = sink::memory();
//! # let _ = r#"
//! let log = sink::file("server.log").open()?.queued(Queue::new());
//! let access = sink::file("access.log").open()?.queued(Queue::new());
//! # "#;
//! let server = OutputContext::builder("server")
//!     .sink(log.format(Format::json()))
//!     // The last record of each request, and nothing else.
//!     .sink(access.format(Format::logfmt()).verbosity(Verbosity::try_from("logscope::http=info")?))
//!     .build();
//!
//! let app = Router::new().route("/cart", get(cart)).layer(RequestLayer::new(&server));
//! # let request = || axum::extract::Request::builder().uri("/cart").body(axum::body::Body::empty()).unwrap();
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! #     drop(tower::ServiceExt::oneshot(app, request()).await.unwrap());
//! # });
//! # assert_eq!((lines.lines().len(), ends.lines().len()), (3, 1));
//! # assert!(ends.lines()[0].contains("status=200"));
//! # Ok(())
//! # }
//!
//! async fn cart() -> &'static str {
//!     tracing::info!("looked into the cart");
//!     # let _queue = Queue::new();
//!     // What is spawned is carried along. (Feature `tokio`.)
//!     # #[cfg(feature = "tokio")] {
//!     # let prices =
//!     logscope::tokio::spawn(async { tracing::info!("asked for the prices") });
//!     # prices.await.unwrap();
//!     # }
//!     # #[cfg(not(feature = "tokio"))] { tracing::info!("asked for the prices"); }
//!     "two books"
//! }
//! # main().unwrap();
//! # }
//! ```
//!
//! [`http`](crate::http) says where the context of a request is current, how a request ends, and what becomes of upgraded connections. Without the
//! feature, a handler makes the child itself, and runs in it by [`in_context`](crate::InContext::in_context).
//!
//! | task | how |
//! |---|---|
//! | a log for each tenant | [`RequestLayer::make`](crate::http::RequestLayer::make) adds the tenant's sink; [the guide on tenants](super::tenants) keeps them |
//! | more of one request | [`RequestLayer::raise_by`](crate::http::RequestLayer::raise_by): a header, for whom the program permits it |
//! | a quieter or louder server, while it runs | a [`Dial`](crate::Dial) as the verbosity of the server's context; where the access log must go on, one on each other [sink](crate::sink::Sink::verbosity) |
//! | a page of what is under way | [`live`](crate::live): each context with its name, parent, [elapsed time](crate::OutputContext::elapsed) and [ledger](crate::OutputContext::ledger), or as data by [`snapshot`](crate::OutputContext::snapshot). No lock is held while the caller looks. A request that has ended is listed until the last task that it spawned has ended |
//! | the end | stop accepting, let the requests end, then [`shutdown`](crate::shutdown): its ledger says whether all is written. Nothing has to be done for the context of a request: it is dropped |
//!
//! The example `server` has all of these, and proves them under a load from another process: `cargo run --example server --features http`.
