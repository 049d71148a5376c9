use std::time::Duration;

use super::*;
use crate::format::test_support::wall;
use crate::read::cpu_time::within;
use crate::record::Value;

const ALL: TextParts = TextParts { context: true, target: true, location: false, fields: true };

fn parse(line: &str) -> Result<RecordBuf, Error> {
    super::parse(line, ALL)
}

/// The message and the fields of a line that ends in `rest`.
fn message(rest: &str) -> (String, Vec<(String, Value)>) {
    let record = parse(&format!("INFO  uno t: {rest}")).unwrap();
    (record.message, record.fields)
}

fn error(line: &str) -> String {
    parse(line).unwrap_err().to_string()
}

#[test]
fn every_part_is_read() {
    let record = parse(concat!(
        r#"2026-11-21T09:08:00.123456Z 00:01.234567 #42 ["wor ker"] WARN  "u no"{env=x} build{n=1}:"a:b" my::mod: "#,
        r#"it\\s: broken size=12 err=x err.sources=["a", "b"]"#
    ));
    let record = record.unwrap();
    assert_eq!(record.timestamp, Some(wall()));
    assert_eq!(record.elapsed, Some(Duration::from_micros(1_234_567)));
    assert_eq!((record.seq, record.thread_name.as_deref(), record.level), (Some(42), Some("wor ker"), Level::WARN));
    let context = record.context.unwrap();
    assert_eq!((context.name.as_str(), context.fields), ("u no", vec![("env".to_owned(), "x".into())]));
    assert_eq!(record.spans[0].fields, [("n".to_owned(), 1.into())]);
    assert_eq!(record.spans[1].name, "a:b");
    assert_eq!((record.target.as_str(), record.message.as_str()), ("my::mod", "it\\s: broken"));
    assert_eq!(record.fields[2], ("err.sources".to_owned(), Value::List(vec!["a".to_owned(), "b".to_owned()])));
}

#[test]
fn a_target_is_distinguished_from_spans_and_from_the_message() {
    for (line, spans, target, message) in [
        ("INFO  uno t: m", 0, "t", "m"),
        ("INFO  uno a:b t: m", 2, "t", "m"),
        ("INFO  uno a::b: c: m", 0, "a::b", "c: m"),
        ("INFO  uno t: a b: c", 0, "t", "a b: c"),
        ("INFO  uno t:: m", 0, "t:", "m"),
        ("INFO  uno \"t: t\": m", 0, "t: t", "m"),
        ("INFO  uno \"s\" \"\": m", 1, "", "m"),
        ("INFO  uno t:", 0, "t", ""),
    ] {
        let record = parse(line).unwrap();
        assert_eq!((record.spans.len(), &*record.target, &*record.message), (spans, target, message), "{line}");
    }
}

#[test]
fn the_fields_are_the_longest_tail_that_is_all_fields() {
    for (rest, expected, fields) in [
        ("m a=1 b=2", "m", 2),
        ("a=1 b=2", "", 2),
        ("a=1 m b=2", "a=1 m", 1),
        ("1 + 1 = 2", "1 + 1 = 2", 0),
        ("x= y", "x= y", 0),
        ("see http://x/?a=b", "see http://x/?a=b", 0),
        ("m a=\"b=1 c\"", "m", 1),
        ("m k=\"a x=\" foo b=\"", "m k=\"a", 1),
        ("m \"a b\"=1", "m", 1),
        ("m v=[\"a\", \"b=1\"]", "m", 1),
        ("m v=[1, 2]", "m v=[1, 2]", 0),
        ("m  a=1", "m ", 1),
        ("m a=1 ", "m a=1 ", 0),
    ] {
        let (message, found) = message(rest);
        assert_eq!((message.as_str(), found.len()), (expected, fields), "{rest}");
    }
}

#[test]
fn a_long_line_takes_linear_time() {
    // A quadratic search takes many minutes.
    within(Duration::from_secs(20), || {
        for piece in ["a=\"", "a=[\"", "a=b x ", "\\\\\" "] {
            let line = format!("INFO  uno t: {}", format!("{piece} ").repeat(60_000));
            let _ = parse(&line);
        }
    });
}

#[test]
fn colour_and_continuation_lines_are_removed() {
    let colored = "\x1b[2m00:01.5\x1b[0m \x1b[33mWARN \x1b[0m \x1b[1muno\x1b[0m \x1b[2mt:\x1b[0m x a=1\n";
    assert_eq!(parse(colored).unwrap(), parse("00:01.5 WARN  uno t: x a=1").unwrap());
    let several = "INFO  uno t: x\n      | y\n      | \n      |  z a=1\n";
    assert_eq!(parse(several).unwrap().message, "x\ny\n\n z");
}

#[test]
fn an_error_names_the_column_and_what_is_expected() {
    assert_eq!(
        error(""),
        "column 1: expected a level (`ERROR`, `WARN `, `INFO `, `DEBUG` or `TRACE`), found the end of the line"
    );
    assert!(error("00:01.5 INFORM uno t: x").starts_with("column 9: expected a level"));
    assert_eq!(error("INFO  =x"), "column 7: expected the name of a context, found \"=x\"");
    assert_eq!(error("INFO  é{a} t: x"), "column 10: expected `=`, found \"} t: x\"");
    assert_eq!(error("INFO  uno no target"), "column 14: expected the target and a `:`, found \"target\"");
    assert_eq!(error("INFO  uno t:x"), "column 11: expected the target and a `:`, found \"t:x\"");
    assert!(error("INFO  uno t: a\\q").starts_with("column 15: expected an escape"));
    assert_eq!(error("INFO  uno{a=\"x} t: x"), "column 21: expected a closing `\"`, found the end of the line");
    assert!(error("INFO  uno t: x\nINFO  uno t: y").contains("expected `|`"));
}

#[test]
fn the_end_of_the_line_and_a_byte_order_mark_are_no_part_of_the_record() {
    let line = "00:01.5 INFO  uno t: m a=1 b=x";
    for around in [format!("{line}\r\n"), format!("{line}\r"), format!("\u{feff}{line}\n")] {
        assert_eq!(parse(&around).unwrap(), parse(line).unwrap(), "{around:?}");
    }
    let several = "INFO  uno t: x\r\n      | y a=1\r\n";
    assert_eq!(parse(several).unwrap(), parse("INFO  uno t: x\\ny a=1").unwrap());
    // The format escapes control characters. Beside one that another program has put there, a field would be read as text.
    let found = "expected an escape in place of a control character or an invisible one (as `\\r` or `\\u{feff}`), found \"\\r b=2\"";
    assert_eq!(error("INFO  uno t: m a=1\r b=2"), format!("column 19: {found}"));
    assert!(error("INFO  uno t: m\ta=1").starts_with("column 15: expected an escape"));
}

/// The format writes none of these characters. Beside one that another program has put there, a field would be read as text.
#[test]
fn an_invisible_character_is_an_error() {
    for character in ['\u{feff}', '\u{2028}', '\u{202e}', '\u{200b}', '\u{ad}', '\u{3164}', '\u{7f}'] {
        for (line, column) in [
            (format!("00:01.5 INFO  uno t: paid amount=12{character}"), 36),
            (format!("00:01.5 INFO  uno t: paid amount={character}12 b=1"), 34),
            (format!("INFO  uno t: paid {character}amount=12"), 19),
            (format!("INFO  uno t: paid amount=\"12{character}\""), 29),
            (format!("INFO  uno t{character}: paid"), 12),
        ] {
            assert!(
                error(&line).starts_with(&format!("column {column}: expected an escape")),
                "{line:?}: {}",
                error(&line)
            );
        }
    }
    // Spaces and joiners are written as they are.
    assert_eq!(message("m\u{a0}a \u{200d}x"), ("m\u{a0}a \u{200d}x".to_owned(), vec![]));
}

#[test]
fn a_location_is_one_with_a_line_or_in_quotes() {
    let format = |context, target| crate::Format::text().context(context).target(target).location(true);
    for (context, target, line, spans, file, number, message) in [
        (true, true, "INFO  u t: a.rs:12: m", 0, Some("a.rs"), Some(12), "m"),
        (true, true, "INFO  u t: error: x", 0, None, None, "error: x"),
        (true, true, "INFO  u t: \"a:5\": m", 0, Some("a:5"), None, "m"),
        (true, true, "INFO  u t: \"a b.rs\":5: m", 0, Some("a b.rs"), Some(5), "m"),
        (true, true, "INFO  u t: \"hello\" world", 0, None, None, "\"hello\" world"),
        (true, true, "INFO  u t: \"hello", 0, None, None, "\"hello"),
        (true, true, "INFO  u t: a.rs:12:", 0, Some("a.rs"), Some(12), ""),
        (true, false, "INFO  u s:r: a.rs:12: m", 2, Some("a.rs"), Some(12), "m"),
        (true, false, "INFO  u: plain words", 0, None, None, "plain words"),
        (false, false, "INFO  build: plain words", 1, None, None, "plain words"),
        (false, false, "INFO  a.rs:33: error: x", 0, Some("a.rs"), Some(33), "error: x"),
        (false, false, "INFO  build: a.rs:33: error: x", 1, Some("a.rs"), Some(33), "error: x"),
        (false, false, "INFO ", 0, None, None, ""),
    ] {
        let record = format(context, target).parse(line).unwrap();
        assert_eq!((record.spans.len(), record.file.as_deref(), record.line), (spans, file, number), "{line}");
        assert_eq!(record.message, message, "{line}");
    }
}
