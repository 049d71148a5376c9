//! Making contexts, and deriving them from others.

use tracing::level_filters::LevelFilter;

use super::ceiling::clamp;
use super::{Counter, Identity, Inner, OutputContext, live};
use crate::background::OpenAccount;
use crate::clock::{Clock, Origin};
use crate::delivery::Ledger;
use crate::process::is_forked;
use crate::record::{ContextInfo, Value};
use crate::sink::Sink;
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, OnceLock, Ordering};
use crate::verbosity::Verbosity;

/// Makes an [`OutputContext`]; from [`OutputContext::builder`] or [`OutputContext::to_builder`].
///
/// Without more said, a context has the verbosity INFO, no sink, and its origin at the moment of
/// [`build`](Builder::build).
#[derive(Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct Builder {
    from: Basis,
    fields: Option<Vec<(String, Value)>>,
    origin: Option<Origin>,
    clock: Clock,
    verbosity: Verbosity,
    sinks: Vec<Sink>,
}

/// Who the context will be.
#[derive(Debug)]
enum Basis {
    Name(String),
    Context(OutputContext),
}

impl Builder {
    pub(super) fn new(name: String) -> Self {
        Builder {
            from: Basis::Name(name),
            fields: None,
            origin: None,
            clock: Clock::System,
            verbosity: Verbosity::from(LevelFilter::INFO),
            sinks: Vec::new(),
        }
    }

    pub(super) fn derive(context: &OutputContext) -> Self {
        let inner = &context.inner;
        Builder {
            from: Basis::Context(context.clone()),
            fields: None,
            origin: Some(inner.origin),
            clock: inner.clock.clone(),
            verbosity: inner.verbosity.clone(),
            sinks: inner.sinks.clone(),
        }
    }

    /// How much is let through: a `LevelFilter`, a [`Verbosity`] with directives, or a [`Dial`](crate::Dial) that can be
    /// turned later.
    pub fn verbosity(mut self, verbosity: impl Into<Verbosity>) -> Self {
        self.verbosity = verbosity.into();
        self
    }

    /// Adds a sink. The same sink given twice gets each record twice.
    pub fn sink(mut self, sink: Sink) -> Self {
        self.sinks.push(sink);
        self
    }

    /// Sets the sinks, in place of those that were added or inherited.
    pub fn sinks(mut self, sinks: impl IntoIterator<Item = Sink>) -> Self {
        self.sinks = sinks.into_iter().collect();
        self
    }

    /// Puts a field on each record. A field of the same name that was given before takes the new value.
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let fields = self.fields.get_or_insert_with(|| match &self.from {
            Basis::Name(_) => Vec::new(),
            Basis::Context(context) => context.fields().to_vec(),
        });
        let (name, value) = (name.into(), value.into());
        match fields.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => fields.push((name, value)),
        }
        self
    }

    /// Sets the origin, for work that began earlier or shares another's clock.
    pub fn origin(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }

    /// Sets the clock: a [`ManualClock`](crate::ManualClock) makes elapsed times exact in a test.
    ///
    /// A new context's origin is then the present of that clock, unless [`origin`](Builder::origin) is given.
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.clock = clock.into();
        self
    }

    /// Makes the context.
    #[must_use = "a context does nothing until work is given to it: use `scope`, `enter`, `bind` or `in_context`"]
    pub fn build(self) -> OutputContext {
        let Builder { from, fields, origin, clock, verbosity, mut sinks } = self;
        if sinks.len() > 1 {
            group_by_renderer(&mut sinks);
        }
        let origin = origin.unwrap_or_else(|| clock.origin());
        let (identity, info) = match from {
            Basis::Name(name) => {
                let info = ContextInfo::new(name, next_id(), fields.unwrap_or_default());
                (
                    Arc::new(Identity {
                        info,
                        clock: clock.clone(),
                        counter: Counter::new(),
                        ledger: Ledger::default(),
                        output_refs: Mutex::new(Vec::new()),
                        root: OnceLock::new(),
                        told_closed: AtomicBool::new(false),
                    }),
                    None,
                )
            }
            Basis::Context(context) => {
                let inner = &context.inner;
                let info = match (fields, &inner.info) {
                    (Some(fields), _) => Some(ContextInfo::new(context.name().to_owned(), context.id(), fields)),
                    (None, Some(info)) => {
                        Some(ContextInfo::new(info.name().to_owned(), info.id(), info.fields().to_vec()))
                    }
                    (None, None) => None,
                };
                (inner.identity.clone(), info)
            }
        };
        let verbosity = clamp(verbosity, identity.info.name());
        let accounts = attach(&sinks, &identity);
        let inner =
            Arc::new(Inner { identity, info, origin, clock, verbosity, sinks, accounts, live: live::Slot::new() });
        // Set by the first of the family; the derived ones find it there.
        inner.identity.root.get_or_init(|| Arc::downgrade(&inner));
        live::register(&inner);
        OutputContext { inner }
    }
}

/// Brings views that share a rendering together. The order is otherwise kept.
fn group_by_renderer(sinks: &mut Vec<Sink>) {
    let mut grouped: Vec<Sink> = Vec::with_capacity(sinks.len());
    for sink in sinks.drain(..) {
        let after =
            grouped.iter().rposition(|known| known.renderer() == sink.renderer()).map_or(grouped.len(), |at| at + 1);
        grouped.insert(after, sink);
    }
    *sinks = grouped;
}

/// Opens an account with the queue of each sink that has one.
fn attach(sinks: &[Sink], identity: &Arc<Identity>) -> Vec<Option<OpenAccount>> {
    let mut accounts = Vec::new();
    for (n, sink) in sinks.iter().enumerate() {
        if let Some(account) = sink.attach(identity) {
            // In a forked child another thread's lock may be held for ever, and nothing will be on its way.
            if !is_forked() {
                identity.remember(sink);
            }
            accounts.resize_with(n, || None);
            accounts.push(Some(account));
        }
    }
    accounts
}

fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // Relaxed: only uniqueness counts.
    NEXT.fetch_add(1, Ordering::Relaxed)
}
