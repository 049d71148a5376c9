//! Tests of `text`.

use crate::format::test_support::Fixture;
use crate::record::Value;
use crate::{Color, Format, Time};

fn line(format: Format, log: impl FnOnce()) -> String {
    Fixture::new().line(format, log)
}

fn text(log: impl FnOnce()) -> String {
    line(Format::text(), log)
}

#[test]
fn a_line_says_when_who_where_and_what() {
    let log = || {
        let _build = tracing::info_span!("build", unit = "core").entered();
        let _link = tracing::info_span!("link").entered();
        tracing::info!(target: "linker", size = 12, path = "a b", "linking {}", "main.o");
    };
    assert_eq!(
        Fixture::new().with_context("uno", &[("env", Value::from("x"))]).line(Format::text(), log),
        "00:01.234567 INFO  uno{env=x} build{unit=core}:link linker: linking main.o size=12 path=\"a b\"\n"
    );
}

#[test]
fn each_level_fills_its_column() {
    use tracing::{debug, error, info, trace, warn};
    assert_eq!(text(|| error!(target: "t", "x")), "00:01.234567 ERROR uno t: x\n");
    assert_eq!(text(|| warn!(target: "t", "x")), "00:01.234567 WARN  uno t: x\n");
    assert_eq!(text(|| info!(target: "t", "x")), "00:01.234567 INFO  uno t: x\n");
    assert_eq!(text(|| debug!(target: "t", "x")), "00:01.234567 DEBUG uno t: x\n");
    assert_eq!(text(|| trace!(target: "t", "x")), "00:01.234567 TRACE uno t: x\n");
}

#[test]
fn each_value_has_its_form() {
    assert_eq!(
        text(|| tracing::info!(
            target: "t",
            int = -1_i128, float = 1.0, nan = f64::NAN, inf = f64::NEG_INFINITY, yes = true, word = "core", looks = "12",
            none = "", debug = ?Some(3), spaced = ?[1, 2], bytes = &b"\xde\xad"[..], "x"
        )),
        "00:01.234567 INFO  uno t: x int=-1 float=1.0 nan=NaN inf=-inf yes=true word=core looks=\"12\" none=\"\" \
         debug=Some(3) spaced=\"[1, 2]\" bytes=\"[de ad]\"\n"
    );
}

#[test]
fn a_string_or_a_path_that_debug_has_quoted_is_quoted_once() {
    let path = std::path::Path::new("C:\\my files");
    let log = || {
        let _span = tracing::info_span!("s", file = ?path, word = ?"core").entered();
        tracing::info!(target: "t", path = ?path, word = ?"core", none = ?"", quote = ?"\"", some = ?Some("a"), "x");
    };
    assert_eq!(
        text(log),
        r#"00:01.234567 INFO  uno s{file="C:\\my files" word="core"} t: x path="C:\\my files" word="core" none="" quote="\"" "#.to_owned()
            + "some=\"Some(\\\"a\\\")\"\n"
    );
    let record = crate::RecordBuf::parse_text(&text(log)).unwrap();
    assert_eq!(record.field("path").and_then(Value::as_str), Some("C:\\my files"));
    assert_eq!(record.spans[0].fields[0].1.as_str(), Some("C:\\my files"));
}

#[test]
fn an_error_is_followed_by_its_sources() {
    let error = std::io::Error::other(Outer(Inner));
    assert_eq!(
        text(|| tracing::warn!(target: "t", err = &error as &(dyn std::error::Error + 'static), "failed")),
        "00:01.234567 WARN  uno t: failed err=outer err.sources=[\"inner: \\\"x\\\"\"]\n"
    );
}

#[derive(Debug)]
struct Outer(Inner);
#[derive(Debug)]
struct Inner;
impl std::fmt::Display for Outer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("outer")
    }
}
impl std::fmt::Display for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("inner: \"x\"")
    }
}
impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}
impl std::error::Error for Inner {}

#[test]
fn the_message_comes_first_wherever_it_was_put() {
    let expected = "00:01.234567 INFO  uno t: late a=1 b=2\n";
    assert_eq!(text(|| tracing::info!(target: "t", a = 1, message = "late", b = 2)), expected);
    assert_eq!(text(|| tracing::info!(target: "t", a = 1, message = ?format_args!("late"), b = 2)), expected);
    assert_eq!(text(|| tracing::info!(target: "t", a = 1, b = 2)), "00:01.234567 INFO  uno t: a=1 b=2\n");
    assert_eq!(text(|| tracing::info!(target: "t", message = 5, b = 2)), "00:01.234567 INFO  uno t: 5 b=2\n");
    assert_eq!(text(|| tracing::info!(target: "t", "")), "00:01.234567 INFO  uno t:\n");
}

#[test]
fn names_are_unique_and_quoted_where_they_are_not_plain() {
    assert_eq!(
        text(|| tracing::info!(target: "t", x = 1, x = 2, "a b" = 3, "a b" = 4, "c=" = 5, r#type = 6)),
        "00:01.234567 INFO  uno t: x=1 x#2=2 \"a b\"=3 \"a b#2\"=4 \"c=\"=5 type=6\n"
    );
}

#[test]
fn all_options_show_all_there_is() {
    let format = Format::text().time(Time::Both).seq(true).thread_name(true).location(true);
    let log = || tracing::info!(target: "t", "x");
    let place = line!() - 1;
    let thread = std::thread::Builder::new().name("wor ker".to_owned());
    let written = thread.spawn(move || line(format, log)).unwrap().join().unwrap();
    assert_eq!(
        written,
        format!(
            "2026-11-21T09:08:00.123456Z 00:01.234567 #42 [\"wor ker\"] INFO  uno t: {}:{place}: x\n",
            file!().replace('\\', "\\\\")
        )
    );
    let bare = Format::text().time(Time::None).context(false).target(false);
    assert_eq!(line(bare, || tracing::info!(target: "t", "x")), "INFO  x\n");
}

#[test]
fn a_record_without_a_number_shows_none() {
    let fixture = Fixture { seq: None, ..Fixture::new() };
    let format = Format::text().time(Time::None).seq(true);
    assert_eq!(fixture.line(format, || tracing::info!(target: "t", "x")), "INFO  uno t: x\n");
}

#[test]
fn what_is_not_a_plain_word_is_quoted_before_the_message() {
    let log = || {
        let _span = tracing::info_span!("a:b", "x y" = 1).entered();
        tracing::info!(target: "t: t", "x");
    };
    assert_eq!(
        Fixture::new().with_context("u no", &[]).line(Format::text(), log),
        "00:01.234567 INFO  \"u no\" \"a:b\"{\"x y\"=1} \"t: t\": x\n"
    );
}

#[test]
fn control_characters_are_escaped() {
    assert_eq!(
        text(|| tracing::info!(target: "t\n", v = "\x1b[31m", d = %"\u{202e}", "a\r\nb\0 \\")),
        r#"00:01.234567 INFO  uno "t\n": a\r\nb\x00 \\ v="\x1b[31m" d="\u{202e}""#.to_owned() + "\n"
    );
}

#[test]
fn colour_is_the_formats_own() {
    let log = || {
        let _build = tracing::info_span!("build", unit = "core").entered();
        tracing::warn!(target: "t", a = 1, "x");
    };
    assert_eq!(
        line(Format::text().color(Color::Always), log),
        "\x1b[2m00:01.234567\x1b[0m \x1b[33mWARN \x1b[0m \x1b[1muno\x1b[0m build\x1b[2m{unit=core}\x1b[0m \
         \x1b[2mt:\x1b[0m x a=1\n"
    );
}

#[test]
fn a_message_of_several_lines_is_indented() {
    let log = || tracing::info!(target: "t", a = "x\ny", "first\nERROR uno t: second\n");
    assert_eq!(
        line(Format::text().multiline(true), log),
        "00:01.234567 INFO  uno t: first\n             | ERROR uno t: second\n             |  a=\"x\\ny\"\n"
    );
    assert_eq!(text(log), "00:01.234567 INFO  uno t: first\\nERROR uno t: second\\n a=\"x\\ny\"\n");
}

#[test]
fn a_value_that_panics_leaves_the_record_whole() {
    struct Panics;
    impl std::fmt::Debug for Panics {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("half")?;
            panic!("a value panics when it is rendered")
        }
    }
    assert_eq!(
        text(|| tracing::info!(target: "t", a = ?Panics, b = 1, "{:?}", Panics)),
        "00:01.234567 INFO  uno t: half<panicked> a=half<panicked> b=1\n"
    );
}
