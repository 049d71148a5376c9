//! The `logfmt` layout, for programs that read `key=value`.
//!
//! ```text
//! ts=2026-11-21T09:08:00.123456Z level=info elapsed=1.234567 context=uno context.env=x seq=42 target=linker
//! spans=build:link msg="linking main.o" size=12
//! ```
//!
//! (one line, broken here)
//!
//! `thread` and `location` (`file:line`) follow the target where they are shown; what there is none of is left out, and
//! so is an empty message. A field whose name is one of the format's own, or begins with `context.` or `field.`, is
//! written with `field.` before it, so that no field can shadow another and a reader can take the prefix off again; so is
//! one without a name. Names are never quoted, since other readers of logfmt would take a quote for the end of the name and
//! what follows for fields of their own: what they would trip over is escaped, as in `a\x20b=1`.
//!
//! A list (the sources of an error) is a text here, `err.sources="[\"a\", \"b\"]"`, because other readers of logfmt
//! know no lists. It is read back as a list if its name has `.sources` in it; a text that begins with `[` there is
//! written with `\x5b` in its place.

use std::fmt::{self, Write};

use tracing::Level;

use super::Renderer;
use super::escape::push_quoted;
use super::names::Plain;
use super::pairs::{Dialect, push_pairs, push_rendered};
use super::scratch::Buffer;
use super::spans::append_context;
use super::timestamp::{push_rfc3339_micros, push_seconds_f64};
use super::value::{self, push_integer, push_text};
use crate::record::{Record, Style, Value, write_thread_name};

/// What the name of a field that holds a list has in it.
pub(super) const LIST_NAME: &str = ".sources";
/// What stands before the name of a field that would be taken for the format's own.
pub(super) const PREFIX: &str = "field.";
/// What stands before the name of a context's field.
pub(super) const CONTEXT_PREFIX: &str = "context.";

/// True for the name of a field that is written with [`PREFIX`].
pub(super) fn is_reserved(name: &str) -> bool {
    match name {
        "ts" | "level" | "elapsed" | "context" | "seq" | "target" | "thread" | "location" | "spans" | "msg"
        | "field" | "" => true,
        _ => name.starts_with(PREFIX) || name.starts_with(CONTEXT_PREFIX),
    }
}

/// Appends `record` as one whole line.
pub(super) fn render(renderer: &Renderer, record: &Record<'_>, out: &mut Vec<u8>) {
    let show = &renderer.format;
    let (start, plain) = (out.len(), Plain::of(record));
    if show.timestamp {
        out.extend_from_slice(b"ts=");
        push_rfc3339_micros(out, record.timestamp());
        out.push(b' ');
    }
    out.extend_from_slice(level(record.level()));
    if show.elapsed {
        out.extend_from_slice(b" elapsed=");
        push_seconds_f64(out, record.elapsed());
    }
    if show.context {
        out.push(b' ');
        append_context(Style::Logfmt, record.context(), out);
    }
    if let Some(seq) = record.seq().filter(|_| show.seq) {
        out.extend_from_slice(b" seq=");
        push_integer(out, seq);
    }
    if show.target {
        out.extend_from_slice(b" target=");
        match plain.target {
            true => out.extend_from_slice(record.target().as_bytes()),
            false => push_text(out, record.target()),
        }
    }
    if show.thread {
        out.extend_from_slice(b" thread=");
        push_rendered(out, |out| write_thread_name(out));
    }
    if show.location
        && let Some(file) = record.file()
    {
        out.extend_from_slice(b" location=");
        push_rendered(out, |out| push_location(out, file, record.line()));
    }
    push_spans(record, out);
    push_pairs(out, start, Dialect::Logfmt, record, plain);
    out.push(b'\n');
}

fn level(level: Level) -> &'static [u8] {
    match level {
        Level::ERROR => b"level=error",
        Level::WARN => b"level=warn",
        Level::INFO => b"level=info",
        Level::DEBUG => b"level=debug",
        Level::TRACE => b"level=trace",
    }
}

/// Appends `file:line`, or `file:` where the line is not known.
fn push_location(out: &mut dyn Write, file: &str, line: Option<u32>) -> fmt::Result {
    write!(out, "{file}:")?;
    line.map_or(Ok(()), |line| write!(out, "{line}"))
}

fn push_spans(record: &Record<'_>, out: &mut Vec<u8>) {
    let before = out.len();
    out.push(b' ');
    record.spans.append(Style::Logfmt, out);
    if out.len() == before + 1 {
        out.truncate(before);
    }
}

/// Appends an owned value of the field `name`.
pub(super) fn push_named_value(out: &mut Vec<u8>, name: &str, value: &Value) {
    let start = out.len();
    match value {
        Value::List(texts) => {
            let mut list = Buffer::take();
            value::push_list(&mut list, texts);
            push_list(out, &list);
        }
        value => value::push_value(out, value),
    }
    if matches!(value, Value::Str(_)) {
        keep_text(out, start, name);
    }
}

/// Appends a list that text has rendered.
pub(super) fn push_list(out: &mut Vec<u8>, list: &[u8]) {
    push_quoted(out, std::str::from_utf8(list).unwrap_or_default());
}

/// Makes sure that the text which the field `name` was given, from `start` to the end of `out`, is not taken for a
/// list.
pub(super) fn keep_text(out: &mut Vec<u8>, start: usize, name: &str) {
    if out[start..].starts_with(b"\"[") && name.contains(LIST_NAME) {
        out.splice(start + 1..start + 2, *b"\\x5b");
    }
}

#[cfg(test)]
mod tests {
    use crate::Format;
    use crate::format::test_support::Fixture;
    use crate::record::Value;

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
        let bare = Format::logfmt().timestamp(false).elapsed(false).context(false).seq(false).target(false);
        assert_eq!(Fixture::new().line(bare, || tracing::debug!("")), "level=debug\n");
        let thread = std::thread::Builder::new().name("main 2".to_owned());
        let place = line!() + 1;
        let log = || tracing::error!(target: "t", "x");
        let all = Format::logfmt().timestamp(false).thread(true).location(true);
        let line =
            thread.spawn(move || Fixture { seq: None, ..Fixture::new() }.line(all, log)).unwrap().join().unwrap();
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
            fields(
                || tracing::info!(target: "t", level = 3, msg = "m", context.env = "y", field.x = 1, contexts = 2, "x")
            ),
            " msg=x field.level=3 field.msg=m field.context.env=y field.field.x=1 contexts=2"
        );
    }

    #[test]
    fn no_name_can_pass_for_more_than_one() {
        let forged = "x level=error msg=\"pwned\" y\\\u{3164}\u{a0}é/z";
        assert_eq!(
            Fixture::new().with_context("uno", &[(forged, Value::from(1)), ("", Value::from(2))]).line(
                Format::logfmt().timestamp(false).elapsed(false).seq(false).target(false),
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
}
