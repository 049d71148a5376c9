//! Records for tests of formats: real events and spans of `tracing`, dispatched to a subscriber that makes each event into a
//! [`Record`], as the layer does.

use std::time::{Duration, SystemTime};

use tracing::span::{Attributes, Id, Record as SpanRecord};
use tracing::{Event, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use super::{Format, Renderer};
use crate::clock::{Clock, ManualClock, Origin};
use crate::record::{ContextInfo, Record, Source, SpanPath, SpanValues, Style, Value, capture_fields};
use crate::sync::{Arc, Mutex};

/// `2026-11-21T09:08:00.123456Z`.
pub(crate) fn wall() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(1_795_252_080_123_456)
}

/// What the records of a test have in common.
pub(crate) struct Fixture {
    pub(crate) context: ContextInfo,
    pub(crate) elapsed: Duration,
    pub(crate) wall: SystemTime,
    pub(crate) seq: Option<u64>,
}

impl Fixture {
    /// Context `uno` with id 7 and no fields, 1.234567 s after its origin, number 42, at [`wall`].
    pub(crate) fn new() -> Self {
        Fixture {
            context: ContextInfo::new("uno".to_owned(), 7, Vec::new()),
            elapsed: Duration::from_micros(1_234_567),
            wall: wall(),
            seq: Some(42),
        }
    }

    /// With another context.
    pub(crate) fn with_context(self, name: &str, fields: &[(&str, Value)]) -> Self {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Fixture { context: ContextInfo::new(name.to_owned(), 7, fields), ..self }
    }

    /// Runs `log` with a subscriber of its own and hands each event, as a record, to `see`.
    pub(crate) fn capture<T: Send + 'static>(
        self,
        log: impl FnOnce(),
        see: impl Fn(&Record<'_>) -> T + Send + Sync + 'static,
    ) -> Vec<T> {
        self.capture_beside(Registry::default(), log, see)
    }

    /// As [`capture`](Fixture::capture), on top of a subscriber that sees the same events and spans.
    pub(crate) fn capture_beside<S, T>(
        self,
        subscriber: S,
        log: impl FnOnce(),
        see: impl Fn(&Record<'_>) -> T + Send + Sync + 'static,
    ) -> Vec<T>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync + 'static,
        T: Send + 'static,
    {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let put = seen.clone();
        let see = Box::new(move |record: &Record<'_>| {
            let result = see(record);
            put.lock().push(result);
        });
        let subscriber = subscriber.with(Capture { fixture: self, see });
        tracing::subscriber::with_default(subscriber, log);
        std::mem::take(&mut *seen.lock())
    }

    /// The one event of `log` as `format` writes it.
    pub(crate) fn line(self, format: Format, log: impl FnOnce()) -> String {
        let renderer = Renderer::new(&format, false);
        let mut lines = self.capture(log, move |record| {
            let mut out = Vec::new();
            renderer.render(record, &mut out);
            String::from_utf8(out).unwrap()
        });
        assert_eq!(lines.len(), 1, "one event was logged");
        lines.remove(0)
    }
}

/// Calls `f` with a record made of `event`, in the context of `fixture`, with `spans` around it.
pub(crate) fn with_record<R>(
    fixture: &Fixture,
    event: &Event<'_>,
    spans: &[Arc<SpanValues>],
    f: impl FnOnce(&Record<'_>) -> R,
) -> R {
    let clock = Clock::from(ManualClock::at(Origin::from_parts(std::time::Instant::now(), fixture.wall)));
    f(&Record {
        event,
        source: Source::of(event.metadata()),
        elapsed: fixture.elapsed,
        clock: &clock,
        wall: None.into(),
        seq: fixture.seq,
        context: &fixture.context,
        spans: &Path(spans),
    })
}

struct Path<'a>(&'a [Arc<SpanValues>]);

impl SpanPath for Path<'_> {
    fn append(&self, style: Style, out: &mut Vec<u8>) {
        super::spans::append_path(style, self.0, out);
    }

    fn visit(&self, each: &mut dyn FnMut(&SpanValues)) {
        self.0.iter().for_each(|span| each(span));
    }
}

struct Capture {
    fixture: Fixture,
    see: Box<dyn Fn(&Record<'_>) + Send + Sync>,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Capture {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut values = SpanValues::new(attributes.metadata().name());
        capture_fields(|visitor| attributes.record(visitor), |name, value| values.record(name, value));
        context.span(id).unwrap().extensions_mut().insert(Arc::new(values));
    }

    fn on_record(&self, id: &Id, record: &SpanRecord<'_>, context: Context<'_, S>) {
        let mut fields = Vec::new();
        capture_fields(|visitor| record.record(visitor), |name, value| fields.push((name, value)));
        let span = context.span(id).unwrap();
        let mut extensions = span.extensions_mut();
        let values = Arc::get_mut(extensions.get_mut::<Arc<SpanValues>>().unwrap()).unwrap();
        fields.into_iter().for_each(|(name, value)| values.record(name, value));
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let spans: Vec<_> = context
            .event_scope(event)
            .into_iter()
            .flat_map(|scope| scope.from_root())
            .filter_map(|span| span.extensions().get::<Arc<SpanValues>>().cloned())
            .collect();
        with_record(&self.fixture, event, &spans, |record| (self.see)(record));
    }
}
