//! Records with the spans that they are in.

// Each test binary uses only some of these helpers.
#![allow(dead_code)]

use logscope::sink::Memory;
use serde_json::Value;

/// The records of a JSON log, each as `message` or `message @ outer/inner`, sorted.
pub(crate) fn with_spans(memory: &Memory) -> Vec<String> {
    let mut records: Vec<String> = memory.lines().iter().map(|line| with_span(line)).collect();
    records.sort_unstable();
    records
}

fn with_span(line: &str) -> String {
    let json: Value = serde_json::from_str(line).expect("a line is JSON");
    let message = json["fields"]["message"].as_str().unwrap_or_default();
    let spans = json["spans"].as_array().map(Vec::as_slice).unwrap_or_default();
    let path: Vec<&str> = spans.iter().filter_map(|span| span["name"].as_str()).collect();
    if path.is_empty() { message.to_owned() } else { format!("{message} @ {}", path.join("/")) }
}
