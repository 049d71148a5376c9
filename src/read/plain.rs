//! Parses the notation that text and logfmt share: names, values, fields and paths of spans.
//!
//! ```text
//! value   = quoted | list | bare
//! list    = "[" [ quoted *( ", " quoted ) ] "]"
//! field   = name "=" value
//! braced  = name [ "{" field *( " " field ) "}" ]
//! path    = braced *( ":" braced )
//! name    = quoted | bare
//! ```

use super::cursor::Cursor;
use crate::error::Error;
use crate::format::quote::is_bare_char;
use crate::record::{SpanBuf, Value};

/// Fields, in the order of the line.
pub(super) type Fields = Vec<(String, Value)>;

/// Returns the value that a text without quotes stands for, or `None` if it stands for itself.
pub(super) fn literal(text: &str) -> Option<Value> {
    match text {
        "null" => return Some(Value::Null),
        "true" => return Some(Value::Bool(true)),
        "false" => return Some(Value::Bool(false)),
        "NaN" => return Some(Value::F64(f64::NAN)),
        "inf" => return Some(Value::F64(f64::INFINITY)),
        "-inf" => return Some(Value::F64(f64::NEG_INFINITY)),
        _ => {}
    }
    // Rust's parsers accept more than the formats write: `+1`, `.5` and `infinity` stay texts.
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let unsigned = text.parse().ok().map(Value::U64);
    unsigned
        .or_else(|| text.parse().ok().map(Value::I64))
        .or_else(|| text.parse().ok().map(Value::U128))
        .or_else(|| text.parse().ok().map(Value::I128))
        .or_else(|| text.parse().ok().map(Value::F64))
}

/// Takes a value.
pub(super) fn value(cursor: &mut Cursor<'_>) -> Result<Value, Error> {
    if cursor.rest().starts_with('"') {
        return cursor.quoted().map(Value::Str);
    }
    if cursor.rest().starts_with('[') {
        return list(cursor).map(Value::List);
    }
    bare(cursor, "a value").map(|bare| literal(bare).unwrap_or_else(|| bare.into()))
}

/// Takes a list of quoted texts.
pub(super) fn list(cursor: &mut Cursor<'_>) -> Result<Vec<String>, Error> {
    cursor.expect("[")?;
    let mut texts = Vec::new();
    if cursor.eat("]") {
        return Ok(texts);
    }
    loop {
        texts.push(cursor.quoted()?);
        if cursor.eat("]") {
            return Ok(texts);
        }
        cursor.expect(", ")?;
    }
}

/// Takes a name or a text, with or without quotes.
pub(super) fn text(cursor: &mut Cursor<'_>, what: &str) -> Result<String, Error> {
    if cursor.rest().starts_with('"') { cursor.quoted() } else { bare(cursor, what).map(str::to_owned) }
}

fn bare<'a>(cursor: &mut Cursor<'a>, what: &str) -> Result<&'a str, Error> {
    match cursor.take_while(is_bare_char) {
        "" => Err(cursor.fail(what)),
        bare => Ok(bare),
    }
}

/// Takes `name=value`.
pub(super) fn field(cursor: &mut Cursor<'_>) -> Result<(String, Value), Error> {
    let name = text(cursor, "a field (`name=value`)")?;
    cursor.expect("=")?;
    Ok((name, value(cursor)?))
}

/// Takes fields in braces if a brace comes next; otherwise returns none.
pub(super) fn braced_fields(cursor: &mut Cursor<'_>) -> Result<Fields, Error> {
    let mut fields = Fields::new();
    if cursor.eat("{") {
        loop {
            fields.push(field(cursor)?);
            if cursor.eat("}") {
                break;
            }
            cursor.expect(" ")?;
        }
    }
    Ok(fields)
}

/// Takes a path of spans, such as `build{unit=core}:link`, outermost first. A colon before a blank or the end of the line is none of the path.
pub(super) fn path(cursor: &mut Cursor<'_>) -> Result<Vec<SpanBuf>, Error> {
    let mut spans = Vec::new();
    loop {
        let name = match cursor.rest().starts_with('"') {
            true => cursor.quoted()?,
            false => match cursor.take_while(|next| next != ':' && is_bare_char(next)) {
                "" => return Err(cursor.fail("the name of a span")),
                bare => bare.to_owned(),
            },
        };
        spans.push(SpanBuf { name, fields: braced_fields(cursor)? });
        let goes_on = cursor.rest().strip_prefix(':').is_some_and(|rest| !rest.is_empty() && !rest.starts_with(' '));
        if !goes_on {
            return Ok(spans);
        }
        cursor.expect(":")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_values_are_literals_or_texts() {
        for (text, value) in [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("NaN", Value::F64(f64::NAN)),
            ("-inf", Value::F64(f64::NEG_INFINITY)),
            ("12", Value::U64(12)),
            ("-12", Value::I64(-12)),
            ("18446744073709551616", Value::U128(1 << 64)),
            ("-18446744073709551616", Value::I128(-(1 << 64))),
            ("1.5", Value::F64(1.5)),
            ("1e21", Value::F64(1e21)),
        ] {
            assert_eq!(literal(text), Some(value), "{text}");
        }
        for text in ["nan", "infinity", "+1", ".5", "-", "--1", "1.2.3", "0x1f", "9f3a", "1_000", "True"] {
            assert_eq!(literal(text), None, "{text}");
        }
    }

    #[test]
    fn a_path_is_read_span_by_span() {
        let mut cursor = Cursor::new(r#"build{unit=core n=-1 to="a}: b"}:"a:b":link tail"#);
        let spans = path(&mut cursor).unwrap();
        assert_eq!(spans.iter().map(|span| span.name.as_str()).collect::<Vec<_>>(), ["build", "a:b", "link"]);
        assert_eq!(spans[0].fields[1], ("n".to_owned(), Value::from(-1)));
        assert_eq!(spans[0].fields[2], ("to".to_owned(), Value::from("a}: b")));
        assert_eq!(cursor.rest(), " tail");
    }

    #[test]
    fn lists_are_read() {
        assert_eq!(list(&mut Cursor::new("[]")).unwrap(), Vec::<String>::new());
        assert_eq!(list(&mut Cursor::new(r#"["a, b", "c\""]"#)).unwrap(), ["a, b", "c\""]);
        assert!(list(&mut Cursor::new(r#"["a""#)).unwrap_err().to_string().starts_with("column 5: expected `, `"));
    }
}
