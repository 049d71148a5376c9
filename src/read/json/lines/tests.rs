use std::io::{self, Read};
use std::time::Duration;

use super::*;
use crate::read::cpu_time::within;

const LINE: &str = r#"{"level":"INFO","fields":{"message":"m"},"target":"t"}"#;

fn read(log: &[u8]) -> Vec<Result<String, String>> {
    let text = |item: Result<RecordBuf, Error>| match item {
        Ok(record) => Ok(record.message),
        Err(error) => {
            assert_eq!(error.kind(), crate::ErrorKind::Parse);
            Err(error.to_string())
        }
    };
    json_lines(log).map(text).collect()
}

#[test]
fn reading_goes_on_after_a_bad_line_and_names_it() {
    let log = format!("{LINE}\r\n\n  \n{{\"level\":\"LOUD\"}}\n{LINE}\n\u{0}\n{LINE}");
    let items = read(log.as_bytes());
    assert_eq!(items.len(), 5);
    assert_eq!((&items[0], &items[2], &items[4]), (&Ok("m".into()), &Ok("m".into()), &Ok("m".into())));
    let loud = items[1].as_ref().unwrap_err();
    assert_eq!(
        loud,
        "line 4 is not a record: unknown variant `LOUD`, expected one of `ERROR`, `WARN`, `INFO`, `DEBUG`, `TRACE` \
         (column 16)"
    );
    assert!(items[3].as_ref().unwrap_err().starts_with("line 6 is not a record: expected value (column 1)"));
}

#[test]
fn the_end_of_the_line_and_a_byte_order_mark_are_no_part_of_the_record() {
    let log = format!("\u{feff}{LINE}\r\n{LINE}\r\n{LINE} \r\n\u{feff}{LINE}");
    assert_eq!(read(log.as_bytes()), vec![Ok("m".to_owned()); 4]);
    let longest = json_lines(log.as_bytes()).max_line_bytes(LINE.len());
    let is_read: Vec<_> = longest.map(|item| item.is_ok()).collect();
    assert_eq!(is_read, [false, true, false, false], "the mark and the blank count, the end of the line does not");
    assert_eq!(RecordBuf::parse_json(&format!("\u{feff}{LINE}\r\n")).unwrap(), RecordBuf::parse_json(LINE).unwrap());
}

#[test]
fn a_cut_line_and_bytes_that_are_no_utf8_are_errors() {
    let items = read(&LINE.as_bytes()[..20]);
    assert!(items[0].as_ref().unwrap_err().ends_with("; the line has no end: the log may have been cut here"));
    let items = read(b"{\"level\":\"INFO\",\"target\":\"\xff\"}\n");
    assert!(items[0].as_ref().unwrap_err().starts_with("line 1 is not a record: "), "{items:?}");
}

#[test]
fn a_line_that_is_too_long_is_skipped_and_not_held_in_memory() {
    let exact = LINE.len();
    let log = format!("{LINE}\n{LINE} \n{}\n{LINE}", "x".repeat(3 * exact));
    let mut lines = json_lines(BufReader::with_capacity(7, log.as_bytes())).max_line_bytes(exact);
    let items: Vec<_> = lines
        .by_ref()
        .map(|item| item.map_err(|error| (error.kind() == crate::ErrorKind::Parse, error.to_string())))
        .collect();
    assert_eq!(items.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, false, true]);
    let (is_parse, text) = items[2].as_ref().unwrap_err();
    assert!(
        *is_parse && text.starts_with(&format!("line 3 is not a record: it is longer than {exact} bytes")),
        "{text}"
    );

    // A file without line ends, many times larger than the limit.
    let endless = BufReader::new(io::repeat(0).take(64 << 20)).chain(LINE.as_bytes());
    let mut lines = json_lines(endless).max_line_bytes(1_000);
    assert!(lines.next().is_some_and(|item| item.is_err()) && lines.next().is_none());
    assert!(lines.line.capacity() < 10_000);
}

#[test]
fn a_record_of_many_fields_is_read_in_linear_time() {
    let line = |last: &str| {
        let fields = (0..200_000).map(|number| format!("\"a long name for field {number}\":1,"));
        format!("{{\"level\":\"INFO\",\"fields\":{{{}\"{last}\":1}}}}", fields.collect::<String>())
    };
    // Comparing each name with all others would take minutes, and under a sanitizer much longer.
    let limit = Duration::from_secs(if cfg!(logscope_sanitizer) { 300 } else { 30 });
    within(limit, || {
        let record = RecordBuf::parse_json(&line("z")).unwrap();
        assert_eq!(record.fields.len(), 200_001);
        assert_eq!(RecordBuf::parse_json(&serde_json::to_string(&record).unwrap()).unwrap(), record);
        for twice in ["a long name for field 3", "a long name for field 199999"] {
            let error = RecordBuf::parse_json(&line(twice)).unwrap_err().to_string();
            assert!(error.contains(&format!("the field `{twice}` is there twice")), "{error}");
        }
    });
}

#[test]
fn an_error_of_the_reader_is_the_last_item() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("unplugged"))
        }
    }
    let log = format!("{LINE}\n");
    let mut items = json_lines(BufReader::new(log.as_bytes().chain(Fails)));
    assert!(items.next().unwrap().is_ok());
    let error = items.next().unwrap().unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Read);
    assert_eq!(error.to_string(), "reading the log failed in line 2");
    assert_eq!(format!("{error:#}"), "reading the log failed in line 2: unplugged");
    assert!(items.next().is_none());
}

#[test]
fn opening_a_missing_file_fails_with_its_path() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("none.jsonl");
    let error = json_file(&path).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Read);
    assert!(error.to_string().contains("none.jsonl"));
    std::fs::write(&path, format!("{LINE}\n")).unwrap();
    assert_eq!(json_file(&path).unwrap().count(), 1);
}

#[test]
fn errors_show_what_controls_a_terminal_as_escapes() {
    let error = json_file("/no such directory/n\u{1b}[31m\u{202e}.log").map(drop).unwrap_err();
    assert_eq!(error.to_string(), r"cannot open /no such directory/n\x1b[31m\u{202e}.log to read it");
    for line in [
        r#"{"level":"\u001b[31m\n\u202e"}"#,
        "{\"level\":\"INFO\",\"seq\":\"\u{9b}\"}",
        r#"{"level":"INFO","fields":"\u001b"}"#,
    ] {
        let text = json_lines(line.as_bytes()).next().unwrap().unwrap_err().to_string();
        assert!(!text.contains(crate::format::escape::is_escaped), "{text:?}");
    }
}
