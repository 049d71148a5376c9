//! Reads any bytes as a JSON log. The first byte sets the size of the reader's buffer, and the second the longest line.

#![no_main]

use std::io::BufReader;

use libfuzzer_sys::fuzz_target;
use logscope::read::json_lines;

mod record;

fuzz_target!(|data: &[u8]| {
    let [buffer, longest, log @ ..] = data else { return };
    let longest = usize::from(*longest) * 4;
    let whole: Vec<_> = json_lines(log).max_line_bytes(longest).collect();
    let reader = BufReader::with_capacity(usize::from(*buffer) + 1, log);
    let in_pieces: Vec<_> = json_lines(reader).max_line_bytes(longest).collect();

    assert_eq!(whole.len(), in_pieces.len(), "the size of the reader's buffer matters");
    assert!(whole.len() <= log.split(|byte| *byte == b'\n').count(), "one line gives two items");
    for items in whole.iter().zip(&in_pieces) {
        match items {
            (Ok(one), Ok(other)) => {
                assert_eq!(one, other);
                record::check(one);
            }
            (Err(one), Err(other)) => {
                assert_eq!(one.kind(), logscope::ErrorKind::Parse);
                assert_eq!(one.to_string(), other.to_string());
            }
            differ => panic!("the size of the reader's buffer matters: {differ:?}"),
        }
    }
});
