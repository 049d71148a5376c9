//! Reads any text as a line of `Format::logfmt`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logscope::RecordBuf;

mod record;

fuzz_target!(|line: &str| {
    match RecordBuf::parse_logfmt(line) {
        Ok(record) => record::check(&record),
        Err(error) => assert!(error.is_parse() && error.to_string().starts_with("column "), "{error}"),
    }
});
