//! Every record is one line in JSON, which reads back.

use proptest::prelude::*;

use crate::format::escape::is_escaped;
use crate::format::test_support::{rendered, strategies, with_record};
use crate::format::{Format, Renderer, Screen};
use crate::record::{RecordBuf, Value, with_bound};

fn parse(line: &str) -> serde_json::Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// Changes what JSON cannot express: integers of 128 bits become texts, and a float that is not finite becomes null.
fn as_json_has_it(mut record: RecordBuf) -> RecordBuf {
    let spans = record.spans.iter_mut().flat_map(|span| &mut span.fields);
    for (_, value) in record.fields.iter_mut().chain(spans) {
        match value {
            Value::I128(_) | Value::U128(_) => *value = Value::from(value.to_string()),
            Value::F64(number) if !number.is_finite() => *value = Value::Null,
            _ => {}
        }
    }
    // A message that is null reads back as that text.
    if matches!(&*record.message, "NaN" | "inf" | "-inf") {
        record.message = "null".to_owned();
    }
    record
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4 * ProptestConfig::default().cases))]

    /// A record that is cut is one line that can be read back, wherever the bound lies.
    #[test]
    fn a_record_that_is_cut_reads_back(
        bound in 0_usize..600,
        event in strategies::event(),
        spans in strategies::spans(),
        fixture in strategies::fixture(),
    ) {
        let renderer = Renderer::new(&Format::json(), Screen::None);
        let (line, whole) = event.with_event(|event| with_record(&fixture, event, &spans, |record| with_bound(bound, || {
            (rendered(&renderer, record), record.to_buf())
        })));
        let content = line.strip_suffix('\n').unwrap();
        prop_assert!(!content.contains(is_escaped), "{:?}", content);
        let read = RecordBuf::parse_json(content).unwrap();
        prop_assert_eq!((read.fields.len(), read.spans.len()), (whole.fields.len(), whole.spans.len()), "{}", content);
        prop_assert_eq!(read.target, whole.target);
    }

    #[test]
    fn every_record_is_one_line_that_reads_back(
        event in strategies::event(),
        spans in strategies::spans(),
        fixture in strategies::fixture(),
    ) {
        let renderer = Renderer::new(&Format::json(), Screen::None);
        let (line, expected) = event.with_event(|event| with_record(&fixture, event, &spans, |record| {
            (rendered(&renderer, record), record.to_buf())
        }));
        let content = line.strip_suffix('\n').unwrap();
        prop_assert!(!content.contains(is_escaped), "{:?}", content);
        let mut read = RecordBuf::parse_json(content).unwrap();
        // A message that is the text `NaN` is not null, but this test does not distinguish the two.
        if matches!(&*read.message, "NaN" | "inf" | "-inf") {
            read.message = "null".to_owned();
        }
        let expected = as_json_has_it(RecordBuf { thread_name: None, thread_id: None, file: None, line: None, ..expected });
        prop_assert_eq!(&read, &expected);

        // `serde` writes the same keys and the same values as the format.
        let written = serde_json::to_string(&read).unwrap();
        prop_assert_eq!(RecordBuf::parse_json(&written).unwrap(), read);
        let (mut ours, mut theirs) = (parse(&line), parse(&written));
        for line in [&mut ours, &mut theirs] {
            // `serde` leaves out an empty message and an empty target, which a record that was read back has where the line had
            // none. A message of another type became a text.
            let line = line.as_object_mut().unwrap();
            line.get_mut("fields").unwrap().as_object_mut().unwrap().remove("message");
            if line.get("target").is_some_and(|target| target == "") {
                line.remove("target");
            }
        }
        prop_assert_eq!(ours, theirs);
    }
}

proptest! {
    #[test]
    fn every_option_reads_back(
        [flatten, current_span, span_list, context_fields, location, thread_name] in any::<[bool; 6]>(),
        [thread_id, seq, target] in any::<[bool; 3]>(),
        event in strategies::event(),
        spans in strategies::spans(),
        fixture in strategies::fixture(),
    ) {
        let format = Format::json().flatten(flatten).current_span(current_span).span_list(span_list)
            .context_fields(context_fields).location(location).thread_name(thread_name).thread_id(thread_id)
            .seq(seq).target(target);
        let renderer = Renderer::new(&format, Screen::None);
        let (line, record) = event.with_event(|event| with_record(&fixture, event, &spans, |record| {
            (rendered(&renderer, record), record.to_buf())
        }));
        prop_assert!(!line.strip_suffix('\n').unwrap().contains(is_escaped), "{:?}", line);
        let mut read = RecordBuf::parse_json(&line).unwrap();
        if matches!(&*read.message, "NaN" | "inf" | "-inf") {
            read.message = "null".to_owned();
        }
        let mut expected = as_json_has_it(record);
        let unnamed = expected.thread_name.is_none();
        expected.thread_id = expected.thread_id.filter(|_| thread_id || thread_name && unnamed);
        expected.thread_name = expected.thread_name.filter(|_| thread_name);
        expected.seq = expected.seq.filter(|_| seq);
        expected.file = expected.file.filter(|_| location);
        expected.line = expected.line.filter(|_| location);
        if !target {
            expected.target.clear();
        }
        if !context_fields {
            expected.context.as_mut().unwrap().fields.clear();
        }
        match (current_span, span_list) {
            (_, true) => {}
            (true, false) => expected.spans = expected.spans.pop().into_iter().collect(),
            (false, false) => expected.spans.clear(),
        }
        prop_assert_eq!(&read, &expected, "{}", line);
    }
}

#[test]
fn a_field_that_is_called_like_a_key_cannot_shadow_it() {
    let log = || tracing::info!(level = "LOUD", field.level = 1, seq = 2, fields = 3, "m");
    let line = crate::format::test_support::Fixture::new().line(Format::json().flatten(true), log);
    let json = parse(&line);
    assert_eq!((json["level"].as_str(), json["message"].as_str()), (Some("INFO"), Some("m")), "{line}");
    assert_eq!((json["field.level"].as_str(), json["field.field.level"].as_i64()), (Some("LOUD"), Some(1)), "{line}");
    assert_eq!((json["field.seq"].as_i64(), json["field.fields"].as_i64()), (Some(2), Some(3)), "{line}");
    let read = RecordBuf::parse_json(&line).unwrap();
    let names: Vec<_> = read.fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["level", "field.level", "seq", "fields"]);
}

#[test]
fn a_repeated_field_that_is_called_like_a_key_cannot_shadow_it() {
    let log = || tracing::info!("seq" = 1, "seq" = 2, "seq#2" = 3, "seq#2" = 4, "seq#" = 5);
    let line = crate::format::test_support::Fixture::new().line(Format::json().flatten(true), log);
    let read = RecordBuf::parse_json(&line).unwrap();
    let names: Vec<_> = read.fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((names, read.seq), (vec!["seq", "seq#2", "seq#2#2", "seq#2#3", "seq#"], Some(42)), "{line}");
}

#[test]
fn keys_of_other_programs_are_left_out_unless_they_may_be_fields() {
    let with_fields = r#"{"level":"INFO","fields":{"message":"m","a":1},"host":"h","tags":[1,{"b":2}]}"#;
    assert_eq!(RecordBuf::parse_json(with_fields).unwrap().fields.len(), 1);
    let flat =
        r#"{"level":"INFO","message":"m","a":1,"host":"h","tags":[1,{"b":2}],"o":{"p":1},"list":["x"],"none":null}"#;
    let read = RecordBuf::parse_json(flat).unwrap();
    let names: Vec<_> = read.fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((read.message.as_str(), names), ("m", vec!["a", "host", "list", "none"]));
}

/// Found by fuzzing: what logfmt reads as an elapsed time was refused in JSON.
#[test]
fn the_longest_elapsed_times_read_back() {
    for seconds in ["9007199254.740993", "17371509662674845694.5", "18446744073709551615.999999999"] {
        let record = RecordBuf::parse_logfmt(&format!("level=info elapsed={seconds}")).unwrap();
        let read = RecordBuf::parse_json(&serde_json::to_string(&record).unwrap()).unwrap();
        let [elapsed, expected] = [&read, &record].map(|record| record.elapsed.unwrap().as_secs_f64());
        assert!((elapsed - expected).abs() <= expected * f64::EPSILON, "{seconds} reads back as {elapsed}");
        assert_eq!(RecordBuf::parse_json(&serde_json::to_string(&read).unwrap()).unwrap(), read);
    }
    for wrong in ["-0.1", "1.8446744073709556e19", "1e300"] {
        assert!(RecordBuf::parse_json(&format!(r#"{{"level":"INFO","elapsed":{wrong}}}"#)).is_err(), "{wrong}");
    }
}
