//! What differs from run to run, and what stands in a snapshot in its place.

use super::lines::{Parts, line};
use super::store::Kept;
use crate::record::{RecordBuf, Value};

mod json;
mod scan;

/// Sets what stands in a snapshot in place of what differs from run to run; for [`Log::text_with`](super::Log::text_with).
///
/// ```
/// use logscope::testing::{Normalize, capture};
///
/// capture(|log| {
///     tracing::info!(target: "server", build = "af3c", "listening on 127.0.0.1:49152 after 1.5ms");
///     let rules = Normalize::default().field("build", "<build>");
///     assert_eq!(log.text_with(&rules), "INFO  server: listening on 127.0.0.1:<port> after <duration> build=<build>\n");
/// });
/// ```
///
/// Times, numbers of records, ids of contexts and threads stand in no snapshot. In messages and in texts of fields, the rules replace:
///
/// | what | by |
/// |---|---|
/// | a date with a time, such as `2026-05-01T12:00:00.5Z` | `<time>` |
/// | a duration with its unit, such as `1.5ms`, `12 s` or `2m 3s` | `<duration>` |
/// | `ThreadId(7)` | `ThreadId(_)` |
/// | an address such as `0x7ffe1234` | `<address>` |
/// | a UUID | `<uuid>` |
/// | the port after `127.0.0.1:`, `0.0.0.0:`, `[::1]:`, `[::]:` and `localhost:` | `<port>` |
/// | the folder of [`scratch_dir`](super::scratch_dir) or of a [child](super::child()), that of [`per_worker`](super::per_worker) | `<scratch>`, `<worker>` |
/// | the folder for temporary files, the current folder, the home | `<tmp>`, `<cwd>`, `<home>` |
/// | a folder of the crate `tempfile` | `<dir>` |
///
/// A `\` in what follows such a folder becomes a `/`.
#[derive(Clone, Debug, Default)]
pub struct Normalize {
    keeps_texts: bool,
    is_sorted: bool,
    replacements: Vec<(String, String)>,
    fields: Vec<(String, String)>,
}

impl Normalize {
    /// Keeps messages and texts as they are, but for the replacements that are set.
    #[must_use]
    pub fn keep_texts(mut self) -> Self {
        self.keeps_texts = true;
        self
    }

    /// Sorts the lines, for records of several threads.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.is_sorted = true;
        self
    }

    /// Replaces `text` in messages and in texts of fields by `placeholder`, before the rules do.
    #[must_use]
    pub fn replace(mut self, text: impl Into<String>, placeholder: impl Into<String>) -> Self {
        self.replacements.push((text.into(), placeholder.into()));
        self
    }

    /// Replaces the value of each field called `name` by `placeholder`, also in spans.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, placeholder: impl Into<String>) -> Self {
        self.fields.push((name.into(), placeholder.into()));
        self
    }

    pub(super) fn text(&self, records: &[Kept], own_context: &str) -> String {
        let parts = Parts { time: false, own_context: Some(own_context), own_thread: None };
        self.lines(records, |record| line(record, parts))
    }

    pub(super) fn json(&self, records: &[Kept], own_context: &str) -> String {
        self.lines(records, |record| json::object(record, own_context))
    }

    fn lines(&self, records: &[Kept], line: impl Fn(&RecordBuf) -> String) -> String {
        let mut lines: Vec<String> = records.iter().map(|record| line(&self.record(record)) + "\n").collect();
        if self.is_sorted {
            lines.sort_unstable();
        }
        lines.concat()
    }

    fn record(&self, record: &RecordBuf) -> RecordBuf {
        let mut record = record.clone();
        record.message = self.replaced(&record.message);
        self.replace_fields(&mut record.fields);
        record.spans.iter_mut().for_each(|span| self.replace_fields(&mut span.fields));
        record
    }

    fn replace_fields(&self, fields: &mut [(String, Value)]) {
        for (name, value) in fields {
            match (self.fields.iter().find(|(field, _)| field == name), &mut *value) {
                (Some((_, placeholder)), _) => *value = Value::Str(placeholder.clone()),
                (None, Value::Str(text)) => *text = self.replaced(text),
                (None, Value::List(texts)) => texts.iter_mut().for_each(|text| *text = self.replaced(text)),
                (None, _) => {}
            }
        }
    }

    fn replaced(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (known, placeholder) in self.replacements.iter().filter(|(known, _)| !known.is_empty()) {
            text = text.replace(known.as_str(), placeholder);
        }
        if self.keeps_texts { text } else { scan::replace_all(&scan::replace_folders(text)) }
    }
}
