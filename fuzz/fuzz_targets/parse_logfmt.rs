//! Reads any text as a line of `Format::logfmt`, and what was read once more, as the format writes it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logscope::{RecordBuf, Value};

mod line;
mod record;

fuzz_target!(|text: &str| {
    let mut read = match RecordBuf::parse_logfmt(text) {
        Ok(read) => read,
        Err(error) => return assert!(error.kind() == logscope::ErrorKind::Parse && error.to_string().starts_with("column "), "{error}"),
    };
    record::check(&read);
    line::with_escaped_characters(text, |odd| {
        // Inside of quotes, it is a part of what stands there.
        if let Ok(other) = RecordBuf::parse_logfmt(odd) {
            assert_eq!(shape(&other), shape(&read), "{odd:?}");
        }
    });
    read.timestamp = None;
    let written = line::logfmt(&read);
    let again = RecordBuf::parse_logfmt(&written).unwrap_or_else(|error| panic!("{error}: {written}"));
    assert_eq!(format!("{again:?}"), format!("{read:?}"), "{written}");
    assert_eq!(line::logfmt(&again), written);
});

/// What the line has, whatever the texts in it are.
fn shape(record: &RecordBuf) -> impl PartialEq + std::fmt::Debug {
    let is_text = |value: &Value| matches!(value, Value::Str(_) | Value::List(_));
    let names: Vec<_> = record.fields.iter().map(|(name, value)| (name.clone(), is_text(value))).collect();
    let context = record.context.as_ref().map(|context| context.fields.len());
    let spans: Vec<_> = record.spans.iter().map(|span| span.fields.len()).collect();
    (
        record.level,
        record.elapsed,
        record.seq,
        names,
        context,
        spans,
        (record.message.is_empty(), record.target.is_empty()),
    )
}
