//! Records of the `log` crate, through the bridge: they reach the current context with the target, file and line that they were logged with,
//! and with their key-values as fields.
//!
//! The bridge is the one `log` logger of the process. It is installed once for the tests here. Tests that need another subscriber run in
//! processes of their own.

#![cfg(feature = "testing")]
#![cfg(feature = "log")]
#![allow(clippy::unwrap_used)]

mod layers;

use std::fmt;
use std::sync::OnceLock;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use layers::{Written, context, in_own_process, messages, records};
use log::kv;
use logscope::sink::{self, Memory};
use logscope::{Dial, Format, LevelFilter, OutputContext, RecordBuf, Verbosity};
use serde_json::json;
use tracing::{info, info_span};
use tracing_subscriber::prelude::*;

fn init() -> &'static Memory {
    static OUTSIDE: OnceLock<Memory> = OnceLock::new();
    OUTSIDE.get_or_init(|| {
        let (outside, memory) = context("outside", LevelFilter::INFO);
        logscope::configure().default_context(outside).install().unwrap();
        memory
    })
}

#[test]
fn a_record_has_its_own_target_file_and_line() {
    init();
    let formats = [Format::json(), Format::text(), Format::logfmt()].map(|format| format.location(true));
    let logs = formats.map(|format| {
        let (sink, memory) = sink::memory();
        (sink.format(format), memory)
    });
    let uno = OutputContext::builder("uno").sinks(logs.iter().map(|(sink, _)| sink.clone())).build();
    let line = line!() + 1;
    uno.scope(|| log::warn!(target: "my::target", "{} bytes", 3));
    let [json, text, logfmt] = logs.map(|(_, memory)| memory.text());

    let record = layers::parse(json.trim());
    assert_eq!(record["fields"], serde_json::json!({ "message": "3 bytes" }));
    assert_eq!((&record["level"], &record["target"]), (&"WARN".into(), &"my::target".into()));
    assert_eq!((&record["filename"], &record["line_number"]), (&file!().into(), &line.into()));
    assert!(text.ends_with(&format!("WARN  uno my::target: {}:{line}: 3 bytes\n", file!())), "{text}");
    let record = RecordBuf::parse_logfmt(&logfmt).unwrap();
    assert_eq!((record.target.as_str(), record.message.as_str()), ("my::target", "3 bytes"));
    assert_eq!((record.file.as_deref(), record.line), (Some(file!()), Some(line)));
    assert!(record.fields.is_empty(), "{:?}", record.fields);
}

#[test]
fn a_record_output_sees_a_record_like_any_other() {
    #[derive(Clone, Default)]
    struct Capture(std::sync::Arc<std::sync::Mutex<Vec<(RecordBuf, String)>>>);
    impl sink::RecordOutput for Capture {
        fn write(&self, record: &logscope::Record<'_>) -> std::io::Result<()> {
            let module = record.module_path().unwrap_or_default().to_owned();
            self.0.lock().unwrap().push((record.to_buf(), module));
            Ok(())
        }
    }

    init();
    let capture = Capture::default();
    let uno = OutputContext::builder("uno").sink(sink::records(capture.clone())).build();
    let line = line!() + 2;
    let _span = uno.scope(|| info_span!("around")).entered();
    uno.scope(|| log::info!("said"));
    let (record, module) = capture.0.lock().unwrap().remove(0);
    assert_eq!((record.level, record.target.as_str()), (tracing::Level::INFO, module_path!()));
    assert_eq!((record.message.as_str(), record.fields.len()), ("said", 0));
    assert_eq!((record.file.as_deref(), record.line, module.as_str()), (Some(file!()), Some(line), module_path!()));
    assert_eq!((record.spans[0].name.as_str(), record.seq), ("around", Some(1)));
}

#[test]
fn records_and_events_share_one_sequence() {
    init();
    let (uno, memory) = context("uno", LevelFilter::INFO);
    uno.scope(|| {
        info!("one");
        log::info!("two");
        info!("three");
    });
    assert_eq!(messages(&memory), ["one", "two", "three"]);
    assert_eq!(records(&memory).iter().map(|record| record["seq"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn verbosity_and_directives_apply_to_the_target_of_the_record() {
    init();
    let directives: Verbosity = "warn,linker=trace,log=off".parse().unwrap();
    for verbosity in [directives.clone(), Dial::new(directives).into()] {
        let (uno, memory) = context("uno", verbosity);
        uno.scope(|| {
            for _ in 0..3 {
                log::trace!(target: "linker::symbols", "wanted");
                log::debug!(target: "compiler", "unwanted");
                log::warn!(target: "compiler", "wanted");
                log::error!(target: "log", "unwanted");
                assert!(log::log_enabled!(target: "linker", log::Level::Trace));
                assert!(!log::log_enabled!(target: "compiler", log::Level::Info));
            }
        });
        assert_eq!(messages(&memory), ["wanted"; 6]);
    }
}

/// A program's own event with the target `log` is not taken for a record of the bridge.
#[test]
fn an_event_with_the_target_log_is_not_a_record_of_the_bridge() {
    init();
    let (uno, memory) = context("uno", LevelFilter::INFO);
    uno.scope(|| tracing::event!(target: "log", tracing::Level::INFO, { log.level = "mine" }, "said"));
    let record = &records(&memory)[0];
    assert_eq!(record["fields"], serde_json::json!({ "message": "said", "log.level": "mine" }));
    assert_eq!(record["target"], "log");
}

#[test]
fn outside_every_scope_a_record_goes_to_the_default_context() {
    let outside = init();
    log::info!("outside");
    log::debug!("more than it wants");
    assert_eq!(messages(outside), ["outside"]);
}

#[test]
fn targets_and_messages_of_records_are_escaped() {
    init();
    let (sink, memory) = sink::memory();
    let uno = OutputContext::builder("uno").sink(sink).build();
    uno.scope(|| log::info!(target: "a\nb", "one\n00:00.000000 INFO  uno forged: two"));
    assert_eq!(memory.len(), 1);
    let record = RecordBuf::parse_text(&memory.text()).unwrap();
    assert_eq!((record.target.as_str(), record.message.lines().count()), ("a\nb", 2));
}

/// A value that is captured with `?` or `%`.
struct Shown;

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown { .. }")
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("shown\n")
    }
}

#[test]
fn key_values_are_fields_of_their_types() {
    init();
    let (uno, memory) = context("uno", LevelFilter::INFO);
    let (text_sink, text) = sink::memory();
    let (logfmt_sink, logfmt) = sink::memory();
    let uno = uno.with_sink(text_sink).with_sink(logfmt_sink.format(Format::logfmt()));
    uno.scope(|| {
        log::info!(
            size = 12_u32, delta = -1, wide = u128::MAX, ratio = 0.5, yes = true, path = "a b", letter = 'x',
            debug:? = Shown, display:% = Shown, none = None::<u8>;
            "linking {}", "main.o"
        );
    });
    assert_eq!(
        records(&memory)[0]["fields"],
        json!({
            "message": "linking main.o", "size": 12, "delta": -1, "wide": u128::MAX.to_string(), "ratio": 0.5, "yes": true,
            "path": "a b", "letter": "x", "debug": "Shown { .. }", "display": "shown\n",
        })
    );
    let rest = "size=12 delta=-1 wide=340282366920938463463374607431768211455 ratio=0.5 yes=true path=\"a b\" letter=x \
                debug=\"Shown { .. }\" display=\"shown\\n\"\n";
    assert!(text.text().ends_with(&format!(" log_bridge: linking main.o {rest}")), "{}", text.text());
    assert!(logfmt.text().ends_with(&format!(" msg=\"linking main.o\" {rest}")), "{}", logfmt.text());
    assert_eq!((records(&memory)[0]["seq"].as_u64(), uno.ledger().written), (Some(1), 3));
}

#[test]
fn names_of_key_values_may_be_any_text() {
    init();
    let (uno, memory) = context("uno", LevelFilter::INFO);
    let (text_sink, text) = sink::memory();
    let (logfmt_sink, logfmt) = sink::memory();
    let uno = uno.with_sink(text_sink).with_sink(logfmt_sink.format(Format::logfmt()));
    let long = "n".repeat(1_000);
    let pairs =
        [("message", 1), ("x", 2), ("x", 3), ("a b\n", 4), ("level", 5), ("build", 6), ("", 7), (&long, 8), (&long, 9)];
    let said = format_args!("said");
    uno.scope(|| log::logger().log(&log::Record::builder().args(said).target("t").key_values(&pairs).build()));
    let rest = format!("{long}=8 {long}=9");
    let fields = json!({
        "message": "said", "message#2": 1, "x": 2, "x#2": 3, "a b\n": 4, "level": 5, "build": 6, "": 7, "log.kv": rest,
    });
    assert_eq!(records(&memory)[0]["fields"], fields);
    for record in [RecordBuf::parse_text(&text.text()).unwrap(), RecordBuf::parse_logfmt(&logfmt.text()).unwrap()] {
        assert_eq!((record.message.as_str(), record.fields.len()), ("said", 8));
        assert_eq!(record.fields[0], ("message#2".to_owned(), 1.into()));
        assert_eq!(record.field("a b\n"), Some(&4.into()));
    }
}

/// A source of key-values that is the program's own code.
struct Odd(fn() -> Result<(), kv::Error>);

impl kv::Source for Odd {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn kv::VisitSource<'kvs>) -> Result<(), kv::Error> {
        visitor.visit_pair("first".into(), 1.into())?;
        (self.0)()
    }
}

#[test]
fn a_source_that_panics_or_fails_leaves_the_record_whole() {
    init();
    let cases: [(Odd, &str); 2] =
        [(Odd(|| panic!("the source panics")), "<panicked>"), (Odd(|| Err(kv::Error::msg("no"))), "<format error>")];
    for (source, marker) in cases {
        let (uno, memory) = context("uno", LevelFilter::INFO);
        let said = format_args!("said");
        uno.scope(|| log::logger().log(&log::Record::builder().args(said).key_values(&source).build()));
        assert_eq!(records(&memory)[0]["fields"], json!({ "message": "said", "first": 1, "log.kv": marker }));
    }
}

#[test]
fn a_record_output_gets_key_values_and_its_own_panic() {
    struct Panics;
    impl tracing::field::Visit for Panics {
        fn record_debug(&mut self, field: &tracing::field::Field, _: &dyn fmt::Debug) {
            assert_eq!(field.name(), "message", "the visitor panics");
        }
    }

    #[derive(Clone, Default)]
    struct Captures(std::sync::Arc<std::sync::Mutex<Option<RecordBuf>>>);
    impl sink::RecordOutput for Captures {
        fn write(&self, record: &logscope::Record<'_>) -> std::io::Result<()> {
            *self.0.lock().unwrap() = Some(record.to_buf());
            record.visit(&mut Panics);
            Ok(())
        }
    }

    init();
    let captures = Captures::default();
    let uno = OutputContext::builder("uno").sink(sink::records(captures.clone())).build();
    uno.scope(|| log::info!(size = 12; "said"));
    let record = captures.0.lock().unwrap().take().unwrap();
    assert_eq!((record.message.as_str(), record.fields), ("said", vec![("size".to_owned(), 12.into())]));
    assert_eq!(uno.ledger().failed, 1, "what a visitor of the output does is the output's failure");
}

/// A program that makes names up does not fill the memory with them.
#[test]
fn names_beyond_the_most_that_are_kept_stand_in_one_field() {
    let test = "names_beyond_the_most_that_are_kept_stand_in_one_field";
    if let Some(child) = in_own_process(test, &[]) {
        child.passed();
        return;
    }
    init();
    let (uno, memory) = context("uno", LevelFilter::INFO);
    let pairs: Vec<(String, usize)> = (0..2_000).map(|number| (format!("user {number}"), number)).collect();
    let said = format_args!("said");
    for _ in 0..2 {
        uno.scope(|| log::logger().log(&log::Record::builder().args(said).key_values(&pairs).build()));
    }
    for record in records(&memory) {
        let fields = record["fields"].as_object().unwrap();
        assert_eq!((fields.len(), &fields["user 1023"]), (1 + 1_024 + 1, &1_023.into()));
        let rest = fields["log.kv"].as_str().unwrap();
        assert!(rest.starts_with("user 1024=1024 user 1025=1025 ") && rest.ends_with(" user 1999=1999"));
    }
}

/// A writer that takes nothing until its gate is opened.
struct Gated(mpsc::Receiver<()>);

impl std::io::Write for Gated {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        // Once the sender is gone, the gate is open.
        let _ = self.0.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn flushing_the_logger_flushes_all_outputs() {
    init();
    let (open, gate) = mpsc::channel();
    let slow = sink::writer(Gated(gate)).queued(sink::Queue::new());
    let uno = OutputContext::builder("uno").sink(slow.clone()).build();
    uno.scope(|| log::info!("said"));
    let (done, flushed) = mpsc::channel();
    let flush = std::thread::spawn(move || {
        log::logger().flush();
        done.send(slow.ledger().written).unwrap();
    });
    assert_eq!(flushed.recv_timeout(Duration::from_millis(100)), Err(RecvTimeoutError::Timeout), "nothing is written");
    drop(open);
    assert_eq!(flushed.recv(), Ok(1));
    flush.join().unwrap();
}

#[test]
fn flushing_the_logger_waits_as_long_as_an_exit_does() {
    let test = "flushing_the_logger_waits_as_long_as_an_exit_does";
    if let Some(child) = in_own_process(test, &[]) {
        let reported = child.passed().fallback_lines();
        assert!(reported[0].starts_with("log::logger().flush() has waited for 200ms, and 1 records"), "{reported:?}");
        return;
    }
    let deadline = Duration::from_millis(200);
    logscope::configure().exit_deadline(deadline).install().unwrap();
    let (open, gate) = mpsc::channel();
    let uno = OutputContext::builder("uno").sink(sink::writer(Gated(gate)).queued(sink::Queue::new())).build();
    uno.scope(|| log::info!("said"));
    let start = Instant::now();
    log::logger().flush();
    assert!(start.elapsed() >= deadline);
    drop(open);
}

#[test]
fn a_subscriber_that_a_thread_has_set_gets_records_as_events() {
    init();
    let written = Written::default();
    let (uno, memory) = context("uno", LevelFilter::TRACE);
    let fmt = tracing_subscriber::fmt().with_ansi(false).with_max_level(LevelFilter::INFO).with_writer(written.clone());
    tracing::subscriber::with_default(fmt.finish(), || {
        uno.scope(|| {
            log::info!("to fmt");
            log::debug!("not wanted");
            assert!(log::log_enabled!(log::Level::Info) && !log::log_enabled!(log::Level::Debug));
        });
    });
    assert!(written.lines().len() == 1 && written.text().contains("to fmt"), "{}", written.text());
    assert_eq!(memory.len(), 0);
}

#[test]
fn records_are_routed_by_the_span_around_them() {
    let test = "records_are_routed_by_the_span_around_them";
    if let Some(child) = in_own_process(test, &[]) {
        child.passed();
        return;
    }
    let (outside, unscoped) = context("outside", LevelFilter::INFO);
    logscope::configure().route_by_span(true).ceiling(LevelFilter::DEBUG).default_context(outside).install().unwrap();
    let (uno, memory) = context("uno", LevelFilter::DEBUG);
    let span = uno.scope(|| info_span!("around", n = 1));
    span.in_scope(|| {
        assert!(log::log_enabled!(log::Level::Debug) && !log::log_enabled!(log::Level::Trace));
        log::debug!(size = 1; "in the span");
    });
    log::debug!("not wanted");
    log::info!("outside");
    let record = &records(&memory)[0];
    assert_eq!(
        (messages(&memory), &record["span"]),
        (vec!["in the span".to_owned()], &json!({ "n": 1, "name": "around" }))
    );
    assert_eq!(messages(&unscoped), ["outside"]);
}

/// With a subscriber of one's own, the bridge is that of tracing-subscriber, which the `init()` of its extension trait installs.
#[test]
fn records_arrive_as_one_layer_among_others() {
    if let Some(child) = in_own_process("records_arrive_as_one_layer_among_others", &[]) {
        child.passed();
        return;
    }
    let written = Written::default();
    let other = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(written.clone());
    let other = other.with_filter(tracing_subscriber::EnvFilter::new("info,linker=trace"));
    tracing_subscriber::registry().with(other).with(logscope::layer()).init();
    let (uno, memory) = context("uno", "warn,compiler=debug".parse::<Verbosity>().unwrap());
    uno.scope(|| {
        log::trace!(target: "linker", "theirs");
        log::debug!(target: "compiler", "ours");
        log::error!(target: "linker", lost = 1; "both");
    });
    let ours: Vec<_> = records(&memory).iter().map(|record| record["target"].as_str().unwrap().to_owned()).collect();
    assert_eq!(
        (messages(&memory), ours),
        (vec!["ours".into(), "both".into()], vec!["compiler".into(), "linker".into()])
    );
    assert_eq!(written.lines().len(), 2);
    // An event has static names: this way loses key-values.
    assert_eq!(records(&memory)[1]["fields"], json!({ "message": "both" }));
}
