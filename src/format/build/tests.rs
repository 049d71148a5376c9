use tracing::{error, info, warn};

use crate::format::test_support::Fixture;
use crate::{Color, Format, Time};

/// What `build` writes for one event, 1.23 s after the origin, with `$` for each end of a line.
fn build(log: impl FnOnce()) -> String {
    Fixture::new().line(Format::build(), log).replace('\n', "$")
}

fn colored(log: impl FnOnce()) -> String {
    Fixture::new().line(Format::build().color(Color::Always), log)
}

#[test]
fn an_ordinary_event_is_its_message_and_fields() {
    assert_eq!(build(|| info!(env = "uno", n = 1, "configured")), "00:01.23 configured env=uno n=1$");
    assert_eq!(build(|| warn!(line = 3, "unused variable")), "00:01.23 WARNING: unused variable line=3$");
    assert_eq!(build(|| error!("C:\\x is missing")), "00:01.23 ERROR: C:\\x is missing$");
    assert_eq!(build(|| tracing::trace!(a = 1, message = "late")), "00:01.23 late a=1$");
    assert_eq!(build(|| warn!(a = 1)), "00:01.23 WARNING: a=1$");
}

#[test]
fn strings_are_quoted_once_and_backslashes_are_shown_as_they_are() {
    let path = std::path::Path::new(r"C:\my files\");
    assert_eq!(build(|| info!(?path, "missing")), r#"00:01.23 missing path="C:\my files\"$"#);
    assert_eq!(build(|| info!(path = r"C:\my files", "missing")), r#"00:01.23 missing path="C:\my files"$"#);
    assert_eq!(build(|| info!(path = %path.display(), "missing")), r#"00:01.23 missing path="C:\my files\"$"#);
    assert_eq!(
        build(|| info!(word = ?"core", some = ?Some("a\"b"), "x")),
        r#"00:01.23 x word="core" some="Some(\"a\\"b\")"$"#
    );
    assert_eq!(
        build(|| info!(share = r"\\server\x", lines = "a\n\tb", "x")),
        r#"00:01.23 x share="\\server\x" lines="a\n\tb"$"#
    );
    let error = std::io::Error::other(Cause(std::io::Error::other(r"no C:\x")));
    let error = &error as &(dyn std::error::Error + 'static);
    assert_eq!(build(|| info!(error, "x")), r#"00:01.23 x error="no D:\y" error.sources=["no C:\x"]$"#);
    let all = Format::build().context(true).target(true).time(Time::None);
    let fixture = Fixture::new().with_context(r"C:\proj", &[("out", r"D:\".into())]);
    assert_eq!(fixture.line(all, || info!(target: r"a\b", r"C:\\x")), "\"C:\\proj\"{out=\"D:\\\"} \"a\\b\": C:\\\\x\n");
}

#[derive(Debug)]
struct Cause(std::io::Error);

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(r"no D:\y")
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn spans_are_not_shown_and_the_rest_is_if_asked_for() {
    let log = || {
        let _span = tracing::info_span!("build").entered();
        warn!(target: "t", "x");
    };
    assert_eq!(build(log), "00:01.23 WARNING: x$");
    let all = Format::build().seq(true).context(true).target(true);
    assert_eq!(Fixture::new().line(all, log), "00:01.23 #42 uno t: WARNING: x\n");
    assert_eq!(Fixture::new().line(Format::build().time(Time::None), log), "WARNING: x\n");
}

#[test]
fn each_word_has_its_shape() {
    assert_eq!(
        build(|| info!(build = "header", name = "Build System", version = "1.2.4")),
        "00:01.23 Build System v1.2.4$$"
    );
    assert_eq!(
        build(|| info!(build = "phase", phase = 1_u64, phases = 9_u64, "Parsing platformio.ini")),
        "00:01.23 [1/9] Parsing platformio.ini$"
    );
    assert_eq!(build(|| info!(build = "detail", "board: uno")), "00:01.23       board: uno$");
    assert_eq!(
        build(|| info!(build = "unit", group = "core", unit = "main.cpp", cached = true)),
        "00:01.23       [core] main.cpp (cached)$"
    );
    assert_eq!(build(|| info!(build = "success", "Built firmware.hex")), "00:01.23 Built firmware.hex$");
    assert_eq!(build(|| info!(build = "finished")), "$00:01.23 Build time: 1.23s$");
}

#[test]
fn the_parts_of_a_word_may_come_in_any_order() {
    assert_eq!(
        build(|| info!(phases = 9, size = 3, phase = 1, message = "Parsing", build = "phase")),
        "00:01.23 [1/9] Parsing size=3$"
    );
    assert_eq!(
        build(|| info!(cached = false, unit = %"main.cpp", took = 5, group = "core", build = "unit", "done")),
        "00:01.23       [core] main.cpp done took=5$"
    );
}

#[test]
fn a_word_that_lacks_a_part_shows_the_rest() {
    assert_eq!(build(|| info!(build = "header", name = "Build System")), "00:01.23 Build System$$");
    assert_eq!(build(|| info!(build = "phase", phase = 2, "x")), "00:01.23 [2] x$");
    assert_eq!(build(|| info!(build = "unit", unit = "main.cpp")), "00:01.23       main.cpp$");
    assert_eq!(build(|| info!(build = "unit", unit = "a", cached = "no")), "00:01.23       a cached=no$");
    assert_eq!(build(|| info!(build = "phase", phase = 2, phases = "many")), "00:01.23 [2] phases=many$");
    assert_eq!(
        build(|| info!(build = "finished", size = 1, "all is well")),
        "$00:01.23 Build time: 1.23s all is well size=1$"
    );
}

#[test]
fn what_is_no_word_is_shown_whole() {
    for (written, expected) in [
        (build(|| info!(build = "release", "x")), "x build=release"),
        (build(|| info!(build = 7, "x")), "x build=7"),
        (build(|| info!(build = "header", version = "1")), "build=header version=\"1\""),
        (build(|| info!(build = "phase", phase = "one", phases = 9, "x")), "x build=phase phase=one phases=9"),
        (build(|| info!(build = "phase", phase = -1, "x")), "x build=phase phase=-1"),
        (build(|| info!(build = "unit", group = "core")), "build=unit group=core"),
        (build(|| info!(phase = 1, phases = 9, "x")), "x phase=1 phases=9"),
        (build(|| info!(build = "detail", build = "unit", unit = "a", "x")), "      x build=unit unit=a"),
    ] {
        assert_eq!(written, format!("00:01.23 {expected}$"));
    }
}

#[test]
fn words_escape_what_they_show() {
    assert_eq!(
        build(|| info!(build = "unit", group = "a\nb", unit = "\x1b[31m", "\r\n")),
        r"00:01.23       [a\nb] \x1b[31m \r\n$"
    );
}

#[test]
fn levels_and_success_have_their_colours() {
    let dim = "\x1b[2m00:01.23\x1b[0m";
    assert_eq!(colored(|| info!("x")), format!("{dim} x\n"));
    assert_eq!(colored(|| warn!(a = 1, "x")), format!("{dim} \x1b[33mWARNING: x a=1\x1b[0m\n"));
    assert_eq!(colored(|| error!("x")), format!("{dim} \x1b[31mERROR: x\x1b[0m\n"));
    assert_eq!(colored(|| info!(build = "success", "x")), format!("{dim} \x1b[32mx\x1b[0m\n"));
}

#[test]
fn without_a_time_no_record_looks_like_the_rest_of_another() {
    let line = |format: Format, log: fn()| Fixture::new().line(format.time(Time::None), log);
    let lines = |log| line(Format::build().multiline(true), log);
    assert_eq!(lines(|| info!("a\nb")), "a\n         | b\n");
    assert_eq!(lines(|| info!("         | c")), "        \\x20| c\n");
    assert_eq!(lines(|| info!("\u{2003}\u{3000}| c")), "\u{2003}\\u{3000}| c\n");
    assert_eq!(lines(|| info!(build = "detail", "   | c")), "        \\x20| c\n");
    assert_eq!(lines(|| info!(build = "unit", unit = "   | c")), "        \\x20| c\n");
    assert_eq!(lines(|| info!(build = "unit", unit = "   ", "| c")), "         \\x20| c\n");
    // What cannot be taken for it is left as it is.
    assert_eq!(lines(|| info!("    c")), "    c\n");
    assert_eq!(lines(|| info!("| c")), "| c\n");
    assert_eq!(lines(|| warn!("  | c")), "WARNING:   | c\n");
    assert_eq!(line(Format::build(), || info!("  | c")), "  | c\n");
    assert_eq!(line(Format::build().multiline(true).target(true), || info!(target: "t", "  | c")), "t:   | c\n");
    let colored = line(Format::build().multiline(true).color(Color::Always), || info!(build = "success", "  | c"));
    assert_eq!(colored, "\x1b[32m \\x20| c\x1b[0m\n");
}

#[test]
fn a_message_of_several_lines_is_indented() {
    let log = || warn!(a = 1, "first\n00:01.24 ERROR: second");
    assert_eq!(
        Fixture::new().line(Format::build().multiline(true), log),
        "00:01.23 WARNING: first\n         | 00:01.24 ERROR: second a=1\n"
    );
}

#[test]
fn several_builds_have_a_column_for_their_names() {
    let format = Format::build().aligned(true).fields(false);
    let lines = |format: &Format| {
        let line = |log: fn()| Fixture::new().line(format.clone(), log);
        [
            line(|| info!(build = "phase", phase = 1_u64, phases = 3_u64, unit = "core", "compiling")),
            line(|| info!(a = 1, "plain")),
            line(|| warn!("unused")),
            line(|| info!(build = "success", "built")),
            line(|| error!(build = "failure", "no such file")),
            line(|| error!("broken")),
        ]
    };
    // Other tests may have widened the column.
    let bare = |line: &String| line.split("uno").nth(1).map(|rest| rest.trim_start_matches(' ').to_owned()).unwrap();
    let expected =
        ["[1/3] compiling\n", "plain\n", "WARNING: unused\n", "✓ built\n", "✗ no such file\n", "ERROR: broken\n"];
    assert_eq!(lines(&format).each_ref().map(bare), expected);
    let column = |line: &String| line.find("  uno ").map(|at| (at, line.len() - bare(line).len() - at));
    let [phase, plain, warning, success, failure, broken] = lines(&format).each_ref().map(column);
    assert!(phase == success && phase == failure && plain == warning && plain == broken, "{phase:?} {plain:?}");
    assert_eq!(plain.unwrap().1, phase.unwrap().1 + 6, "what is no phase stands six characters further to the right");
    let [phase, plain, ..] = lines(&format.color(Color::Always));
    assert!(phase.contains("\x1b[0m  \x1b[") && plain.contains("uno\x1b[0m"), "{phase:?}");
}

#[test]
fn a_failure_is_an_error_with_a_form_of_its_own() {
    assert_eq!(
        Fixture::new().line(Format::build().time(Time::None), || error!(build = "failure", "no")),
        "ERROR: no\n"
    );
}
