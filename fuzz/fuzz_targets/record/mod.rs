//! What every record that was read must satisfy, whatever its format.

use logscope::RecordBuf;

/// Checks that `serde` writes `record` as one line that reads back. The first time some parts change, because JSON has no such values
/// (integers of 128 bits, nanoseconds, names that are there twice); after that, nothing does.
pub fn check(record: &RecordBuf) {
    let line = serde_json::to_string(record).expect("every record can be written");
    assert!(!line.contains('\n'), "{line}");
    let once = RecordBuf::parse_json(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let again = serde_json::to_string(&once).expect("every record can be written");
    assert_eq!(RecordBuf::parse_json(&again).unwrap_or_else(|error| panic!("{error}: {again}")), once, "{line}");
}
