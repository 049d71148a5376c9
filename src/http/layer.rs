//! The layer, and its settings.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use http::HeaderName;
use http::request::Parts;
use tracing::level_filters::LevelFilter;

use super::raise::Raise;
use super::request_id::RequestId;
use super::running::{EndLevels, Outcome, Running};
use crate::context::{ContextBuilder, OutputContext};
use crate::limits::{REQUEST_METHOD_BYTES, REQUEST_PATH_BYTES};
use crate::sync::Arc;

/// Gives each request of a service a context of its own: a `tower` layer.
///
/// Each request runs in a [child](OutputContext::child) of the service's context, called `request`, with the fields `method` (its
/// first 32 bytes), `path` (its first 1,024 bytes, without the query, which may have secrets) and `request_id`. Its clock starts with the request, and the rest is the
/// service's, unless [`make`](RequestLayer::make) changes it. Where the context is current, and how it ends, is on the page of [the module](crate::http).
///
/// Make it the outermost layer, so that what other layers log is in the request's log. A clone is cheap.
#[derive(Clone)]
pub struct RequestLayer {
    service: OutputContext,
    make: Option<Arc<MakeContext>>,
    raise: Option<Raise>,
    levels: EndLevels,
}

/// Finishes the context of a request.
type MakeContext = dyn Fn(&Parts, ContextBuilder) -> ContextBuilder + Send + Sync;

impl RequestLayer {
    /// Makes the layer of a service that logs to `service`.
    #[must_use]
    pub fn new(service: &OutputContext) -> Self {
        RequestLayer {
            service: service.clone(),
            make: None,
            raise: None,
            levels: EndLevels { finished: LevelFilter::INFO, failed: LevelFilter::WARN },
        }
    }

    /// Has `make` finish the context of each request, from the parts of the request and the builder of the child.
    ///
    /// ```
    /// use logscope::{LevelFilter, OutputContext, http::RequestLayer, sink};
    ///
    /// let service = OutputContext::builder("shop").sink(sink::stderr().max_level(LevelFilter::WARN)).build();
    /// let (acme, lines) = sink::memory(); // of a server: a file for each tenant, from a cache
    /// let layer = RequestLayer::new(&service).make(move |parts, child| match parts.uri.host() {
    ///     Some("acme.example") => child.sink(acme.clone()).field("tenant", "acme"),
    ///     _ => child.field("tenant", "unknown"),
    /// });
    /// # let _ = (layer, lines);
    /// ```
    ///
    /// The request has its [`RequestId`] already, in its headers and in its extensions. `make` runs in the call of the service, so it should not
    /// wait for anything. What it logs goes to the service's context. If it panics, the call does, and the last record of the request is in the
    /// child as `make` was given it.
    #[must_use]
    pub fn make(mut self, make: impl Fn(&Parts, ContextBuilder) -> ContextBuilder + Send + Sync + 'static) -> Self {
        self.make = Some(Arc::new(make));
        self
    }

    /// Lets a header raise the verbosity of one request, if `permits` says so, and never above `cap`.
    ///
    /// ```
    /// use logscope::{LevelFilter, OutputContext, http::RequestLayer};
    ///
    /// # let service = OutputContext::builder("shop").build();
    /// let header = http::HeaderName::from_static("x-log-level");
    /// let layer = RequestLayer::new(&service).raise_by(header, LevelFilter::DEBUG, |parts| {
    ///     // What a layer further out has found out about the client, or a secret of the operators:
    ///     parts.headers.get("authorization").is_some_and(|given| given == "Bearer of the operators")
    /// });
    /// # let _ = layer;
    /// ```
    ///
    /// The header has a level, or [directives](crate::Verbosity#directives): `x-log-level: debug`, `x-log-level: info,sql=debug`; a word that is no level,
    /// and not like one, is a target. The request
    /// then has the more verbose of what it asks for and of what it has, for each target: a header never makes a log quieter. If the service's
    /// verbosity is a [`Dial`](crate::Dial), the dial's value at the beginning of the request counts, and turning it later does not reach this one
    /// request. A sink with a [threshold](crate::sink::Sink::max_level) keeps that.
    ///
    /// `permits` runs in the call of the service, in the context of the request, if the request has the header. It should not wait for anything.
    ///
    /// A wrong text, and one of more than 256 bytes, is ignored, and one WARN record in the request's log says so. Without permission, the
    /// header is not read. Without this setting, no header has such a meaning. If it is set again, the last one counts.
    #[must_use]
    pub fn raise_by(
        mut self,
        header: HeaderName,
        cap: LevelFilter,
        permits: impl Fn(&Parts) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.raise = Some(Raise { header, cap, permits: Arc::new(permits) });
        self
    }

    /// Sets the level of the last record of each request: `finished` for a body that was taken to its end under a status below 500, `failed`
    /// for all others. INFO and WARN unless set; `OFF` is for no record.
    ///
    /// ```
    /// use logscope::{LevelFilter, OutputContext, http::RequestLayer};
    ///
    /// # let service = OutputContext::builder("shop").build();
    /// let layer = RequestLayer::new(&service).end_levels(LevelFilter::DEBUG, LevelFilter::ERROR);
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn end_levels(mut self, finished: impl Into<LevelFilter>, failed: impl Into<LevelFilter>) -> Self {
        self.levels = EndLevels { finished: finished.into(), failed: failed.into() };
        self
    }

    /// Begins a request: gives it an id and a context.
    pub(super) fn begin(&self, parts: &mut Parts) -> Running {
        let id = RequestId::take_or_make(&mut parts.headers);
        parts.extensions.insert(id.clone());
        let child = || self.child(parts, &id);
        let (builder, panic) = match &self.make {
            None => (child(), None),
            Some(make) => match catch_unwind(AssertUnwindSafe(|| self.service.scope(|| make(parts, child())))) {
                Ok(made) => (made, None),
                Err(payload) => (child(), Some(payload)),
            },
        };
        let context = builder.build();
        let mut running = Running::new(context, id, &parts.method, self.levels);
        if let Some(payload) = panic {
            running.set_outcome(Outcome::Panicked);
            drop(running);
            resume_unwind(payload);
        }
        if let Some(raise) = &self.raise
            && let Some(raised) = running.run(|| raise.raised(parts))
        {
            running.set_context(raised);
        }
        running
    }

    fn child(&self, parts: &Parts, id: &RequestId) -> ContextBuilder {
        self.service
            .child("request")
            .field("method", bounded(parts.method.as_str(), REQUEST_METHOD_BYTES))
            .field("path", bounded(parts.uri.path(), REQUEST_PATH_BYTES))
            .field("request_id", id.as_str())
    }
}

/// The beginning of a text of the client that may be too long to be in each record.
fn bounded(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

impl fmt::Debug for RequestLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestLayer")
            .field("service", &self.service.name())
            .field("levels", &self.levels)
            .finish_non_exhaustive()
    }
}
