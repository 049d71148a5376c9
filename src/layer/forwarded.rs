//! Records of the `log` crate that another bridge has made into events: `LogTracer` of the crate `tracing-log`, which the `init()` of
//! tracing-subscriber installs.
//!
//! An event has static metadata, so such an event carries those of the log call in fields. All of them have one target and one name.

use std::fmt;
use std::ops::Range;

use tracing::field::{Field, FieldSet, Visit};
use tracing::{Event, Metadata};
use tracing_core::metadata::Kind;

use crate::format::buffer::Buffer;

/// The target of each event of such a bridge. The real one is in a field.
pub(super) const TARGET: &str = "log";

/// The name of each event of such a bridge.
pub(super) const NAME: &str = "log event";

/// The fields of each event of such a bridge.
pub(super) const FIELDS: &[&str] = &["message", "log.target", "log.module_path", "log.file", "log.line"];

/// The log call that an event was made of.
pub(super) struct LogCall {
    event: &'static Metadata<'static>,
    /// The texts, one after the other: an event lends its values only for the time of a visit.
    texts: Buffer,
    target: Option<Range<usize>>,
    module_path: Option<Range<usize>>,
    file: Option<Range<usize>>,
    line: Option<u32>,
}

impl LogCall {
    /// Returns the call; `None` if `event` is a program's own. Its target is [`TARGET`].
    pub(super) fn of(event: &Event<'_>) -> Option<LogCall> {
        let metadata = event.metadata();
        let names = metadata.fields().iter().map(|field| field.name());
        if metadata.name() != NAME || !names.eq(FIELDS.iter().copied()) {
            return None;
        }
        let texts = Buffer::take();
        let mut call = LogCall { event: metadata, texts, target: None, module_path: None, file: None, line: None };
        event.record(&mut call);
        Some(call)
    }

    /// Returns the metadata of the call.
    pub(super) fn metadata(&self) -> Metadata<'_> {
        let text = |range: &Option<Range<usize>>| std::str::from_utf8(self.texts.get(range.clone()?)?).ok();
        Metadata::new(
            NAME,
            text(&self.target).unwrap_or(TARGET),
            *self.event.level(),
            text(&self.file),
            self.line,
            text(&self.module_path),
            FieldSet::new(&["message"], self.event.callsite()),
            Kind::EVENT,
        )
    }
}

impl Visit for LogCall {
    fn record_str(&mut self, field: &Field, value: &str) {
        let part = match field.name() {
            "log.target" => &mut self.target,
            "log.module_path" => &mut self.module_path,
            "log.file" => &mut self.file,
            _ => return,
        };
        let start = self.texts.len();
        self.texts.extend_from_slice(value.as_bytes());
        *part = Some(start..self.texts.len());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "log.line" {
            self.line = u32::try_from(value).ok();
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
