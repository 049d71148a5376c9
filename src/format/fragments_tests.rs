//! Spans and contexts look the same in every record, in each style.

use super::json::PathParts;
use super::plain::braces;
use super::{json, logfmt};
use crate::line_buffer::LineBuffer;
use crate::record::{ContextInfo, FieldName, SpanValues, Style, Value};
use crate::sync::Arc;

const STYLES: [Style; 4] = [Style::TEXT, Style::TEXT_COLORED, Style::JSON, Style::LOGFMT];

fn span(name: &'static str, fields: &[(&'static str, Value)]) -> Arc<SpanValues> {
    let mut span = SpanValues::new(name);
    for (field, value) in fields {
        span.record(FieldName { field, suffix: "" }, value.clone());
    }
    Arc::new(span)
}

fn path(style: Style, path: &[Arc<SpanValues>]) -> String {
    let mut out = LineBuffer::new();
    match style {
        Style::JSON => json::push_path(path, PathParts { current: true, list: true }, &mut out),
        Style::LOGFMT => logfmt::push_path(path, &mut out),
        style => braces::push_path(style, path, &mut out),
    }
    String::from_utf8(out.into()).unwrap()
}

fn context(style: Style, name: &str, fields: &[(&str, &str)]) -> String {
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
    let (mut out, info) = (LineBuffer::new(), ContextInfo::new(name.to_owned(), 7, fields));
    match style {
        Style::JSON => json::push_context(&info, true, &mut out),
        Style::LOGFMT => logfmt::push_context(&info, &mut out),
        style => braces::push_context(style, &info, 0, &mut out),
    }
    String::from_utf8(out.into()).unwrap()
}

#[test]
fn a_path_in_each_style() {
    let spans = [span("build", &[("unit", "core".into()), ("n", 1_u64.into())]), span("link", &[])];
    assert_eq!(path(Style::TEXT, &spans), "build{unit=core n=1}:link");
    assert_eq!(path(Style::TEXT_COLORED, &spans), "build\x1b[2m{unit=core n=1}\x1b[0m:link");
    assert_eq!(
        path(Style::JSON, &spans),
        r#""span":{"name":"link"},"spans":[{"unit":"core","n":1,"name":"build"},{"name":"link"}]"#
    );
    assert_eq!(path(Style::LOGFMT, &spans), r#"spans="build{unit=core n=1}:link""#);
    assert_eq!(path(Style::LOGFMT, &[span("build", &[]), span("link", &[])]), "spans=build:link");
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
    assert_eq!(path(Style::TEXT, &spans), r#""a:b"{"x y"="\""}:"{\n""#);
    assert_eq!(path(Style::LOGFMT, &spans), r#"spans="\"a:b\"{\"x y\"=\"\\\"\"}:\"{\\n\"""#);
}

#[test]
fn a_field_called_name_is_written_with_a_prefix() {
    let fields = [("name", 1_u64.into()), ("field.name", 2_u64.into()), ("field.names", 3_u64.into())];
    assert_eq!(
        path(Style::JSON, &[span("s", &fields)]),
        r#""span":{"field.name":1,"field.field.name":2,"field.names":3,"name":"s"},"spans":[{"field.name":1,"field.field.name":2,"field.names":3,"name":"s"}]"#
    );
}

#[test]
fn the_names_in_a_span_are_unique() {
    let mut values = SpanValues::new("s");
    values.record(FieldName { field: "e", suffix: ".sources" }, Value::List(vec!["io".to_owned()]));
    values.record(FieldName { field: "e.sources", suffix: "" }, Value::Null);
    let spans = [Arc::new(values)];
    assert_eq!(path(Style::TEXT, &spans), r#"s{e.sources=["io"] e.sources#2=null}"#);
    assert!(path(Style::JSON, &spans).starts_with(r#""span":{"e.sources":["io"],"e.sources#2":null,"name":"s"}"#));
}

#[test]
fn a_context_in_each_style() {
    assert_eq!(context(Style::TEXT, "uno", &[("env", "x")]), "uno{env=x}");
    assert_eq!(context(Style::TEXT, "uno", &[]), "uno");
    assert_eq!(context(Style::TEXT, "u no", &[]), r#""u no""#);
    assert_eq!(context(Style::TEXT_COLORED, "uno", &[("env", "x")]), "\x1b[1muno\x1b[0m\x1b[2m{env=x}\x1b[0m");
    assert_eq!(
        context(Style::JSON, "u\"no", &[("env", "x")]),
        r#""context":{"name":"u\"no","id":7,"fields":{"env":"x"}}"#
    );
    assert_eq!(context(Style::JSON, "uno", &[]), r#""context":{"name":"uno","id":7}"#);
    assert_eq!(
        context(Style::LOGFMT, "uno", &[("env", "x"), ("a b", "1")]),
        r#"context=uno context.env=x context.a\x20b="1""#
    );
}

#[test]
fn a_child_names_its_parent_in_json() {
    let fields = vec![("env".to_owned(), Value::from("x"))];
    let info = ContextInfo::new("uno".to_owned(), 7, fields).with_parent_id(Some(3));
    let json = |with_fields| {
        let mut out = LineBuffer::new();
        json::push_context(&info, with_fields, &mut out);
        String::from_utf8(out.into()).unwrap()
    };
    assert_eq!(json(true), r#""context":{"name":"uno","id":7,"parent":3,"fields":{"env":"x"}}"#);
    assert_eq!(json(false), r#""context":{"name":"uno","id":7,"parent":3}"#);
}
