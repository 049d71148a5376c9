//! Every record is one line in each format, and text and logfmt read back. The same test for JSON is in `json/tests.rs`.

use std::time::Duration;

use proptest::prelude::*;

use crate::format::escape::is_escaped;
use crate::format::test_support::{Fixture, MadeEvent, MadeValue, rendered, strategies, with_record};
use crate::format::{ElapsedStyle, Renderer, Screen, Time};
use crate::record::{ContextBuf, ContextInfo, RecordBuf, SpanValues, Value, with_bound};
use crate::sync::Arc;
use crate::{Format, UtcOffset};

/// Returns the line that `format` writes, and the record itself.
fn written(format: &Format, event: &MadeEvent, spans: &[Arc<SpanValues>], fixture: &Fixture) -> (String, RecordBuf) {
    let renderer = Renderer::new(format, Screen::None);
    event
        .with_event(|event| with_record(fixture, event, spans, |record| (rendered(&renderer, record), record.to_buf())))
}

/// Clears the thread, the location, and the ids of the context and of its parent, which the lines of these tests do not state.
fn without_unstated_parts(record: RecordBuf) -> RecordBuf {
    let context = record.context.map(|context| ContextBuf { id: None, parent: None, ..context });
    RecordBuf { context, name: None, thread_name: None, thread_id: None, file: None, line: None, ..record }
}

/// The string of a literal as `Debug` writes it. `None` if `text` is not one literal.
fn string_of(text: &str) -> Option<String> {
    let mut inside = text.strip_prefix('"')?.strip_suffix('"')?.chars();
    let mut string = String::new();
    while let Some(next) = inside.next() {
        string.push(match (next, if next == '\\' { inside.next()? } else { ' ' }) {
            ('"', _) => return None,
            ('\\', 'n') => '\n',
            ('\\', 'r') => '\r',
            ('\\', 't') => '\t',
            ('\\', '0') => '\0',
            ('\\', escaped @ ('\\' | '"')) => escaped,
            ('\\', 'u') => {
                let (digits, rest) = inside.as_str().strip_prefix('{')?.split_once('}')?;
                inside = rest.chars();
                let is_hexadecimal = digits.chars().all(|digit| digit.is_ascii_hexdigit());
                is_hexadecimal.then(|| u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)).flatten()?
            }
            ('\\', _) => return None,
            (plain, _) => plain,
        });
    }
    Some(string)
}

/// Replaces each value whose `Debug` is a string literal by the string: text shows it so.
fn with_strings_of_literals(mut record: RecordBuf, event: &MadeEvent, spans: &[Arc<SpanValues>]) -> RecordBuf {
    let mut message_seen = false;
    let beside_message = event.fields.iter().filter(|(name, _)| {
        let is_message = !message_seen && name.strip_prefix("r#").unwrap_or(name) == "message";
        message_seen |= is_message;
        !is_message
    });
    let in_event = beside_message.map(|(_, value)| matches!(value, MadeValue::Debug(_)));
    let in_spans = spans.iter().flat_map(|span| span.fields()).map(|(_, captured)| captured.is_rendered);
    let span_fields = record.spans.iter_mut().flat_map(|span| &mut span.fields);
    for ((_, value), _) in record.fields.iter_mut().zip(in_event).chain(span_fields.zip(in_spans)).filter(|pair| pair.1)
    {
        if let Some(string) = value.as_str().and_then(string_of) {
            *value = Value::from(string);
        }
    }
    record
}

/// Generates lines that look like a format's.
fn line() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "00:01\\.5 |INFO  |uno |t: |\\[|\\]|\\{|\\}|\\[\"|\\\\x5b|=|\"| |, |#3 |:|level=info |ts=|spans=|\\\\|context\\.x=|\n| \\| ",
        "[a-z0-9é]{1,3}",
    ];
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn logfmt_is_one_line_that_reads_back(
        event in strategies::event(),
        spans in strategies::spans(),
        fixture in strategies::fixture(),
    ) {
        let (line, expected) = written(&Format::logfmt(), &event, &spans, &fixture);
        let content = line.strip_suffix('\n').unwrap();
        prop_assert!(!content.contains(is_escaped), "{content:?}");
        // Its path of spans is that of text.
        let spans_of = |record: RecordBuf| with_strings_of_literals(record, &MadeEvent { fields: Vec::new(), ..event.clone() }, &spans);
        let expected = spans_of(without_unstated_parts(expected));
        prop_assert_eq!(RecordBuf::parse_logfmt(&line).unwrap(), expected, "{}", line);
    }

    #[test]
    fn text_is_one_line_that_reads_back(
        event in strategies::event(),
        spans in strategies::spans(),
        fixture in strategies::fixture(),
    ) {
        let (line, expected) = written(&Format::text().time(Time::Both).seq(true), &event, &spans, &fixture);
        let content = line.strip_suffix('\n').unwrap();
        prop_assert!(!content.contains(is_escaped), "{content:?}");
        let mut expected = with_strings_of_literals(without_unstated_parts(expected), &event, &spans);
        let mut read = RecordBuf::parse_text(&line).unwrap();
        if read.message != expected.message {
            // The one exception: the end of the message looks like fields.
            prop_assert!(expected.message.contains('='), "{line}");
            prop_assert!(expected.message.starts_with(&read.message), "{line}");
            let from_message = read.fields.len() - expected.fields.len();
            read.fields.drain(..from_message);
            expected.message.clone_from(&read.message);
        }
        prop_assert_eq!(read, expected, "{}", line);
    }

    #[test]
    fn every_option_reads_back(
        time in prop::sample::select(vec![Time::Elapsed, Time::Wall, Time::Both, Time::None]),
        offset in -1_439_i32..1_440,
        clock in any::<bool>(),
        digits in 0_u8..=9,
        width in 0_u8..20,
        [seq, thread_name, thread_id, target] in any::<[bool; 4]>(),
        fixture in strategies::fixture(),
    ) {
        let style = if clock { ElapsedStyle::Clock { digits } } else { ElapsedStyle::Seconds { digits, width } };
        let offset = UtcOffset::from_whole_seconds(offset * 60).unwrap();
        let set = |format: Format| {
            format.time(time).offset(offset).elapsed_style(style).seq(seq).thread_name(thread_name).thread_id(thread_id)
        };
        let event = MadeEvent { name: None, target: "app".to_owned(), fields: vec![("message".to_owned(), MadeValue::Plain("m".into()))] };
        let (text, record) = written(&set(Format::text()), &event, &[], &fixture);
        let (logfmt, _) = written(&set(Format::logfmt().target(target)), &event, &[], &fixture);
        let (read_text, read_logfmt) = (RecordBuf::parse_text(&text).unwrap(), RecordBuf::parse_logfmt(&logfmt).unwrap());
        let shown = |shown: bool, value: Option<Duration>| value.filter(|_| shown);
        let elapsed = shown(matches!(time, Time::Elapsed | Time::Both), record.elapsed);
        // Each has as many digits as it was written with.
        let cut = |time: Duration, digits: u32| {
            let step = 10_u32.pow(9 - digits);
            Duration::new(time.as_secs(), time.subsec_nanos() / step * step)
        };
        prop_assert_eq!(read_text.elapsed, elapsed.map(|time| cut(time, digits.into())), "{}", text);
        prop_assert_eq!(read_logfmt.elapsed, elapsed.map(|time| cut(time, 6)), "{}", logfmt);
        for (read, line) in [(&read_text, &text), (&read_logfmt, &logfmt)] {
            prop_assert_eq!(read.timestamp.is_some(), matches!(time, Time::Wall | Time::Both), "{}", line);
            prop_assert_eq!(read.seq, record.seq.filter(|_| seq), "{}", line);
            prop_assert_eq!(&read.message, "m", "{}", line);
            // A thread without a name is called by its id.
            let name = record.thread_name.clone().filter(|_| thread_name);
            let id = record.thread_id.clone().filter(|_| thread_id || thread_name && record.thread_name.is_none());
            prop_assert_eq!((&read.thread_name, &read.thread_id), (&name, &id), "{}", line);
        }
    }

    #[test]
    fn text_reads_back_whatever_it_hides(
        event in strategies::event(),
        spans in strategies::spans(),
        fixture in strategies::fixture(),
        [context, target, location, fields, multiline] in any::<[bool; 5]>(),
        context_name in prop::option::of(prop::sample::select(vec!["uno:", ":", "a:b", "a b", ""])),
    ) {
        let fixture = match context_name {
            Some(name) => Fixture { context: ContextInfo::new(name.to_owned(), 7, Vec::new()), ..fixture },
            None => fixture,
        };
        let format = Format::text().context(context).target(target).location(location).fields(fields).multiline(multiline);
        let (line, mut expected) = written(&format.clone().time(Time::Both).seq(true), &event, &spans, &fixture);
        let (file, number) = (expected.file.take(), expected.line.take());
        let mut expected = with_strings_of_literals(without_unstated_parts(expected), &event, &spans);
        if location {
            (expected.file, expected.line) = (file, number);
        }
        if !target {
            expected.target.clear();
        }
        expected.context = expected.context.filter(|_| context);
        if !fields {
            expected.fields.clear();
        }
        let mut read = format.parse(&line).unwrap();
        if !context && !target && spans.is_empty() && !read.spans.is_empty() {
            // The message begins like a path.
            prop_assert!(expected.message.contains(':'), "{line}");
            return Ok(());
        }
        if read.message != expected.message {
            // The end of the message looks like fields.
            prop_assert!(fields && expected.message.contains('=') && expected.message.starts_with(&read.message), "{line}");
            let from_message = read.fields.len() - expected.fields.len();
            read.fields.drain(..from_message);
            expected.message.clone_from(&read.message);
        }
        prop_assert_eq!(read, expected, "{}", line);
    }

    #[test]
    fn several_lines_are_one_record(
        event in strategies::event(),
        spans in strategies::spans(),
        fixture in strategies::fixture(),
    ) {
        let (one, _) = written(&Format::text(), &event, &spans, &fixture);
        let (several, _) = written(&Format::text().multiline(true), &event, &spans, &fixture);
        prop_assert!(several.strip_suffix('\n').unwrap().split('\n').skip(1).all(|line| line.starts_with("   ")));
        prop_assert!(!several.contains(|next| next != '\n' && is_escaped(next)), "{several:?}");
        prop_assert_eq!(RecordBuf::parse_text(&several).unwrap(), RecordBuf::parse_text(&one).unwrap());
    }

    /// A record that is cut is a line that can be read back, wherever the bound lies.
    #[test]
    fn a_record_that_is_cut_reads_back(
        bound in 0_usize..600,
        event in strategies::event(),
        spans in strategies::spans(),
        fixture in strategies::fixture(),
    ) {
        let write = |format| with_bound(bound, || written(&format, &event, &spans, &fixture));
        for multiline in [false, true] {
            let (text, whole) = write(Format::text().multiline(multiline));
            prop_assert!(!text.contains(|next| next != '\n' && is_escaped(next)), "{:?}", text);
            let read = RecordBuf::parse_text(&text).unwrap();
            prop_assert!(read.fields.len() >= whole.fields.len() && read.spans.len() == whole.spans.len(), "{}", text);
            prop_assert_eq!(read.target, whole.target, "{}", text);
        }
        let (logfmt, whole) = write(Format::logfmt());
        prop_assert!(!logfmt.strip_suffix('\n').unwrap().contains(is_escaped), "{:?}", logfmt);
        let read = RecordBuf::parse_logfmt(&logfmt).unwrap();
        prop_assert_eq!((read.fields.len(), read.spans.len()), (whole.fields.len(), whole.spans.len()), "{}", logfmt);
        let (build, _) = write(Format::build());
        prop_assert!(!build.strip_suffix('\n').unwrap().contains(is_escaped), "{:?}", build);
    }

    #[test]
    fn build_is_one_line(
        event in strategies::event(),
        fixture in strategies::fixture(),
        kind in prop::option::of("header|phase|detail|unit|success|finished|x"),
        part in "name|version|phase|phases|group|unit|cached",
        value in strategies::value(),
    ) {
        let mut event = event;
        event.fields.truncate(5);
        event.fields.push((part, value));
        event.fields.extend(kind.map(|kind| ("build".to_owned(), MadeValue::Plain(kind.into()))));
        let (line, _) = written(&Format::build(), &event, &[], &fixture);
        let line = line.strip_prefix('\n').unwrap_or(&line);
        let line = line.strip_suffix("\n\n").unwrap_or_else(|| line.strip_suffix('\n').unwrap());
        prop_assert!(!line.is_empty() && !line.contains(is_escaped), "{line:?}");
    }

    #[test]
    fn any_line_is_read_or_refused(line in prop_oneof![line(), any::<String>()]) {
        for result in [RecordBuf::parse_text(&line), RecordBuf::parse_logfmt(&line)] {
            if let Err(error) = result {
                prop_assert!(error.kind() == crate::ErrorKind::Parse && error.to_string().starts_with("column "), "{error}");
            }
        }
    }
}
