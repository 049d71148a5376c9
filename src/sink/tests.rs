//! Tests of what every sink promises, whatever its output: P2 (ledger), P3 (whole), P4 (harmless), P5 (told).

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tracing::level_filters::LevelFilter;

use super::test_support::{ParsedLine, deliver, lose, with_record, with_record_of};
use super::*;
use crate::bytes::scripted::{Scripted, Step};
use crate::delivery::Fate;
use crate::fallback::capture_reports;
use crate::format::{Format, Screen, with_scratch};
use crate::output::is_inside_output;
use crate::record::{Record, RecordBuf};
use crate::sync::{Arc, Mutex};

/// Returns a sink that writes JSON to `writer`, whose lines a test can parse.
fn json(writer: &Scripted) -> Sink {
    super::writer(writer.clone()).format(Format::json())
}

#[test]
fn one_record_is_one_line_and_one_write() {
    let writer = Scripted::default();
    let sink = json(&writer);
    for seq in 1..=3 {
        assert_eq!(deliver(&sink, seq), Fate::Written);
    }
    assert_eq!(writer.lines(), [ParsedLine::Record(1), ParsedLine::Record(2), ParsedLine::Record(3)]);
    assert_eq!(writer.writes(), 3);
    assert_eq!(sink.ledger(), Ledger { accepted: 3, written: 3, ..Ledger::default() });
}

#[test]
fn an_outage_is_counted_and_reported_once_and_a_notice_ends_it() {
    let writer = Scripted::new([Step::Take, Step::Full, Step::Full, Step::Full]);
    let sink = json(&writer);
    let (_, reports) = capture_reports(|| (1..=6).for_each(|seq| _ = deliver(&sink, seq)));
    assert_eq!(
        writer.lines(),
        [ParsedLine::Record(1), ParsedLine::Failed(3), ParsedLine::Record(5), ParsedLine::Record(6)]
    );
    assert_eq!((sink.ledger().written, sink.ledger().failed), (3, 3));
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(reports[0].contains("cannot write to writer") && reports[0].contains("no storage space"), "{reports:?}");

    writer.then([Step::Full]);
    let (_, reports) = capture_reports(|| _ = deliver(&sink, 7));
    assert_eq!(reports.len(), 1, "another outage is reported again");
    let ((), reports) = capture_reports(|| drop(sink));
    assert!(reports[0].contains("no notice of 1 record that could not be written"), "{reports:?}");
}

#[test]
fn a_record_after_a_torn_line_starts_on_a_line_of_its_own() {
    let writer = Scripted::new([Step::Short(5), Step::Full]);
    let sink = json(&writer);
    let (_, _reports) = capture_reports(|| (1..=2).for_each(|seq| _ = deliver(&sink, seq)));
    assert_eq!(writer.lines(), [ParsedLine::Fragment, ParsedLine::Failed(1), ParsedLine::Record(2)]);
    assert_eq!(writer.writes(), 4, "the newline that ends the torn line is part of the next write");
}

#[test]
fn a_line_that_lacks_only_its_newline_counts_as_written() {
    let line_length = {
        let writer = Scripted::default();
        deliver(&json(&writer), 1);
        writer.text().len()
    };
    let writer = Scripted::new([Step::Short(line_length - 1), Step::Full]);
    let sink = json(&writer);
    assert_eq!(deliver(&sink, 1), Fate::Written);
    assert_eq!(deliver(&sink, 2), Fate::Written);
    assert_eq!(writer.lines(), [ParsedLine::Record(1), ParsedLine::Record(2)]);
}

#[test]
fn a_notice_counts_dropped_records() {
    let writer = Scripted::default();
    let sink = json(&writer);
    lose(&sink, 2);
    deliver(&sink, 3);
    assert_eq!(writer.lines(), [ParsedLine::Dropped(2), ParsedLine::Record(3)]);
    assert_eq!(sink.ledger(), Ledger { accepted: 3, written: 1, dropped: 2, ..Ledger::default() });
}

#[test]
fn losses_without_a_notice_are_reported_when_the_sink_is_dropped() {
    let sink = json(&Scripted::default());
    lose(&sink, 2);
    let ((), reports) = capture_reports(|| drop(sink));
    assert_eq!(reports.len(), 1);
    assert!(reports[0].contains("2 records that never reached it"), "{reports:?}");
}

#[test]
fn a_threshold_leaves_out_records_and_adds_none() {
    let writer = Scripted::default();
    let all = json(&writer);
    let sink = all.max_level(LevelFilter::INFO);
    for sink in [&all, &sink, &sink.max_level(LevelFilter::ERROR)] {
        deliver(sink, 1);
    }
    assert_eq!(writer.lines(), [ParsedLine::Record(1); 3]);
}

#[test]
fn a_notice_belongs_to_the_context_that_misses_the_records() {
    let contexts = [1, 2].map(|id| {
        let fields = vec![("env".to_owned(), crate::Value::from(id))];
        crate::record::ContextInfo::new(format!("context {id}"), id, fields)
    });
    let deliver = |sink: &Sink, context: usize, seq| {
        with_record_of(&contexts[context - 1], seq, |record| {
            with_scratch(|scratch| sink.deliver(record, scratch, None))
        });
    };
    let notice = |losers: &[usize], recovers: usize| {
        let writer = Scripted::new(losers.iter().map(|_| Step::Full));
        let sink = json(&writer);
        capture_reports(|| {
            losers.iter().for_each(|loser| deliver(&sink, *loser, 5_000));
            deliver(&sink, recovers, 7_000);
        });
        let notice: serde_json::Value = serde_json::from_str(writer.text().lines().next().unwrap()).unwrap();
        assert_eq!(notice["fields"]["failed"], losers.len());
        format!("{} {}", notice["context"], notice["elapsed"])
    };
    assert_eq!(notice(&[1, 1], 1), r#"{"fields":{"env":1},"id":1,"name":"context 1"} 7.0"#);
    assert_eq!(notice(&[1, 1], 2), r#"{"id":1,"name":"context 1"} 5.0"#);
    assert_eq!(notice(&[1, 2], 1), r#"{"id":0,"name":"logscope"} 7.0"#);
}

#[test]
fn dropped_records_are_reported_once_until_a_notice_counts_them() {
    let sink = json(&Scripted::default());
    let report = |count| capture_reports(|| lose(&sink, count)).1;
    let first = report(2);
    assert_eq!(first.len(), 1);
    assert!(first[0].contains("records for writer are dropped"), "{first:?}");
    assert!(report(1).is_empty());
    deliver(&sink, 4);
    assert_eq!(report(1).len(), 1, "another outage is reported again");
    drop(capture_reports(|| drop(sink)));
}

#[test]
fn views_share_output_and_ledger() {
    let (text, memory) = memory();
    let json = text.format(Format::json());
    deliver(&text, 1);
    deliver(&json, 2);
    assert_eq!(memory.len(), 2);
    assert_eq!(text.ledger().written, 2);
    assert_eq!(ParsedLine::parse(&memory.lines()[1]), ParsedLine::Record(2));
    memory.clear();
    assert!(memory.is_empty());
    assert_ne!(text.renderer(), json.renderer());
    assert_eq!(text.renderer(), text.max_level(LevelFilter::WARN).renderer());
}

/// Panics with a payload that panics again when it is dropped.
fn panic_twice() -> ! {
    struct Again;
    impl Drop for Again {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new("again"));
        }
    }
    std::panic::resume_unwind(Box::new(Again))
}

#[test]
fn an_output_that_panics_fails_the_record() {
    struct Panics;
    impl Output for Panics {
        fn write(&self, _: Line<'_>) -> io::Result<()> {
            panic_twice()
        }
        fn flush(&self, _: Duration) -> io::Result<()> {
            panic_twice()
        }
    }
    impl RecordOutput for Panics {
        fn write(&self, _: &Record<'_>) -> io::Result<()> {
            panic_twice()
        }
    }
    impl Drop for Panics {
        fn drop(&mut self) {
            panic_twice()
        }
    }
    for sink in [custom(Panics), records(Panics), callback(|_| panic_twice())] {
        let ((), reports) = capture_reports(|| {
            assert_eq!(deliver(&sink, 1), Fate::Failed);
            assert_eq!(deliver(&sink, 2), Fate::Failed);
            assert!(!is_inside_output());
            assert_eq!(sink.flush(Duration::ZERO).failed, 2);
            drop(sink);
        });
        assert!(reports[0].contains("it panicked"), "{reports:?}");
    }
}

#[test]
fn a_writer_is_used_again_after_its_panic() {
    let writer = Scripted::new([Step::Panic(7)]);
    let sink = json(&writer);
    let (_, _reports) = capture_reports(|| (1..=2).for_each(|seq| _ = deliver(&sink, seq)));
    assert_eq!(writer.lines(), [ParsedLine::Fragment, ParsedLine::Failed(1), ParsedLine::Record(2)]);
}

#[test]
fn an_error_may_panic_when_it_is_displayed_or_dropped() {
    #[derive(Debug)]
    struct PanickingError;
    impl std::error::Error for PanickingError {}
    impl fmt::Display for PanickingError {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic_twice()
        }
    }
    impl Drop for PanickingError {
        fn drop(&mut self) {
            panic_twice()
        }
    }
    struct Fails;
    impl Output for Fails {
        fn write(&self, _: Line<'_>) -> io::Result<()> {
            Err(io::Error::other(PanickingError))
        }
    }
    let sink = custom(Fails);
    let (delivery, reports) = capture_reports(|| deliver(&sink, 1));
    assert_eq!(delivery, Fate::Failed);
    assert!(reports[0].contains("cannot write to custom output: <panicked>"), "{reports:?}");
    drop(capture_reports(|| drop(sink)));
}

#[test]
fn sinks_deliver_while_a_thread_unwinds() {
    struct LogsInDrop(Sink);
    impl Drop for LogsInDrop {
        fn drop(&mut self) {
            deliver(&self.0, 1);
            deliver(&self.0, 2);
        }
    }
    let writer = Scripted::new([Step::Panic(3)]);
    let logs = LogsInDrop(json(&writer));
    let (_, _reports) = capture_reports(|| {
        catch_unwind(AssertUnwindSafe(move || {
            let _logs = logs;
            std::panic::resume_unwind(Box::new("outer"))
        }))
    });
    assert_eq!(writer.lines(), [ParsedLine::Fragment, ParsedLine::Failed(1), ParsedLine::Record(2)]);
}

#[test]
fn the_thread_is_marked_while_it_runs_an_output() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let put = Arc::clone(&seen);
    let sink = callback(move |_| put.lock().push(is_inside_output()));
    assert!(!is_inside_output());
    deliver(&sink, 1);
    assert!(!is_inside_output());
    assert_eq!(*seen.lock(), [true]);
}

#[test]
fn a_callback_gets_each_line_without_its_newline() {
    let (sender, lines) = std::sync::mpsc::channel();
    let sink = callback(move |line| sender.send(line.to_owned()).unwrap()).format(Format::json());
    deliver(&sink, 1);
    lose(&sink, 1);
    deliver(&sink, 3);
    drop(sink);
    let lines: Vec<_> = lines.iter().collect();
    assert!(lines.iter().all(|line| !line.contains('\n')), "{lines:?}");
    let lines: Vec<_> = lines.iter().map(|line| ParsedLine::parse(line)).collect();
    assert_eq!(lines, [ParsedLine::Record(1), ParsedLine::Dropped(1), ParsedLine::Record(3)]);
}

#[test]
fn a_record_output_gets_records_and_notices() {
    #[derive(Clone, Default)]
    struct Capture(Arc<Mutex<Vec<RecordBuf>>>);
    impl RecordOutput for Capture {
        fn write(&self, record: &Record<'_>) -> io::Result<()> {
            self.0.lock().push(record.to_buf());
            Ok(())
        }
    }
    let capture = Capture::default();
    let sink = records(capture.clone());
    deliver(&sink, 1);
    lose(&sink, 4);
    deliver(&sink, 6);
    let seen = capture.0.lock();
    assert_eq!(seen.iter().map(|record| record.seq).collect::<Vec<_>>(), [Some(1), None, Some(6)]);
    assert_eq!(seen[1].field("dropped").and_then(crate::Value::as_u64), Some(4));
    assert_eq!(seen[2].message, "record 6");
}

#[test]
fn a_pointer_to_an_output_is_that_output() {
    struct Own;
    impl Output for Own {
        fn write(&self, _: Line<'_>) -> io::Result<()> {
            Err(io::Error::other("own write"))
        }
        fn flush(&self, deadline: Duration) -> io::Result<()> {
            Err(io::Error::other(format!("own flush {}", deadline.as_secs_f64().ceil())))
        }
        fn is_terminal(&self) -> bool {
            true
        }
        fn describe(&self) -> String {
            "own".to_owned()
        }
    }
    impl RecordOutput for Own {
        fn write(&self, _: &Record<'_>) -> io::Result<()> {
            Err(io::Error::other("own write"))
        }
        fn flush(&self, deadline: Duration) -> io::Result<()> {
            Err(io::Error::other(format!("own flush {}", deadline.as_secs_f64().ceil())))
        }
        fn describe(&self) -> String {
            "own".to_owned()
        }
    }
    let (lines, taken): (Box<dyn Output>, Arc<dyn RecordOutput>) = (Box::new(Own), Arc::new(Own));
    assert_eq!(custom(Arc::new(Own)).0.core.screen(), Screen::Terminal);
    for sink in [custom(lines), custom(Arc::new(Own)), records(taken), records(Box::new(Own))] {
        let (_, reports) = capture_reports(|| {
            deliver(&sink, 1);
            let _ = sink.flush(Duration::from_secs(7));
            drop(sink);
        });
        assert!(reports[0].starts_with("logscope: cannot write to own: own write"), "{reports:?}");
        assert_eq!(reports[1], "logscope: cannot flush own: own flush 7\n");
    }
}

#[test]
fn the_environment_colours_only_standard_streams() {
    for console in [stdout(), stderr()] {
        assert_ne!(console.0.core.screen(), Screen::None);
    }
    let told = [false, true].map(|is_terminal| terminal_writer(Vec::new(), is_terminal).0.core.screen());
    assert_eq!(told, [Screen::None, Screen::Terminal], "a writer that was told");
    for other in [memory().0, writer(Vec::new()), callback(|_| {}), test(), null()] {
        assert_eq!(other.0.core.screen(), Screen::None);
    }
}

#[test]
fn many_threads_count_each_loss_in_one_notice() {
    const THREADS: u64 = 4;
    const RECORDS: u64 = 500;
    let steps = (0..THREADS * RECORDS).map(|n| if n % 3 == 0 { Step::Full } else { Step::Take });
    let writer = Scripted::new(steps);
    let sink = json(&writer);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let sink = &sink;
            scope.spawn(move || {
                capture_reports(|| (0..RECORDS).for_each(|n| _ = deliver(sink, thread * RECORDS + n)));
            });
        }
    });
    writer.recover();
    deliver(&sink, u64::MAX);
    let lines = writer.lines();
    let written = lines.iter().filter(|line| matches!(line, ParsedLine::Record(_))).count() as u64;
    let counted: u64 = lines.iter().map(|line| if let ParsedLine::Failed(count) = line { *count } else { 0 }).sum();
    let ledger = sink.ledger();
    assert_eq!(ledger.accepted, THREADS * RECORDS + 1);
    assert_eq!((ledger.written, ledger.failed), (written, counted));
    assert!(counted > 0);
}

#[test]
fn null_takes_every_record() {
    let sink = null();
    assert_eq!(deliver(&sink, 1), Fate::Written);
    assert!(sink.flush(Duration::ZERO).is_complete());
    assert_eq!(sink.describe(), "null");
    with_record(1, |record| assert_eq!(record.seq(), Some(1)));
}
