//! Records for tests of formats: real events and spans of `tracing`, dispatched to a subscriber that makes each event into a
//! [`Record`], as the layer does.

use std::fmt;
use std::time::{Duration, SystemTime};

use tracing::field::{Field, FieldSet};
use tracing::span::{Attributes, Id, Record as SpanRecord};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_core::callsite::Identifier;
use tracing_core::metadata::Kind;
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use super::{Format, Renderer, Screen};
use crate::clock::{Clock, Counted, ManualClock, Origin, Wall};
use crate::line_buffer::LineBuffer;
use crate::record::{
    Captured, ContextInfo, FieldName, Record, RecordMetadata, RenderPath, SpanPath, SpanValues, Style, Value,
    capture_fields, max_span_bytes,
};
use crate::sync::{Arc, Mutex, OnceLock};

/// `2026-11-21T09:08:00.123456Z`.
pub(crate) fn wall() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(1_795_252_080_123_456)
}

/// What the records of a test have in common.
#[derive(Debug)]
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
        let renderer = Renderer::new(&format, Screen::None);
        let mut lines = self.capture(log, move |record| rendered(&renderer, record));
        assert_eq!(lines.len(), 1, "one event was logged");
        lines.remove(0)
    }
}

/// Returns the line that `renderer` makes of `record`. It is the same in all ways to make it: as a usual line or not, and by a clock that tells the
/// wall-clock time with each reading or does not. (A value that is not the same each time is for tests of other kinds.)
pub(crate) fn rendered(renderer: &Renderer, record: &Record<'_>) -> String {
    let render = |renderer: &Renderer| {
        let mut out = LineBuffer::new();
        renderer.render(record, &mut out);
        String::from_utf8(out.into()).unwrap()
    };
    let line = render(renderer);
    assert_eq!(render(&renderer.without_usual_lines()), line, "as another line");
    let before = record.wall.get();
    if let Ok(since_1970) = record.timestamp().duration_since(SystemTime::UNIX_EPOCH)
        && let Ok(nanos) = u64::try_from(since_1970.as_nanos())
    {
        record.wall.set(Wall::SinceUnixEpoch(nanos));
        assert_eq!(render(renderer), line, "by another clock");
    }
    record.wall.set(before);
    line
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
        metadata: &RecordMetadata::new(event.metadata()),
        elapsed: fixture.elapsed,
        counted: Counted::Unknown,
        clock: &clock,
        wall: Wall::Unread.into(),
        seq: fixture.seq,
        context: &fixture.context,
        spans: &Path(spans),
    })
}

struct Path<'a>(&'a [Arc<SpanValues>]);

impl SpanPath for Path<'_> {
    fn append(&self, _: Style, render: &RenderPath<'_>, out: &mut LineBuffer) {
        render(self.0, out);
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
        capture_fields(
            max_span_bytes(),
            |visitor| attributes.record(visitor),
            |name, value| values.record(name, value),
        );
        context.span(id).unwrap().extensions_mut().insert(Arc::new(values));
    }

    fn on_record(&self, id: &Id, record: &SpanRecord<'_>, context: Context<'_, S>) {
        let mut fields = Vec::new();
        capture_fields(max_span_bytes(), |visitor| record.record(visitor), |name, value| fields.push((name, value)));
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

/// An event put together at run time, so that a test can choose names that no macro would take.
#[derive(Clone, Debug)]
pub(crate) struct MadeEvent {
    /// The name that the log call gives it.
    pub(crate) name: Option<String>,
    pub(crate) target: String,
    /// One to eight.
    pub(crate) fields: Vec<(String, MadeValue)>,
}

/// How a field of a [`MadeEvent`] is recorded.
#[derive(Clone, Debug)]
pub(crate) enum MadeValue {
    /// As what it is. No [`Value::Null`] and no [`Value::List`].
    Plain(Value),
    /// As a value whose `Debug` writes this text, in two pieces.
    Debug(String),
}

impl MadeEvent {
    /// Calls `f` with the event. Its metadata are leaked.
    pub(crate) fn with_event<R>(&self, f: impl FnOnce(&Event<'_>) -> R) -> R {
        let callsite: &'static Callsite = Box::leak(Box::new(Callsite(OnceLock::new())));
        let target: &'static str = self.target.clone().leak();
        let names: Vec<&'static str> = self.fields.iter().map(|(name, _)| &*name.clone().leak()).collect();
        let fields = FieldSet::new(names.leak(), Identifier(callsite));
        let name: &'static str = self.name.clone().unwrap_or_else(|| "event made.rs:7".to_owned()).leak();
        let metadata = callsite.0.get_or_init(|| {
            let (file, line) = (Some("made.rs"), Some(7));
            Metadata::new(name, target, tracing::Level::INFO, file, line, None, fields, Kind::EVENT)
        });
        let keys: Vec<_> = metadata.fields().iter().collect();
        let values: Vec<Box<dyn tracing::Value>> = self.fields.iter().map(|(_, value)| value.to_tracing()).collect();
        assert!(values.len() <= 8, "a made event has at most eight fields");
        // An array of fixed length is what `value_set` takes: the places beyond the fields repeat the first, without a value.
        let spare = keys.first().expect("a made event has a field");
        let pairs: [(&Field, Option<&dyn tracing::Value>); 8] =
            std::array::from_fn(|place| (keys.get(place).unwrap_or(spare), values.get(place).map(|value| &**value)));
        f(&Event::new(metadata, &metadata.fields().value_set(&pairs)))
    }
}

impl MadeValue {
    fn to_tracing(&self) -> Box<dyn tracing::Value> {
        match self {
            MadeValue::Plain(Value::Bool(value)) => Box::new(*value),
            MadeValue::Plain(Value::I64(value)) => Box::new(*value),
            MadeValue::Plain(Value::U64(value)) => Box::new(*value),
            MadeValue::Plain(Value::I128(value)) => Box::new(*value),
            MadeValue::Plain(Value::U128(value)) => Box::new(*value),
            MadeValue::Plain(Value::F64(value)) => Box::new(*value),
            MadeValue::Plain(Value::Str(value)) => Box::new(value.clone()),
            MadeValue::Plain(other) => panic!("no field of an event is {other:?}"),
            MadeValue::Debug(text) => Box::new(tracing::field::debug(Pieces(text.clone()))),
        }
    }
}

struct Pieces(String);

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let middle = self.0.char_indices().nth(self.0.chars().count() / 2).map_or(0, |(place, _)| place);
        f.write_str(&self.0[..middle])?;
        f.write_str(&self.0[middle..])
    }
}

struct Callsite(OnceLock<Metadata<'static>>);

impl tracing_core::Callsite for Callsite {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        self.0.get().unwrap()
    }
}

/// Strategies for everything that a record may hold.
pub(crate) mod strategies {
    use proptest::prelude::*;

    use super::*;

    /// Any text, with a liking for what formats must escape, quote or tell apart.
    pub(crate) fn text() -> impl Strategy<Value = String> {
        let odd = "[\"\\\\\n\r\t\u{0}\u{1b}\u{7f}\u{85}\u{2028}\u{202e}\u{2066}\u{61c}\u{115f}\u{e0041} =:,{}\\[\\]#.xn1é東]{0,12}";
        prop_oneof![any::<String>(), odd, "[a-z]{1,6}", Just(String::new())]
    }

    /// A name of a field: of any text, but often one that another field has too, or that a format uses.
    pub(crate) fn name() -> impl Strategy<Value = String> {
        prop_oneof![
            text(),
            "(field\\.|r#|context\\.)?(x|x#2|name|message|level|ts|msg|seq|target|spans|context)(#2|\\.sources)?"
        ]
    }

    /// A value that an event can hold.
    pub(crate) fn value() -> impl Strategy<Value = MadeValue> {
        let plain = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i128>().prop_map(Value::from),
            any::<u128>().prop_map(Value::from),
            any::<u64>().prop_map(|bits| Value::from(f64::from_bits(bits))),
            prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(1.0), Just(-0.0)].prop_map(Value::from),
            text().prop_map(Value::from),
            prop_oneof!["1", "-1.5", "true", "null", "NaN", "1e5"].prop_map(Value::from),
        ];
        let debug = prop_oneof![
            text(),
            text().prop_map(|text| format!("{text:?}")),
            "\"([a\" ]|\\\\[\\\\\"nrt0xuq]|\\\\u\\{[+a1]{0,2}\\}?){0,4}\""
        ];
        prop_oneof![4 => plain.prop_map(MadeValue::Plain), 2 => debug.prop_map(MadeValue::Debug)]
    }

    /// An event with a message, which need not come first, and some fields.
    pub(crate) fn event() -> impl Strategy<Value = MadeEvent> {
        let message =
            prop_oneof![text().prop_map(MadeValue::Debug), text().prop_map(|text| MadeValue::Plain(Value::from(text)))];
        let fields = prop::collection::vec((name(), value()), 0..6);
        let event_name = prop::option::weighted(0.2, text());
        (event_name, text(), message, fields, any::<prop::sample::Index>()).prop_map(
            |(name, target, message, mut fields, place)| {
                fields.insert(place.index(fields.len() + 1), ("message".to_owned(), message));
                MadeEvent { name, target, fields }
            },
        )
    }

    /// Spans, outermost first.
    pub(crate) fn spans() -> impl Strategy<Value = Vec<Arc<SpanValues>>> {
        let span = (text(), prop::collection::vec((name(), value()), 0..4)).prop_map(|(name, fields)| {
            let mut span = SpanValues::new(name.leak());
            for (name, value) in fields {
                let value = match value {
                    MadeValue::Plain(value) => Captured::from(value),
                    MadeValue::Debug(text) => Captured { value: text.into(), is_rendered: true },
                };
                span.record(FieldName { field: name.leak(), suffix: "" }, value);
            }
            Arc::new(span)
        });
        prop::collection::vec(span, 0..3)
    }

    /// A context with any name and fields.
    pub(crate) fn fixture() -> impl Strategy<Value = Fixture> {
        // What is a list in the field of an error, and a text in one of a context.
        let names = prop_oneof![4 => name(), 1 => "(a\\.)?sources(#2)?"];
        let texts = prop_oneof![4 => text(), 1 => "\\[x?\\]|\\[\"x\"\\]"];
        let fields = prop::collection::btree_map(names, texts.prop_map(Value::from), 0..3);
        let number = || prop::option::of(any::<u64>());
        (text(), fields, any::<u32>(), 0_u32..1_000_000, number(), number()).prop_map(
            |(name, fields, seconds, micros, seq, parent_id)| Fixture {
                context: ContextInfo::new(name, 7, fields.into_iter().collect()).with_parent_id(parent_id),
                elapsed: Duration::new(u64::from(seconds), micros * 1_000),
                seq,
                ..Fixture::new()
            },
        )
    }
}
