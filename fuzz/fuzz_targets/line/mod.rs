//! What every line that was read must satisfy in its own format: `text` and `logfmt` write a record as the formats may, and an invisible
//! character in the line moves nothing.

use std::fmt::Write as _;

use logscope::{RecordBuf, SpanBuf, Value};

/// Characters that both formats escape wherever they are logged.
const ESCAPED: [char; 8] = ['\u{feff}', '\u{2028}', '\u{202e}', '\u{200b}', '\u{ad}', '\r', '\t', '\u{85}'];

/// Calls `see` with `line` and one more character in it that its format would have escaped, wherever one can stand, apart from a byte order
/// mark in front and the CR of a line end. With the character, and with where it stands.
pub fn with_escaped_characters(line: &str, mut see: impl FnMut(&str)) {
    for (place, (at, _)) in line.char_indices().chain([(line.len(), ' ')]).enumerate().take(200) {
        let character = ESCAPED[(place + line.len()) % ESCAPED.len()];
        let is_bom = at == 0 && character == '\u{feff}';
        // Colour may end behind it.
        let is_line_end = character == '\r' && (at == line.len() || line[at..].starts_with(['\n', '\x1b']));
        if !is_bom && !is_line_end {
            see(&format!("{}{character}{}", &line[..at], &line[at..]));
        }
    }
}

/// Writes `record` as a line of `Format::text`, with quotes wherever they can stand, and without its timestamp.
#[allow(dead_code)]
pub fn text(record: &RecordBuf) -> String {
    let mut line = String::new();
    if let Some(elapsed) = record.elapsed {
        let seconds = elapsed.as_secs();
        let _ = write!(line, "{:02}:{:02}.{:09} ", seconds / 60, seconds % 60, elapsed.subsec_nanos());
    }
    if let Some(seq) = record.seq {
        let _ = write!(line, "#{seq} ");
    }
    let threads: Vec<_> = [&record.thread_name, &record.thread_id].into_iter().flatten().map(|thread| quoted(thread)).collect();
    if !threads.is_empty() {
        let _ = write!(line, "[{}] ", threads.join(" "));
    }
    let context = record.context.as_ref().expect("text has a context");
    let _ = write!(line, "{:<5} {}{} ", record.level.as_str(), quoted(&context.name), braced(&context.fields));
    if !record.spans.is_empty() {
        let _ = write!(line, "{} ", path(&record.spans));
    }
    let _ = write!(line, "{}:", quoted(&record.target));
    if !(record.message.is_empty() && record.fields.is_empty()) {
        line.push(' ');
        for character in record.message.chars() {
            let is_plain =
                (character == ' ' || character.is_ascii_graphic() || character.is_alphanumeric()) && character != '\\';
            // Hangul fillers are letters.
            if is_plain && (character.is_ascii() || !ESCAPED.contains(&character) && !is_filler(character)) {
                line.push(character);
            } else {
                let _ = write!(line, "\\u{{{:x}}}", u32::from(character));
            }
        }
        for (place, (name, value)) in record.fields.iter().enumerate() {
            let blank = if place == 0 && record.message.is_empty() { "" } else { " " };
            let _ = write!(line, "{blank}{}={}", quoted(name), plain_value(value));
        }
    }
    line
}

fn is_filler(character: char) -> bool {
    matches!(character, '\u{115f}'..='\u{1160}' | '\u{3164}' | '\u{ffa0}')
}

/// Writes `record` as a line of `Format::logfmt`, with quotes wherever they can stand, and without its timestamp.
#[allow(dead_code)]
pub fn logfmt(record: &RecordBuf) -> String {
    let mut line = format!("level={}", record.level.as_str().to_lowercase());
    if let Some(elapsed) = record.elapsed {
        let _ = write!(line, " elapsed={}.{:09}", elapsed.as_secs(), elapsed.subsec_nanos());
    }
    if let Some(context) = &record.context {
        let _ = write!(line, " context={}", quoted(&context.name));
        for (name, value) in &context.fields {
            let _ = write!(line, " context.{}={}", escaped(name), logfmt_value(value));
        }
    }
    if let Some(seq) = record.seq {
        let _ = write!(line, " seq={seq}");
    }
    if let Some(name) = &record.thread_name {
        let _ = write!(line, " thread={}", quoted(name));
    }
    if let Some(id) = &record.thread_id {
        let _ = write!(line, " thread_id={}", quoted(id));
    }
    if let Some(file) = &record.file {
        let number = record.line.map(|number| number.to_string()).unwrap_or_default();
        let _ = write!(line, " location={}", quoted(&format!("{file}:{number}")));
    }
    if !record.spans.is_empty() {
        let _ = write!(line, " spans={}", quoted(&path(&record.spans)));
    }
    let _ = write!(line, " target={} msg={}", quoted(&record.target), quoted(&record.message));
    for (name, value) in &record.fields {
        let _ = write!(line, " field.{}={}", escaped(name), logfmt_value(value));
    }
    line
}

fn path(spans: &[SpanBuf]) -> String {
    let spans: Vec<_> = spans.iter().map(|span| format!("{}{}", quoted(&span.name), braced(&span.fields))).collect();
    spans.join(":")
}

fn braced(fields: &[(String, Value)]) -> String {
    if fields.is_empty() {
        return String::new();
    }
    let fields: Vec<_> =
        fields.iter().map(|(name, value)| format!("{}={}", quoted(name), plain_value(value))).collect();
    format!("{{{}}}", fields.join(" "))
}

fn plain_value(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        // What reads as `-0`, which is no unsigned number.
        Value::I64(0) => "-0".to_owned(),
        Value::I64(value) => value.to_string(),
        Value::U64(value) => value.to_string(),
        Value::I128(value) => value.to_string(),
        Value::U128(value) => value.to_string(),
        Value::F64(value) => format!("{value:?}"),
        Value::Str(text) => quoted(text),
        Value::List(texts) => {
            let texts: Vec<_> = texts.iter().map(|text| quoted(text)).collect();
            format!("[{}]", texts.join(", "))
        }
        other => panic!("{other:?} is of a new kind"),
    }
}

fn logfmt_value(value: &Value) -> String {
    match value {
        Value::List(_) => format!("\"[{}\"", escaped(&plain_value(value)[1..])),
        value => plain_value(value),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

/// Escapes all but letters and digits.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii_alphanumeric() {
            escaped.push(character);
        } else {
            let _ = write!(escaped, "\\u{{{:x}}}", u32::from(character));
        }
    }
    escaped
}
