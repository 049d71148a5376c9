//! Records of several lines.

use tracing::{info, info_span, warn};

use crate::format::test_support::Fixture;
use crate::format::{Color, Format, Time};

#[test]
fn a_record_has_a_line_for_each_part() {
    let log = || {
        let _build = info_span!("build").entered();
        let _link = info_span!("link", unit = "core", n = 2).entered();
        info!(target: "linker", size = 12, path = ?"a b", "linking");
    };
    let line = Fixture::new().line(Format::pretty().location(false), log);
    let expected = "  00:01.234567 INFO  uno linker: linking, size: 12, path: \"a b\"\n    in link with unit: core, n: 2\n    in build\n\n";
    assert_eq!(line, expected);
}

#[test]
fn the_records_in_the_documentation_are_what_is_printed() {
    let link = || {
        let _build = info_span!("build").entered();
        let _link = info_span!("link", unit = "core").entered();
        info!(target: "linker", size = 12, path = "a b", "linking main.o");
    };
    let symbol = || {
        let _build = info_span!("build").entered();
        warn!(target: "linker", "unused symbol");
    };
    let printed = Fixture::new().line(Format::pretty(), link) + &Fixture::new().line(Format::pretty(), symbol);
    let shown = |line: &str| match line.starts_with("    at ") {
        true => "    ///     at src/link.rs:12\n".to_owned(),
        false => format!("    /// {line}").trim_end().to_owned() + "\n",
    };
    let block: String = printed.lines().map(shown).collect();
    assert!(include_str!("../choice.rs").contains(&format!("    /// ```text\n{block}    /// ```\n")), "{block}");
}

#[test]
fn the_place_stands_on_a_line_of_its_own() {
    let line = Fixture::new().line(Format::pretty().thread_name(true).time(Time::None), || warn!(a = 1));
    let (first, rest) = line.split_once('\n').unwrap();
    assert!(first.starts_with("  WARN  uno ") && first.ends_with(": a: 1"), "{first}");
    assert!(rest.starts_with("    at ") && rest.contains("tests.rs:") && rest.contains(" on "), "{rest}");
    let threads = Fixture::new().line(Format::pretty().thread_id(true).location(false), || warn!("a"));
    assert!(threads.ends_with(": a\n    on ThreadId(2)\n\n") || threads.contains("\n    on ThreadId("), "{threads}");
}

#[test]
fn nothing_that_is_logged_begins_a_line() {
    let log = || {
        let _span = info_span!("link", unit = "a\n  00:00.1 ERROR ").entered();
        info!(field = "b\nc", "d\ne");
    };
    let forged = Fixture::new().line(Format::pretty().location(false), log);
    assert_eq!(forged.lines().count(), 3, "{forged}");
    let multiline = Fixture::new().line(Format::pretty().location(false).multiline(true), || info!("d\ne"));
    assert!(multiline.contains(": d\n      | e\n"), "{multiline}");
}

#[test]
fn colours_surround_the_parts() {
    let line = Fixture::new().line(Format::pretty().color(Color::Always).location(false), || info!("a"));
    assert!(line.contains("\x1b[32mINFO \x1b[0m \x1b[1muno\x1b[0m"), "{line}");
}
