//! Tests of `logfmt`.

use crate::format::test_support::Fixture;
use crate::record::Value;
use crate::{Format, Time};

/// What follows `target=t` in the line of one event.
fn fields(log: impl FnOnce()) -> String {
    let line = Fixture::new().line(Format::logfmt(), log);
    let head = "ts=2026-11-21T09:08:00.123456Z level=info elapsed=1.234567 context=uno seq=42 target=t";
    line.strip_prefix(head).unwrap().strip_suffix('\n').unwrap().to_owned()
}

#[test]
fn a_line_has_everything_in_the_settled_order() {
    let log = || {
        let _build = tracing::info_span!("build").entered();
        let _link = tracing::info_span!("link").entered();
        tracing::warn!(target: "linker", size = 12, "linking {}", "main.o");
    };
    assert_eq!(
        Fixture::new()
            .with_context("uno", &[("env", Value::from("x")), ("a b", Value::from(1))])
            .line(Format::logfmt(), log),
        "ts=2026-11-21T09:08:00.123456Z level=warn elapsed=1.234567 context=uno context.env=x context.a\\x20b=1 seq=42 \
         target=linker spans=build:link msg=\"linking main.o\" size=12\n"
    );
}

#[test]
fn what_is_not_shown_is_left_out() {
    let bare = Format::logfmt().time(Time::None).context(false).seq(false).target(false);
    assert_eq!(Fixture::new().line(bare, || tracing::debug!("")), "level=debug\n");
    let thread = std::thread::Builder::new().name("main 2".to_owned());
    let place = line!() + 1;
    let log = || tracing::error!(target: "t", "x");
    let all = Format::logfmt().time(Time::Elapsed).thread_name(true).location(true);
    let line = thread.spawn(move || Fixture { seq: None, ..Fixture::new() }.line(all, log)).unwrap().join().unwrap();
    let expected = "level=error elapsed=1.234567 context=uno target=t thread=\"main 2\" location=";
    assert_eq!(line, format!("{expected}{}:{place} msg=x\n", file!()));
}

#[test]
fn the_message_comes_first_and_may_be_missing() {
    assert_eq!(fields(|| tracing::info!(target: "t", a = 1, message = "late")), " msg=late a=1");
    assert_eq!(fields(|| tracing::info!(target: "t", a = 1)), " a=1");
    assert_eq!(fields(|| tracing::info!(target: "t", message = 5)), " msg=\"5\"");
}

#[test]
fn a_users_field_cannot_stand_for_the_formats_own() {
    assert_eq!(
        fields(|| tracing::info!(target: "t", level = 3, msg = "m", context.env = "y", field.x = 1, contexts = 2, "x")),
        " msg=x field.level=3 field.msg=m field.context.env=y field.field.x=1 contexts=2"
    );
}

#[test]
fn no_name_can_pass_for_more_than_one() {
    let forged = "x level=error msg=\"pwned\" y\\\u{3164}\u{a0}é/z";
    assert_eq!(
        Fixture::new().with_context("uno", &[(forged, Value::from(1)), ("", Value::from(2))]).line(
            Format::logfmt().time(Time::None).seq(false).target(false),
            || tracing::info!("a=\" b" = 1, "a=\" b" = 2, "m")
        ),
        "level=info context=uno \
         context.x\\x20level\\x3derror\\x20msg\\x3d\\x22pwned\\x22\\x20y\\x5c\\u{3164}\\u{a0}é/z=1 context.=2 \
         msg=m a\\x3d\\x22\\x20b=1 a\\x3d\\x22\\x20b#2=2\n"
    );
}

#[test]
fn lists_are_texts_and_texts_are_not_lists() {
    let error = std::io::Error::other(Outer);
    let error: &(dyn std::error::Error + 'static) = &error;
    assert_eq!(
        fields(|| tracing::info!(target: "t", err = error, a.sources = "[x]", b = "[x]")),
        r#" err=outer err.sources="[\"inner\"]" a.sources="\x5bx]" b="[x]""#
    );
}

#[derive(Debug)]
struct Outer;
impl std::fmt::Display for Outer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("outer")
    }
}
impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(Box::leak(Box::new(std::io::Error::other("inner"))))
    }
}
