//! Reads any text as a line of `Format::text`, and what was read once more, as the format writes it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logscope::RecordBuf;

mod line;
mod record;

fuzz_target!(|text: &str| {
    let mut read = match RecordBuf::parse_text(text) {
        Ok(read) => read,
        Err(error) => return assert!(error.kind() == logscope::ErrorKind::Parse && error.to_string().starts_with("column "), "{error}"),
    };
    record::check(&read);
    line::with_escaped_characters(text, |odd| assert!(RecordBuf::parse_text(odd).is_err(), "{odd:?} is read"));
    read.timestamp = None;
    let written = line::text(&read);
    let mut again = RecordBuf::parse_text(&written).unwrap_or_else(|error| panic!("{error}: {written}"));
    if again.message != read.message {
        // The one exception: where what was escaped is shown as it is, the end of the message looks like fields.
        assert!(text.contains('\\') && read.message.starts_with(&again.message), "{text:?} is written as {written:?}");
        let from_message = again.fields.len() - read.fields.len();
        again.fields.drain(..from_message);
        again.message.clone_from(&read.message);
    }
    assert_eq!(format!("{again:?}"), format!("{read:?}"), "{written}");
});
