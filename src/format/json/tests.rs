use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tracing::{debug, error, info, info_span, warn};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::writer::MutexGuardWriter;
use tracing_subscriber::layer::SubscriberExt;

use super::super::test_support::Fixture;
use super::super::{Format, Renderer, Screen, Time};
use crate::line_buffer::LineBuffer;

fn parse(line: &str) -> Json {
    let line = line.strip_suffix('\n').expect("a line ends in a line end");
    assert!(!line.contains('\n'), "{line}");
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

#[test]
fn a_whole_line_to_the_letter() {
    let line = Fixture::new().with_context("uno", &[("env", "x".into())]).line(Format::json(), || {
        let _build = info_span!("build", unit = "core").entered();
        let _link = info_span!("link").entered();
        info!(target: "linker", size = 12_u64, path = "a b", ratio = 0.5, "linking {}", "main.o");
    });
    assert_eq!(
        line,
        concat!(
            r#"{"timestamp":"2026-11-21T09:08:00.123456Z","level":"INFO","#,
            r#""fields":{"message":"linking main.o","size":12,"path":"a b","ratio":0.5},"target":"linker","#,
            r#""span":{"name":"link"},"spans":[{"unit":"core","name":"build"},{"name":"link"}],"#,
            r#""context":{"name":"uno","id":7,"fields":{"env":"x"}},"elapsed":1.234567,"seq":42}"#,
            "\n"
        )
    );
}

#[test]
fn each_option_has_its_keys() {
    let format = Format::json().time(Time::None).context(false).seq(false).target(false);
    assert_eq!(
        Fixture::new().line(format.clone(), || info!("m")),
        "{\"level\":\"INFO\",\"fields\":{\"message\":\"m\"}}\n"
    );
    let line = parse(&Fixture::new().line(format.location(true).thread_name(true), || info!("m")));
    assert_eq!(line["filename"], file!());
    assert!(line["line_number"].is_u64());
    assert_eq!(line["threadName"], std::thread::current().name().unwrap());
    // A notice has no number.
    let line = Fixture { seq: None, ..Fixture::new() }.line(Format::json(), || info!("m"));
    assert!(parse(&line).get("seq").is_none());
}

#[test]
fn an_event_has_its_name_if_the_call_gives_it_one() {
    let line = |log: fn()| parse(&Fixture::new().line(Format::json(), log));
    let named = line(|| info!(name: "order.paid", target: "t", total = 5, "paid"));
    assert_eq!((&named["name"], &named["fields"]), (&json!("order.paid"), &json!({ "message": "paid", "total": 5 })));
    assert_eq!(line(|| info!(name: "a \"b\"\n", x = 1, x = 2))["name"], "a \"b\"\n");
    assert!(line(|| info!("paid")).get("name").is_none());
    assert!(line(|| info!(target: "t", x = 1, x = 2, "paid")).get("name").is_none());
}

#[test]
fn every_type_of_value() {
    let line = Fixture::new().line(Format::json(), || {
        info!(
            b = true,
            i = -1_i64,
            wide = u128::MAX,
            deep = i128::MIN,
            f = 1.0,
            nan = f64::NAN,
            bytes = &[0xde_u8, 0xad][..],
            dbg = ?Some("x\n"),
            dsp = %"d\u{202e}",
            none = Option::<u64>::None,
            r#type = "t",
            "odd \" name" = 1,
        );
    });
    assert!(line.contains(r#""dbg":"Some(\"x\\n\")","dsp":"d\u202e","#), "{line}");
    assert_eq!(
        parse(&line)["fields"],
        json!({
            "b": true, "i": -1, "wide": u128::MAX.to_string(), "deep": i128::MIN.to_string(), "f": 1.0, "nan": null,
            "bytes": "[de ad]", "dbg": "Some(\"x\\n\")", "dsp": "d\u{202e}", "type": "t", "odd \" name": 1,
        })
    );
}

#[test]
fn a_repeated_name_is_made_unique() {
    let line = Fixture::new().line(Format::json(), || info!(x = 1, x = 2, message = "m", x = 3, "n"));
    let fields: Vec<&str> = line.split("\"fields\":{").nth(1).unwrap().split('}').next().unwrap().split(',').collect();
    let mut sorted = fields.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), 5, "{line}");
    for name in ["x", "x#2", "x#3", "message", "message#2"] {
        assert!(!parse(&line)["fields"][name].is_null(), "{name}: {line}");
    }
}

#[derive(Debug)]
struct Failed(&'static str, Option<Box<Failed>>);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Failed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.1.as_deref().map(|source| source as _)
    }
}

#[test]
fn an_error_gives_its_sources() {
    let failed = Failed("link", Some(Box::new(Failed("open \"x\"", Some(Box::new(Failed("io", None)))))));
    let line = Fixture::new().line(Format::json(), move || {
        error!(
            err = &failed as &(dyn std::error::Error + 'static),
            alone = &Failed("a", None) as &dyn std::error::Error
        );
    });
    assert_eq!(parse(&line)["fields"], json!({"err": "link", "err.sources": ["open \"x\"", "io"], "alone": "a"}));
}

#[test]
fn a_value_that_panics_or_fails_leaves_a_whole_line() {
    struct Panics;
    impl fmt::Debug for Panics {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("half\"")?;
            std::panic::resume_unwind(Box::new(()))
        }
    }
    struct Fails;
    impl fmt::Display for Fails {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            Err(fmt::Error)
        }
    }
    let line = Fixture::new().line(Format::json(), || warn!(a = ?Panics, b = %Fails, c = 1, "m"));
    assert_eq!(parse(&line)["fields"], json!({"a": "half\"<panicked>", "b": "<format error>", "c": 1, "message": "m"}));
}

/// The instant of the fixture, as `tracing-subscriber` writes times.
struct At;

impl FormatTime for At {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        writer.write_str("2026-11-21T09:08:00.123456Z")
    }
}

/// What `fmt().json()` and this format make of the same events.
fn both(log: impl FnOnce()) -> Vec<(Json, Json)> {
    struct Shared(Arc<Mutex<Vec<u8>>>);
    impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Shared {
        type Writer = MutexGuardWriter<'a, Vec<u8>>;
        fn make_writer(&'a self) -> Self::Writer {
            self.0.make_writer()
        }
    }

    let theirs = Arc::new(Mutex::new(Vec::new()));
    let layer = tracing_subscriber::fmt::layer()
        .json()
        .fmt_fields(JsonFields::new())
        .with_timer(At)
        .with_file(true)
        .with_line_number(true)
        .with_thread_names(true)
        .with_writer(Shared(theirs.clone()));
    let renderer = Renderer::new(&Format::json().location(true).thread_name(true), Screen::None);
    let ours = Fixture::new().capture_beside(tracing_subscriber::registry().with(layer), log, move |record| {
        let mut out = LineBuffer::new();
        renderer.render(record, &mut out);
        parse(&String::from_utf8(out.into()).unwrap())
    });
    let theirs = String::from_utf8(theirs.lock().unwrap().clone()).unwrap();
    let theirs: Vec<Json> = theirs.split_inclusive('\n').map(parse).collect();
    assert_eq!(ours.len(), theirs.len());
    ours.into_iter().zip(theirs).collect()
}

#[test]
fn a_superset_of_what_tracing_subscriber_writes() {
    let lines = both(|| {
        info!("no span");
        debug!(x = 1, y = ?[1, 2], wide = 1_u128, nan = f64::NAN, bytes = &b"ab"[..], "fields {}", 1);
        let outer = info_span!("outer", unit = "core", later = tracing::field::Empty, big = 1_i128, f = 1e300);
        let outer = outer.entered();
        outer.record("later", "now");
        warn!(target: "elsewhere", e = &Failed("e", None) as &dyn std::error::Error, "in a span");
        let inner = info_span!("inner");
        inner.in_scope(|| error!(quote = "\"\u{7f}\u{2028}", tab = "\t\u{1}"));
    });
    for (ours, theirs) in &lines {
        for (key, value) in theirs.as_object().unwrap() {
            assert_eq!(&ours[key], value, "{key} of {theirs}");
        }
    }
    assert_eq!(lines.len(), 4);
    // Without a span neither has the keys of spans.
    assert!(lines[0].0.get("span").is_none() && lines[0].1.get("span").is_none());
    assert_eq!(lines[3].0["spans"].as_array().unwrap().len(), 2);
}

#[test]
fn an_explicit_parent_gives_the_spans() {
    let lines = both(|| {
        let _outer = info_span!("outer").entered();
        let elsewhere = info_span!(parent: None, "elsewhere");
        info!(parent: &elsewhere, "by parent");
        info!(parent: None, "by no parent");
    });
    let path = json!([{"name": "elsewhere"}]);
    assert_eq!((&lines[0].0["span"], &lines[0].0["spans"]), (&path[0], &path));
    assert!(lines[1].0.get("span").is_none() && lines[1].0.get("spans").is_none());
    // `tracing-subscriber` names the current spans instead. When it no longer does, these lines agree, and belong above.
    assert_eq!(lines[0].1["spans"], json!([{"name": "outer"}]));
    assert_eq!(lines[1].1["span"], json!({"name": "outer"}));
}

#[test]
fn an_elapsed_time_is_a_number_of_seconds() {
    let fixture = Fixture { elapsed: Duration::new(3, 7_999), ..Fixture::new() };
    assert!(fixture.line(Format::json(), || info!("m")).contains(r#""elapsed":3.000007,"#));
}
