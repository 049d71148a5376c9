//! The values of `log` records are those of events of `tracing`: an error is shown by its text, with its sources, and the fields of one
//! record differ, so that any visitor can tell them apart.
//!
//! The bridge is the one `log` logger of the process.

#![cfg(feature = "testing")]
#![cfg(feature = "log")]
#![allow(clippy::unwrap_used)]

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::{error, fmt, io};

use logscope::sink::{self, RecordOutput};
use logscope::testing::run_together;
use logscope::{Format, OutputContext, Record, RecordBuf};
use tracing::field::{Field, Visit};

fn init() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(logscope::init);
}

/// An error with a source. Its `Debug` has nothing of its text.
#[derive(Debug)]
struct NotSaved(io::Error);

impl fmt::Display for NotSaved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the log is not saved")
    }
}

impl error::Error for NotSaved {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn an_error_is_shown_by_its_text_and_its_sources() {
    init();
    let error = NotSaved(io::Error::other("disk is full"));
    let as_value: &(dyn error::Error + 'static) = &error;
    let read = |format: Format, parse: fn(&str) -> Result<RecordBuf, logscope::Error>| {
        let (sink, memory) = sink::memory();
        let uno = OutputContext::builder("uno").sink(sink.format(format)).build();
        uno.scope(|| {
            log::error!(err:err = error; "said");
            tracing::error!(err = as_value, "said");
        });
        let fields = |line: &str| parse(line).unwrap().fields;
        memory.text().lines().map(fields).collect::<Vec<_>>()
    };
    for lines in [read(Format::text(), RecordBuf::parse_text), read(Format::logfmt(), RecordBuf::parse_logfmt)] {
        assert_eq!(lines[0][0], ("err".to_owned(), "the log is not saved".into()));
        assert_eq!(lines[0], lines[1], "the crates `log` and `tracing` differ");
        assert_eq!(lines[0].len(), 2, "the source is there");
    }
}

/// Collects fields in the ways that a visitor may.
#[derive(Default)]
struct Seen {
    by_field: HashMap<Field, String>,
    by_index: HashMap<usize, String>,
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{}={value:?}", field.name());
        self.by_index.insert(field.index(), text.clone());
        self.by_field.insert(field.clone(), text);
    }
}

#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<Seen>>>);

impl RecordOutput for Output {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        let mut seen = Seen::default();
        record.visit(&mut seen);
        self.0.lock().unwrap().push(seen);
        Ok(())
    }
}

#[test]
fn the_fields_of_a_record_differ_and_stay_the_same_from_record_to_record() {
    init();
    let output = Output::default();
    let uno = OutputContext::builder("uno").sink(sink::records(output.clone())).build();
    uno.scope(|| {
        log::info!(first = 1, second = 2, third = "x"; "said");
        log::warn!(third = "x", first = 1, fourth = 4; "said");
    });
    let seen = std::mem::take(&mut *output.0.lock().unwrap());
    let expected: [HashSet<&str>; 2] = [
        ["message=said", "first=1", "second=2", "third=\"x\""].into(),
        ["message=said", "first=1", "fourth=4", "third=\"x\""].into(),
    ];
    for (seen, expected) in seen.iter().zip(&expected) {
        assert_eq!(seen.by_field.values().map(String::as_str).collect::<HashSet<_>>(), *expected);
        assert_eq!(seen.by_index.values().map(String::as_str).collect::<HashSet<_>>(), *expected);
    }
    for (field, text) in &seen[0].by_field {
        let again = seen[1].by_field.get(field);
        let is_shared = ["first", "third"].contains(&field.name());
        assert_eq!(again.is_some_and(|again| again == text), is_shared, "{field}");
    }
}

/// Threads that log a name at once for the first time agree about its field.
#[test]
fn threads_that_keep_names_at_once_keep_them_apart() {
    init();
    let output = Output::default();
    let uno = OutputContext::builder("uno").sink(sink::records(output.clone())).build();
    let names: Vec<(String, usize)> = (0..20).map(|number| (format!("at once {number}"), number)).collect();
    run_together(4, |_| {
        let said = format_args!("said");
        uno.scope(|| log::logger().log(&log::Record::builder().args(said).key_values(&names).build()));
    });
    let seen = std::mem::take(&mut *output.0.lock().unwrap());
    assert_eq!(seen.len(), 4);
    for one in &seen {
        assert_eq!((one.by_field.len(), one.by_index.len()), (21, 21));
        assert_eq!(one.by_field, seen[0].by_field);
    }
}
