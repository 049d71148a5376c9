//! JSON logs are a superset of tracing-subscriber's own: a dashboard that reads `fmt().json()` can read `Format::json()`.
//!
//! The same events go through both layers of one subscriber. Every key of theirs must be in ours with the same value. Where
//! tracing-subscriber contradicts itself, or writes what JSON readers cannot take, a test of its own shows the difference.

#![allow(clippy::unwrap_used)]

mod layers;

use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use layers::Written;
use logscope::sink::{self, Memory};
use logscope::{Format, LevelFilter, ManualClock, Origin, OutputContext};
use proptest::prelude::*;
use serde_json::{Map, Number, Value, json};
use tracing::field::Empty;
use tracing::{Span, debug, error, info, info_span, trace, trace_span, warn};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::prelude::*;

/// A fixed time, that of the context's clock, as tracing-subscriber writes it.
struct FixedTime;

impl FormatTime for FixedTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        writer.write_str("2026-11-21T09:08:00.123456Z")
    }
}

fn clock() -> ManualClock {
    let wall = SystemTime::UNIX_EPOCH + Duration::new(1_795_252_080, 123_456_789);
    ManualClock::at(Origin::from_parts(Instant::now(), wall))
}

/// Each record that `log` logs, as the objects in our log and in theirs.
fn both(log: impl FnOnce(&OutputContext)) -> Vec<(Value, Value)> {
    let written = Written::default();
    let theirs = tracing_subscriber::fmt::layer()
        .json()
        .with_timer(FixedTime)
        .with_file(true)
        .with_line_number(true)
        .with_thread_names(true)
        .with_writer(written.clone());
    let (sink, memory): (_, Memory) = sink::memory();
    let uno = OutputContext::builder("uno")
        .verbosity(LevelFilter::TRACE)
        .clock(clock())
        .field("env", "x")
        .sink(sink.format(Format::json().location(true).thread_name(true)))
        .build();
    let subscriber = tracing_subscriber::registry().with(theirs).with(logscope::layer());
    tracing::subscriber::with_default(subscriber, || uno.scope(|| log(&uno)));
    let parsed = |line: &String| layers::parse(line);
    let (ours, theirs) = (memory.lines(), written.lines());
    assert_eq!(ours.len(), theirs.len());
    ours.iter().map(parsed).zip(theirs.iter().map(parsed)).collect()
}

/// Collects the keys of theirs that are missing or different in ours. Descends into objects and arrays.
fn differences(ours: &Value, theirs: &Value, at: &str, found: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            for (key, value) in theirs {
                differences(ours.get(key).unwrap_or(&Value::Null), value, &format!("{at}/{key}"), found);
            }
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            for (index, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                differences(ours, theirs, &format!("{at}/{index}"), found);
            }
        }
        (Value::Number(ours), Value::Number(theirs)) if is_near(ours, theirs) => {}
        (ours, theirs) if ours == theirs => {}
        (ours, theirs) => found.push(format!("{at}: {ours} for {theirs}")),
    }
}

/// True for floats that differ in their last bit at most. Their layer reads the fields of spans back by serde_json, which is not always
/// exact without its feature `float_roundtrip`.
fn is_near(ours: &Number, theirs: &Number) -> bool {
    let float = |number: &Number| number.as_f64().filter(|_| number.is_f64());
    float(ours).zip(float(theirs)).is_some_and(|(ours, theirs)| (ours - theirs).abs() <= ours.abs() * f64::EPSILON)
}

/// Checks that each record of ours has all that theirs has, and apart from that only our own keys.
#[track_caller]
fn assert_superset(lines: &[(Value, Value)]) {
    for (ours, theirs) in lines {
        let mut found = Vec::new();
        differences(ours, theirs, "", &mut found);
        assert!(found.is_empty(), "{found:#?}\nours   {ours}\ntheirs {theirs}");
        assert!(ours["context"]["name"] == "uno" && ours["context"]["fields"] == json!({ "env": "x" }));
        assert!(ours["elapsed"].is_number() && ours["seq"].is_u64());
        let extra: Vec<_> = keys(ours).into_iter().filter(|key| theirs.get(key).is_none()).collect();
        // And the name of the event, if it has one.
        let named = if ours.get("name").is_some() {
            &["context", "elapsed", "name", "seq"][..]
        } else {
            &["context", "elapsed", "seq"]
        };
        assert_eq!(extra, named);
    }
}

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect()
}

#[derive(Debug)]
struct Failed(&'static str, Option<Box<Failed>>);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Failed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_ref().map(|cause| &**cause as &(dyn Error + 'static))
    }
}

fn failed() -> Failed {
    Failed("link \"a\"", Some(Box::new(Failed("open\n", Some(Box::new(Failed("no space", None)))))))
}

/// Calls the macro `$log` with fields of every type that a field can have.
macro_rules! with_all_fields {
    ($($log:tt)*) => {
        $($log)*!(
            yes = true,
            no = false,
            small = -1_i8,
            large = u64::MAX,
            negative = i64::MIN,
            wide = u128::MAX,
            deep = i128::MIN,
            wide_but_small = 7_u128,
            float = 0.1,
            single = 0.5_f32,
            whole = 1.0,
            huge = 1e300,
            tiny = 5e-324,
            zero = -0.0,
            nan = f64::NAN,
            infinite = f64::NEG_INFINITY,
            text = "ein \"Wort\" \\ / \u{0} \u{1b}[31m \u{7f} \u{85} \u{2028} \u{202e} ä 🦀 \t\r\n",
            none = ?Option::<u32>::None,
            debugged = ?vec![Some("x"), None],
            shown = %"d\"\n",
            owned = String::from("owned"),
            boxed = Box::new(3),
            wrapped = std::num::Wrapping(4_u8),
            absent = Empty,
            optional = Some(5),
            missing = Option::<i32>::None,
            error = &failed() as &(dyn Error + 'static),
            dotted.name = 1,
            r#type = "raw",
        )
    };
}

#[test]
fn fields_of_every_type_agree() {
    let lines = both(|_| {
        macro_rules! log_it {
            ($($fields:tt)*) => { info!($($fields)* "all of them") };
        }
        macro_rules! enter {
            ($($fields:tt)*) => { info_span!("all", $($fields)*).entered() };
        }
        with_all_fields!(log_it);
        let _span = with_all_fields!(enter);
        with_all_fields!(log_it);
        info!("in a span");
    });
    assert_eq!(lines.len(), 3);
    assert_superset(&lines);
    // Only our log has the sources of an error.
    let expected = json!(["open\n", "no space"]);
    assert_eq!(lines[0].0["fields"]["error.sources"], expected);
    assert_eq!(lines[1].0["span"]["error.sources"], expected);
    assert!(lines[0].1["fields"].get("error.sources").is_none());
}

#[test]
fn levels_targets_messages_and_locations_agree() {
    let lines = both(|_| {
        error!("an error");
        warn!(target: "", "no target");
        info!(target: "a::b \"c\"", "quoted");
        debug!("{} and {:?}", 1, "two");
        trace!(n = 1);
        info!(name: "named", "a name");
        info!(message = 3, n = 1, "later");
    });
    // The last record is given a message twice, which is one of the differences.
    assert_superset(&lines[..6]);
    assert!(lines[4].0["fields"].get("message").is_none());
    let names: Vec<_> = lines.iter().map(|(ours, _)| ours.get("name").and_then(Value::as_str)).collect();
    assert_eq!(names, [None, None, None, None, None, Some("named"), None]);
    std::thread::scope(|scope| {
        let named = std::thread::Builder::new().name("wörker \"1\"".to_owned());
        let lines = named.spawn_scoped(scope, || both(|_| info!("named"))).unwrap().join().unwrap();
        assert_superset(&lines);
        let lines = scope.spawn(|| both(|_| info!("unnamed"))).join().unwrap();
        assert_superset(&lines);
        assert!(lines[0].0["threadName"].as_str().unwrap().starts_with("ThreadId("));
    });
}

#[test]
fn spans_agree() {
    let lines = both(|_| {
        let outer = info_span!("outer", unit = "core", later = Empty, again = 1).entered();
        info!("one");
        outer.record("later", "now").record("again", 2);
        info!("two");
        let inner = trace_span!(target: "elsewhere", "inner \"x\"", n = 1).entered();
        info!("three");
        outer.record("later", failed().to_string());
        info!("four");
        drop(outer);
        info!("five");
        drop(inner);
        info!("six");
        let root = info_span!(parent: None, "root");
        let child = info_span!(parent: &root, "child", error = &failed() as &(dyn Error + 'static));
        child.in_scope(|| info!("seven"));
    });
    assert_eq!(lines.len(), 7);
    assert_superset(&lines);
    assert_eq!(lines[3].0["spans"].as_array().unwrap().len(), 2);
}

/// An explicit parent that is also the current span: both logs agree.
#[test]
fn an_explicit_parent_that_is_current_agrees() {
    let lines = both(|_| {
        let outer = info_span!("outer").entered();
        let inner = info_span!("inner", n = 1).entered();
        info!(parent: &*inner, "by parent");
        info!(parent: Span::current(), "by parent");
        drop((inner, outer));
    });
    assert_superset(&lines);
}

/// With an explicit parent, theirs has the parent as `span` but the current path as `spans`. Ours has the parent's path.
#[test]
fn an_explicit_parent_that_is_not_current_is_a_difference() {
    let lines = both(|_| {
        let elsewhere = info_span!("elsewhere", n = 1);
        let child = info_span!(parent: &elsewhere, "child");
        let _outer = info_span!("outer").entered();
        info!(parent: &child, "by parent");
    });
    let (ours, theirs) = &lines[0];
    let path = json!([{ "name": "elsewhere", "n": 1 }, { "name": "child" }]);
    assert_eq!((&ours["spans"], &ours["span"]), (&path, &path[1]));
    assert_eq!((&theirs["spans"], &theirs["span"]), (&json!([{ "name": "outer" }]), &path[1]));
}

/// Theirs shows the current spans for an event with `parent: None`.
#[test]
fn a_parent_of_none_is_a_difference() {
    let lines = both(|_| {
        let _outer = info_span!("outer").entered();
        info!(parent: None, "by no parent");
    });
    let (ours, theirs) = &lines[0];
    assert!(ours.get("span").is_none() && ours.get("spans").is_none());
    assert_eq!(theirs["span"], json!({ "name": "outer" }));
}

/// Theirs repeats a key, of which most readers keep the last value. Our keys are unique.
#[test]
fn repeated_names_are_a_difference() {
    let lines = both(|_| {
        info!(x = 1, x = 2, "said");
        let _span = info_span!("spanned", name = "mine", bytes = &b"ab"[..]).entered();
        info!("in a span");
    });
    let (ours, theirs) = &lines[0];
    assert_eq!(ours["fields"], json!({ "message": "said", "x": 1, "x#2": 2 }));
    assert_eq!(theirs["fields"], json!({ "message": "said", "x": 2 }));
    let (ours, theirs) = &lines[1];
    assert_eq!(ours["span"], json!({ "name": "spanned", "field.name": "mine", "bytes": "[61 62]" }));
    // In events, both write bytes as text; in spans, theirs writes an array.
    assert_eq!(theirs["span"], json!({ "name": "spanned", "bytes": [97, 98] }));
}

/// Theirs shows the origin of a record of the `log` crate twice: under its own keys, and as fields.
#[cfg(feature = "log")]
#[test]
fn the_fields_of_the_log_bridge_are_a_difference() {
    let lines = both(|_| {
        let mut record = log::Record::builder();
        record.level(log::Level::Warn).target("linker").file(Some("main.c")).line(Some(7)).module_path(Some("m"));
        tracing_log::format_trace(&record.args(format_args!("said")).build()).unwrap();
    });
    let (ours, theirs) = &lines[0];
    for key in ["timestamp", "level", "target", "filename", "line_number", "threadName"] {
        assert_eq!(ours[key], theirs[key], "{key}");
    }
    assert_eq!((&ours["target"], &ours["line_number"]), (&"linker".into(), &7.into()));
    assert_eq!(ours["fields"], json!({ "message": "said" }));
    assert_eq!(
        theirs["fields"],
        json!({
            "message": "said", "log.target": "linker", "log.module_path": "m", "log.file": "main.c", "log.line": 7,
        })
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn arbitrary_values_agree(
        text in any::<String>(),
        shown in any::<String>(),
        debugged in any::<(String, Option<char>)>(),
        float in any::<f64>(),
        unsigned in any::<u64>(),
        signed in any::<i64>(),
        wide in any::<u128>(),
        recorded in any::<String>(),
    ) {
        let lines = both(|_| {
            info!(text, shown = %shown, debugged = ?debugged, float, unsigned, signed, wide, "{recorded}");
            let span =
                info_span!("span", text, shown = %shown, debugged = ?debugged, float, unsigned, signed, wide, later = Empty);
            let _entered = span.enter();
            info!("before");
            span.record("later", &recorded);
            info!(recorded);
        });
        assert_superset(&lines);
    }
}
