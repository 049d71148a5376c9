//! The names that layouts reserve: a program's field of such a name is written with `field.` before it, so that it cannot
//! shadow the layout's own, and the reader takes the prefix off again.

/// The name of the field that is the message.
pub(crate) const MESSAGE: &str = "message";

/// The end of the name of the field that lists what an error was caused by: `err.sources` beside `err`.
pub(crate) const SOURCES: &str = ".sources";

/// The prefix of a field whose name is reserved.
pub(crate) const FIELD_PREFIX: &str = "field.";

/// The prefix of a context's fields in logfmt.
pub(crate) const CONTEXT_PREFIX: &str = "context.";

/// Returns true if logfmt writes a field called `name` with [`FIELD_PREFIX`]: the keys of logfmt itself, names that begin with
/// one of its prefixes, and the empty name.
pub(crate) fn is_reserved_in_logfmt(name: &str) -> bool {
    match name {
        "ts" | "level" | "elapsed" | "context" | "seq" | "target" | "thread" | "thread_id" | "location" | "spans"
        | "msg" | "field" | "" => true,
        _ => name.starts_with(FIELD_PREFIX) || name.starts_with(CONTEXT_PREFIX),
    }
}

/// Returns true if JSON writes a span's field called `name` with [`FIELD_PREFIX`]: `name`, which is the key of the span's name,
/// and `field.name`, `field.field.name` and so on, from which the reader could not take the right number of prefixes otherwise.
pub(crate) fn is_reserved_in_spans(name: &str) -> bool {
    without_prefixes(name) == "name"
}

/// Returns true if JSON writes a field called `name` with [`FIELD_PREFIX`] where the fields stand in the object of the record: the keys of that
/// object, with any number of prefixes, and with any number of the numbers that repeated names get.
pub(crate) fn is_reserved_in_flat_json(name: &str) -> bool {
    matches!(
        without_numbers(without_prefixes(name)),
        "timestamp"
            | "level"
            | "fields"
            | "target"
            | "name"
            | "filename"
            | "line_number"
            | "span"
            | "spans"
            | "threadName"
            | "threadId"
            | "context"
            | "elapsed"
            | "seq"
    )
}

fn without_prefixes(name: &str) -> &str {
    let mut rest = name;
    while let Some(shorter) = rest.strip_prefix(FIELD_PREFIX) {
        rest = shorter;
    }
    rest
}

/// Returns `seq` for `seq#2`, and for `seq#2#2`, which is what a second field called `seq#2` gets.
fn without_numbers(name: &str) -> &str {
    let mut rest = name;
    while let Some((before, number)) = rest.rsplit_once('#')
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
    {
        rest = before;
    }
    rest
}
