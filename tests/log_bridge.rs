//! Records of the `log` crate, through the bridge: they reach the current context with the target, file and line that they were logged with.
//!
//! The bridge is the one `log` logger of the process. It is installed once for the tests here. Tests that need another subscriber run in
//! processes of their own.

#![cfg(feature = "log")]
#![allow(clippy::unwrap_used)]

mod layers;

use std::sync::OnceLock;

use layers::{Written, context, in_own_process, messages, records};
use logscope::sink::{self, Memory};
use logscope::{Dial, Format, LevelFilter, OutputContext, RecordBuf, Verbosity};
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
        log::error!(target: "linker", "both");
    });
    let ours: Vec<_> = records(&memory).iter().map(|record| record["target"].as_str().unwrap().to_owned()).collect();
    assert_eq!(
        (messages(&memory), ours),
        (vec!["ours".into(), "both".into()], vec!["compiler".into(), "linker".into()])
    );
    assert_eq!(written.lines().len(), 2);
}
