//! Fragments: spans and contexts as each style shows them.
//!
//! A span's own fragment is rendered once and kept with the span, a context's with the context; a record only joins bytes.
//! Fragments carry no separator towards what surrounds them: the commas and blanks are the format's.
//!
//! | style | path | context |
//! |---|---|---|
//! | text | `build{unit=core n=1}:link` | `uno{env=x}` |
//! | JSON | `"span":{…innermost…},"spans":[{"unit":"core","n":1,"name":"build"},…]` | `"context":{"name":"uno","id":7,"fields":{…}}` |
//! | logfmt | `spans="build{unit=core n=1}:link"` | `context=uno context.env=x` |
//!
//! A name in a text path that is not a plain word stands in quotes, so that the path can be read back; a value is quoted by
//! the rule of [`push_text`]. A path without spans appends nothing, in every style.

use super::escape::{Quoted, is_bare, push_bare_or_quoted, push_path_name};
use super::json::{self, push_string};
use super::logfmt;
use super::names::Names;
use super::pairs::{OddNames, push_name};
use super::value::{push_integer, push_text, push_value};
use crate::record::{ContextInfo, SpanValues, Style, Value};
use crate::sync::Arc;

const BOLD: &[u8] = b"\x1b[1m";
const DIM: &[u8] = b"\x1b[2m";
const RESET: &[u8] = b"\x1b[0m";

/// Appends the spans of `path`, outermost first, as `style` shows them.
pub(crate) fn append_path(style: Style, path: &[Arc<SpanValues>], out: &mut Vec<u8>) {
    let Some(innermost) = path.last() else {
        return;
    };
    match style {
        Style::Text | Style::TextColor => {
            for (place, span) in path.iter().enumerate() {
                if place > 0 {
                    out.push(b':');
                }
                out.extend_from_slice(text_span(style, span));
            }
        }
        Style::Json => {
            out.extend_from_slice(b"\"span\":");
            out.extend_from_slice(json_span(innermost));
            out.extend_from_slice(b",\"spans\":");
            push_joined(out, b'[', path.iter().map(|span| json_span(span)));
            out.push(b']');
        }
        Style::Logfmt => {
            out.extend_from_slice(b"spans=");
            // Text fragments are escaped, so each is UTF-8 and holds no control character; quoting them once more keeps
            // quotes and backslashes reversible.
            let bare = path.iter().all(|span| is_bare(fragment_text(text_span(Style::Text, span))));
            for (place, span) in path.iter().enumerate() {
                match (place, bare) {
                    (0, true) => {}
                    (0, false) => out.push(b'"'),
                    _ => out.push(b':'),
                }
                let fragment = text_span(Style::Text, span);
                if bare {
                    out.extend_from_slice(fragment);
                } else {
                    Quoted(out).push(fragment_text(fragment));
                }
            }
            if !bare {
                out.push(b'"');
            }
        }
    }
}

/// Appends who `context` is, as `style` shows it.
pub(crate) fn append_context(style: Style, context: &ContextInfo, out: &mut Vec<u8>) {
    let render = match style {
        Style::Text | Style::TextColor => text_context,
        Style::Json => json_context,
        Style::Logfmt => logfmt_context,
    };
    out.extend_from_slice(context.fragment(style, |context, out| render(style, context, out)));
}

fn text_context(style: Style, context: &ContextInfo, out: &mut Vec<u8>) {
    if style == Style::TextColor {
        out.extend_from_slice(BOLD);
        push_bare_or_quoted(out, context.name());
        out.extend_from_slice(RESET);
    } else {
        push_bare_or_quoted(out, context.name());
    }
    push_text_fields(style, context.fields().iter().map(|(name, value)| (name.as_str(), "", value)), out);
}

fn json_context(_: Style, context: &ContextInfo, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\"context\":{\"name\":");
    push_string(out, context.name());
    out.extend_from_slice(b",\"id\":");
    push_integer(out, context.id());
    if !context.fields().is_empty() {
        out.extend_from_slice(b",\"fields\":{");
        let mut names = Names::new();
        for (place, (name, value)) in context.fields().iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            json::push_name(out, &mut names, name, "");
            json::push_value(out, value);
        }
        out.push(b'}');
    }
    out.push(b'}');
}

fn logfmt_context(_: Style, context: &ContextInfo, out: &mut Vec<u8>) {
    out.extend_from_slice(b"context=");
    push_text(out, context.name());
    let mut names = Names::new();
    for (name, value) in context.fields() {
        out.push(b' ');
        push_name(out, &mut names, [logfmt::CONTEXT_PREFIX, name, ""], OddNames::Escaped);
        out.push(b'=');
        logfmt::push_named_value(out, name, value);
    }
}

/// The text fragment of one span: `build{unit=core n=1}`.
fn text_span(style: Style, span: &SpanValues) -> &[u8] {
    span.fragment(style, |span, out| {
        push_path_name(out, span.name());
        let fields = span.fields().iter().map(|(name, value)| (name.field, name.suffix, value));
        push_text_fields(style, fields, out);
    })
}

/// Appends `{a=1 b=2}`, or nothing where there are no fields.
fn push_text_fields<'a>(
    style: Style,
    mut fields: impl Iterator<Item = (&'a str, &'a str, &'a Value)>,
    out: &mut Vec<u8>,
) {
    let Some(first) = fields.next() else {
        return;
    };
    let colored = style == Style::TextColor;
    if colored {
        out.extend_from_slice(DIM);
    }
    out.push(b'{');
    let mut names = Names::new();
    for (place, (name, suffix, value)) in std::iter::once(first).chain(fields).enumerate() {
        if place > 0 {
            out.push(b' ');
        }
        push_name(out, &mut names, ["", name, suffix], OddNames::Quoted);
        out.push(b'=');
        push_value(out, value);
    }
    out.push(b'}');
    if colored {
        out.extend_from_slice(RESET);
    }
}

/// The JSON fragment of one span: its fields, then its name.
fn json_span(span: &SpanValues) -> &[u8] {
    span.fragment(Style::Json, |span, out| {
        let mut names = Names::new();
        out.push(b'{');
        for (name, value) in span.fields() {
            if is_or_hides_name(name.field) && name.suffix.is_empty() {
                json::push_name(out, &mut names, "field.", name.field);
            } else {
                json::push_name(out, &mut names, name.field, name.suffix);
            }
            json::push_value(out, value);
            out.push(b',');
        }
        out.extend_from_slice(b"\"name\":");
        push_string(out, span.name());
        out.push(b'}');
    })
}

/// True for `name`, which is a key of the span's own, and for what such a field is written as: `field.name`, and so on. All of
/// them are written with one more `field.`, so that a reader can take it off again.
pub(crate) fn is_or_hides_name(field: &str) -> bool {
    let mut rest = field;
    while let Some(shorter) = rest.strip_prefix("field.") {
        rest = shorter;
    }
    rest == "name"
}

/// Appends `open`, then `items` with commas between them.
fn push_joined<'a>(out: &mut Vec<u8>, open: u8, items: impl Iterator<Item = &'a [u8]>) {
    let mut before = open;
    for item in items {
        out.push(before);
        out.extend_from_slice(item);
        before = b',';
    }
}

/// A fragment as text, which it always is: fragments are made of whole strings.
fn fragment_text(fragment: &[u8]) -> &str {
    std::str::from_utf8(fragment).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::FieldName;

    const STYLES: [Style; 4] = [Style::Text, Style::TextColor, Style::Json, Style::Logfmt];

    fn span(name: &'static str, fields: &[(&'static str, Value)]) -> Arc<SpanValues> {
        let mut span = SpanValues::new(name);
        for (field, value) in fields {
            span.record(FieldName { field, suffix: "" }, value.clone());
        }
        Arc::new(span)
    }

    fn path(style: Style, path: &[Arc<SpanValues>]) -> String {
        let mut out = Vec::new();
        append_path(style, path, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn context(style: Style, name: &str, fields: &[(&str, &str)]) -> String {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
        let (mut out, info) = (Vec::new(), ContextInfo::new(name.to_owned(), 7, fields));
        append_context(style, &info, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_path_in_each_style() {
        let spans = [span("build", &[("unit", "core".into()), ("n", 1_u64.into())]), span("link", &[])];
        assert_eq!(path(Style::Text, &spans), "build{unit=core n=1}:link");
        assert_eq!(path(Style::TextColor, &spans), "build\x1b[2m{unit=core n=1}\x1b[0m:link");
        assert_eq!(
            path(Style::Json, &spans),
            r#""span":{"name":"link"},"spans":[{"unit":"core","n":1,"name":"build"},{"name":"link"}]"#
        );
        assert_eq!(path(Style::Logfmt, &spans), r#"spans="build{unit=core n=1}:link""#);
        assert_eq!(path(Style::Logfmt, &[span("build", &[]), span("link", &[])]), "spans=build:link");
    }

    #[test]
    fn no_path_is_nothing() {
        for style in STYLES {
            assert_eq!(path(style, &[]), "");
        }
    }

    #[test]
    fn odd_names_cannot_break_a_path() {
        let spans = [span("a:b", &[("x y", "\"".into())]), span("{\n", &[])];
        assert_eq!(path(Style::Text, &spans), r#""a:b"{"x y"="\""}:"{\n""#);
        assert_eq!(path(Style::Logfmt, &spans), r#"spans="\"a:b\"{\"x y\"=\"\\\"\"}:\"{\\n\"""#);
    }

    #[test]
    fn a_field_called_name_is_written_with_a_prefix() {
        let fields = [("name", 1_u64.into()), ("field.name", 2_u64.into()), ("field.names", 3_u64.into())];
        assert_eq!(
            path(Style::Json, &[span("s", &fields)]),
            r#""span":{"field.name":1,"field.field.name":2,"field.names":3,"name":"s"},"spans":[{"field.name":1,"field.field.name":2,"field.names":3,"name":"s"}]"#
        );
    }

    #[test]
    fn the_names_in_a_span_are_unique() {
        let mut values = SpanValues::new("s");
        values.record(FieldName { field: "e", suffix: ".sources" }, Value::List(vec!["io".to_owned()]));
        values.record(FieldName { field: "e.sources", suffix: "" }, Value::Null);
        let spans = [Arc::new(values)];
        assert_eq!(path(Style::Text, &spans), r#"s{e.sources=["io"] e.sources#2=null}"#);
        assert!(path(Style::Json, &spans).starts_with(r#""span":{"e.sources":["io"],"e.sources#2":null,"name":"s"}"#));
    }

    #[test]
    fn a_context_in_each_style() {
        assert_eq!(context(Style::Text, "uno", &[("env", "x")]), "uno{env=x}");
        assert_eq!(context(Style::Text, "uno", &[]), "uno");
        assert_eq!(context(Style::Text, "u no", &[]), r#""u no""#);
        assert_eq!(context(Style::TextColor, "uno", &[("env", "x")]), "\x1b[1muno\x1b[0m\x1b[2m{env=x}\x1b[0m");
        assert_eq!(
            context(Style::Json, "u\"no", &[("env", "x")]),
            r#""context":{"name":"u\"no","id":7,"fields":{"env":"x"}}"#
        );
        assert_eq!(context(Style::Json, "uno", &[]), r#""context":{"name":"uno","id":7}"#);
        assert_eq!(
            context(Style::Logfmt, "uno", &[("env", "x"), ("a b", "1")]),
            r#"context=uno context.env=x context.a\x20b="1""#
        );
    }

    #[test]
    fn a_fragment_is_rendered_once() {
        let span = span("build", &[]);
        let first = text_span(Style::Text, &span).as_ptr();
        assert_eq!(text_span(Style::Text, &span).as_ptr(), first);
    }
}
