//! The context as programs hold it: a counted reference to its contents.

use std::fmt;
use std::time::Duration;

use super::inner::{ContextInner, Family};
use crate::clock::Origin;
use crate::record::Value;
use crate::sink::{Ledger, Sink};
use crate::sync::Arc;
use crate::trace::TraceContext;
use crate::verbosity::Verbosity;

/// Says since when time is counted, how much is logged, and where it goes.
///
/// ```
/// use logscope::{LevelFilter, OutputContext, sink};
///
/// let (memory, lines) = sink::memory();
/// let uno = OutputContext::builder("uno").verbosity(LevelFilter::DEBUG).sink(memory).build();
/// assert_eq!(uno.name(), "uno");
///
/// let quieter = uno.with_verbosity(LevelFilter::ERROR);
/// assert_eq!(quieter.id(), uno.id()); // derived: the same work, logged at another verbosity
/// # assert!(lines.lines().is_empty());
/// ```
///
/// An output context is immutable, and cloning it costs one reference count. Give it to work with [`scope`](OutputContext::scope),
/// [`enter`](OutputContext::enter), [`bind`](OutputContext::bind) or [`in_context`](crate::InContext::in_context): plain `tracing`
/// macros in that work, and in all that it calls, then log to this context.
#[derive(Clone)]
#[repr(transparent)]
pub struct OutputContext {
    pub(super) inner: Arc<ContextInner>,
}

impl OutputContext {
    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.inner.info().name()
    }

    /// Returns the id, which is unique in this process and the same in contexts that were derived from one another.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.inner.info().id()
    }

    /// Returns the id of the parent, if this context is a [child](OutputContext::child) or derived from one.
    ///
    /// The parent may no longer be alive: a child does not keep it. The parent of a context that was
    /// [inherited](crate::InheritContext) is in another process, which gives its ids by itself.
    #[must_use]
    pub fn parent_id(&self) -> Option<u64> {
        self.inner.info().parent_id()
    }

    /// Returns the fields that each record carries, in the order in which they were given.
    #[must_use]
    pub fn fields(&self) -> &[(String, Value)] {
        self.inner.info().fields()
    }

    /// Returns the instant from which elapsed time counts.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.inner.origin()
    }

    /// Returns the time since the origin, by this context's clock.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.inner.elapsed()
    }

    /// Returns the verbosity: which levels, of which targets, are let through.
    #[must_use]
    pub fn verbosity(&self) -> &Verbosity {
        &self.inner.verbosity
    }

    /// Returns the distributed trace that the work belongs to, if it was [given](crate::ContextBuilder::trace) to this context or to one that
    /// this one comes from.
    #[must_use]
    pub fn trace(&self) -> Option<TraceContext> {
        self.inner.trace()
    }

    /// Returns true if the clock is the system's.
    pub(crate) fn has_system_clock(&self) -> bool {
        self.inner.clock().is_system()
    }

    /// Returns the sinks. Those with the same format stand together, whatever the order in which they were given.
    pub fn sinks(&self) -> &[Sink] {
        &self.inner.sinks
    }

    /// Returns the deliveries so far of this context and of all that were derived from it.
    ///
    /// A record that goes to two sinks counts as two deliveries. A [child](OutputContext::child) has a ledger of its own: what is logged to it
    /// is not in the ledger of its parent. The ledger of a [sink](crate::sink::Sink::ledger) that both have counts both.
    #[must_use = "the ledger says whether records were lost: ask `is_complete()`"]
    pub fn ledger(&self) -> Ledger {
        let Family { in_flight, counters, .. } = &*self.inner.family;
        counters.ledger_with(|| in_flight.begun())
    }

    /// Returns true once [`close`](OutputContext::close) was called on this context, or on one with the same id.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.inner.family.in_flight.is_closed()
    }

    #[inline]
    pub(crate) fn of_inner(inner: Arc<ContextInner>) -> Self {
        OutputContext { inner }
    }

    #[inline]
    pub(crate) fn into_inner(self) -> Arc<ContextInner> {
        self.inner
    }

    #[inline]
    pub(crate) fn inner(&self) -> &Arc<ContextInner> {
        &self.inner
    }
}

impl fmt::Debug for OutputContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Fields<'a>(&'a [(String, Value)]);
        impl fmt::Debug for Fields<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_map().entries(self.0.iter().map(|(name, value)| (name, value.to_string()))).finish()
            }
        }
        struct Sinks<'a>(&'a [Sink]);
        impl fmt::Debug for Sinks<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_list()
                    .entries(self.0.iter().map(|sink| format!("{sink} ({})", sink.renderer().format())))
                    .finish()
            }
        }
        let mut debug = f.debug_struct("OutputContext");
        debug.field("name", &self.name()).field("id", &self.id());
        if let Some(parent_id) = self.parent_id() {
            debug.field("parent", &parent_id);
        }
        debug
            .field("elapsed", &self.elapsed())
            .field("verbosity", &format_args!("{}", self.verbosity()))
            .field("fields", &Fields(self.fields()))
            .field("sinks", &Sinks(self.sinks()))
            .field("closed", &self.is_closed())
            .finish()
    }
}

// A panic leaves nothing in a context half-changed: only counters change, and each value under a lock is whole when the lock is released.
impl std::panic::UnwindSafe for OutputContext {}
impl std::panic::RefUnwindSafe for OutputContext {}
