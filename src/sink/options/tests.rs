//! What a view has of its own.

use std::io;

use super::super::test_support::{deliver, with_record};
use super::super::{Line, Output, custom, memory, stderr};
use super::*;
use crate::Level;
use crate::fallback::capture_reports;
use crate::record::RecordMetadata;

struct Fails;

impl Output for Fails {
    fn write(&self, _: Line<'_>) -> io::Result<()> {
        Err(io::Error::other("no"))
    }

    fn describe(&self) -> String {
        String::from("socket")
    }
}

#[test]
fn reports_use_the_first_name() {
    let (_, reports) = capture_reports(|| {
        let sink = custom(Fails);
        let audit = sink.named("au\ndit");
        assert_eq!((audit.describe(), sink.describe()), (r"au\ndit (socket)", "socket"));
        assert_eq!(audit.named("other").describe(), "other (socket)");
        assert!(format!("{audit:?}").contains(r"au\\ndit (socket)"), "{audit:?}");
        deliver(&sink, 1);
        drop((sink, audit));
    });
    assert!(reports[0].starts_with(r"logscope: cannot write to au\ndit (socket): no"), "{reports:?}");
}

#[test]
fn a_standard_stream_keeps_its_name_in_reports() {
    let console = stderr().named("console");
    assert_eq!((console.describe(), console.core().name()), ("console (stderr)", "stderr"));
    assert_eq!(stderr().describe(), "stderr", "another view");
}

#[test]
fn each_option_keeps_the_others() {
    let origin = Origin::now();
    let (sink, _) = memory();
    let sink =
        sink.origin(origin).named("log").verbosity(LevelFilter::WARN).format(Format::json()).queued(Queue::new());
    let sink = sink.sync_at(LevelFilter::ERROR);
    let kept = (sink.describe(), sink.own_verbosity().max_level(), sink.renderer().origin());
    assert_eq!(kept, ("log (memory)", LevelFilter::WARN, Some(origin)));
    assert_eq!(sink.renderer().format().to_string(), "json");
}

#[test]
fn a_level_is_a_threshold() {
    let (all, _) = memory();
    let sink = all.max_level(LevelFilter::INFO);
    let wants = |sink: &Sink, level| with_record(1, |record| sink.wants(&RecordMetadata { level, ..*record.metadata }));
    assert!(wants(&sink, Level::INFO) && !wants(&sink, Level::DEBUG) && wants(&all, Level::TRACE));
    assert!(!wants(&sink.max_level(LevelFilter::OFF), Level::ERROR));
}
