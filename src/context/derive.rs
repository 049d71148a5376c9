//! Where contexts come from: a new one, a child, or one that is derived from another.

use super::builder::ContextBuilder;
use super::output_context::OutputContext;
use crate::clock::Origin;
use crate::record::Value;
use crate::sink::Sink;
use crate::verbosity::Verbosity;

impl OutputContext {
    /// Starts a context called `name`. The name appears on its records; it need not be unique.
    #[must_use = "a builder does nothing until `build` is called"]
    pub fn builder(name: impl Into<String>) -> ContextBuilder {
        ContextBuilder::new(name.into())
    }

    /// Starts a context that is derived from this one: it begins with the same settings, and shares id, counter and ledger.
    ///
    /// Derive a context to go on with the same work under other settings.
    #[must_use = "a builder does nothing until `build` is called"]
    pub fn to_builder(&self) -> ContextBuilder {
        ContextBuilder::derive(self)
    }

    /// Starts a context for a part of this one's work, with an id, a ledger, an origin and numbers (`seq`) of its own.
    ///
    /// ```
    /// use logscope::{OutputContext, sink};
    ///
    /// logscope::init();
    /// let (memory, lines) = sink::memory();
    /// let server = OutputContext::builder("server").sink(memory.format(logscope::Format::json())).build();
    /// let request = server.child("request").field("path", "/cart").build();
    /// request.scope(|| tracing::info!("paid"));
    ///
    /// assert_eq!(request.parent_id(), Some(server.id()));
    /// assert!(lines.lines()[0].contains(&format!("\"parent\":{}", server.id())));
    /// assert_eq!((request.ledger().written, server.ledger().written), (1, 0));
    /// ```
    ///
    /// The child begins with this context's sinks, verbosity, fields and clock. If the verbosity is a [`Dial`](crate::Dial), that turns both.
    /// The child's origin is the present of the clock when it is built, unless [`origin`](ContextBuilder::origin) is set. Its records name
    /// the parent by id, in JSON and in a [`RecordBuf`](crate::RecordBuf).
    ///
    /// Nothing else connects the two. A child does not keep its parent alive, closing or flushing one does not close or flush the other, the
    /// [`ledger`](OutputContext::ledger) of the parent does not count the child's records, and
    /// what is changed in a context that is derived from the parent does not reach the child. To go on with the same work under other settings,
    /// derive a context with [`to_builder`](OutputContext::to_builder).
    #[must_use = "a builder does nothing until `build` is called"]
    pub fn child(&self, name: impl Into<String>) -> ContextBuilder {
        ContextBuilder::child_of(self, name.into())
    }

    /// Derives a context with another name. It shares id, counter and ledger with this one.
    ///
    /// ```
    /// use logscope::OutputContext;
    ///
    /// let job = OutputContext::builder("job").build();
    /// let linking = job.renamed("job, linking");
    /// assert_eq!((linking.name(), linking.id()), ("job, linking", job.id()));
    /// ```
    ///
    /// What logscope itself reports about records of either context, where no record is at hand, has the name of the first one.
    #[must_use = "a context is immutable: this returns a derived one"]
    pub fn renamed(&self, name: impl Into<String>) -> OutputContext {
        self.to_builder().name(name).build()
    }

    /// Derives a context with another verbosity.
    #[must_use = "a context is immutable: this returns a derived one"]
    pub fn with_verbosity(&self, verbosity: impl Into<Verbosity>) -> OutputContext {
        self.to_builder().verbosity(verbosity).build()
    }

    /// Derives a context with another origin: its elapsed time counts from there.
    #[must_use = "a context is immutable: this returns a derived one"]
    pub fn with_origin(&self, origin: Origin) -> OutputContext {
        self.to_builder().origin(origin).build()
    }

    /// Derives a context whose origin is the present of its clock.
    #[must_use = "a context is immutable: this returns a derived one"]
    pub fn with_origin_now(&self) -> OutputContext {
        self.with_origin(self.inner.clock().origin())
    }

    /// Derives a context with one more field, or with another value for a field that this one has.
    #[must_use = "a context is immutable: this returns a derived one"]
    pub fn with_field(&self, name: impl Into<String>, value: impl Into<Value>) -> OutputContext {
        self.to_builder().field(name, value).build()
    }

    /// Derives a context with one more sink.
    #[must_use = "a context is immutable: this returns a derived one"]
    pub fn with_sink(&self, sink: Sink) -> OutputContext {
        self.to_builder().sink(sink).build()
    }

    /// Derives a context with these sinks and no others.
    #[must_use = "a context is immutable: this returns a derived one"]
    pub fn with_sinks(&self, sinks: impl IntoIterator<Item = Sink>) -> OutputContext {
        self.to_builder().sinks(sinks).build()
    }
}
