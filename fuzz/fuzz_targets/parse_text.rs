//! Reads any text as a line of `Format::text`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logscope::RecordBuf;

mod record;

fuzz_target!(|line: &str| {
    match RecordBuf::parse_text(line) {
        Ok(record) => record::check(&record),
        Err(error) => assert!(error.is_parse() && error.to_string().starts_with("column "), "{error}"),
    }
});
