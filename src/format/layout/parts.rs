//! The parts of a record, as a layout pushes them. The fields are in `visit`.

use tracing::Level;

use super::pieces::push_level;
use super::writer::{LayoutWriter, Looks, plain_text};
use crate::format::ansi::{self, Look};
use crate::format::number::push_integer;
use crate::format::plain::value;
use crate::format::quote::push_bare_or_quoted;
use crate::format::timestamp;
use crate::record::{Record, write_thread_id, write_thread_name};

impl LayoutWriter<'_> {
    /// Appends the level, filled up to five characters; in colour if the line is coloured.
    pub fn push_level(&mut self, level: Level) {
        let colored = self.looks.colored;
        push_level(colored, level, self.out);
    }

    /// Appends the time as the format says: see [`Format::time`](crate::Format::time) and its companions.
    pub fn push_time(&mut self, record: &Record<'_>) {
        let Looks { options, timer, colored, .. } = *self.looks;
        let times = &options.times;
        match timer {
            Some(timer) => timer.push(record, self.looks, self.out),
            None if times.shows_wall() || times.shows_elapsed() => {
                ansi::push_colored(colored, Look::Dim, self.out, |out| times.push(record, out));
            }
            None => {}
        }
    }

    /// Appends the wall-clock time in RFC 3339, to the microsecond, with the [offset](crate::Format::offset) of the format.
    pub fn push_timestamp(&mut self, record: &Record<'_>) {
        let offset = self.looks.options.times.offset;
        timestamp::push_timestamp(self.out, record, offset);
    }

    /// Appends the time since the origin of the context, in the [style](crate::Format::elapsed_style) of the format.
    pub fn push_elapsed(&mut self, record: &Record<'_>) {
        let times = self.looks.options.times;
        times.push_elapsed(record, self.out);
    }

    /// Appends the name of the thread that logs, or its id if it has no name; in quotes if it is not a plain word.
    pub fn push_thread_name(&mut self) {
        value::push_rendered(self.out, |out| write_thread_name(out));
    }

    /// Appends the id of the thread that logs, as `ThreadId(2)`.
    pub fn push_thread_id(&mut self) {
        let _ = write_thread_id(&mut plain_text(self.out));
    }

    /// Appends the target, as [`push_quoted`](LayoutWriter::push_quoted) does: without quotes if it is one plain word, as nearly all are.
    pub fn push_target(&mut self, record: &Record<'_>) {
        match self.names(record).has_plain_target(record) {
            true => self.raw(record.target()),
            false => push_bare_or_quoted(self.out, record.target()),
        }
    }

    /// Appends the source file and the line of the log call, as `src/main.rs:12`; nothing for a notice.
    pub fn push_location(&mut self, record: &Record<'_>) {
        let Some(file) = record.file() else { return };
        self.push(file);
        if let Some(line) = record.line() {
            self.raw(":");
            push_integer(self.out, line);
        }
    }

    /// Appends the message on one line, escaped; nothing if the record has none.
    pub fn push_message(&mut self, record: &Record<'_>) {
        record.render_message(&mut plain_text(self.out));
    }

    /// Appends the message, and keeps its line ends: `continuation` is written at the beginning of each line after the first. Choose one that
    /// no record of the layout begins with.
    pub fn push_message_lines(&mut self, record: &Record<'_>, continuation: &str) {
        record.render_message(&mut plain_text(self.out).multiline(Some(continuation)));
    }

    /// Appends the context of the record, as [`Layout::context`](super::Layout::context) renders it. That is done once, and kept.
    pub fn push_context(&mut self, record: &Record<'_>) {
        let (looks, style) = (self.looks, self.style());
        record.context().append_fragment(style, self.out, |context, out| {
            looks.layout.context(context, &mut looks.writer(out));
        });
    }

    /// Appends the spans around the record, outermost first, each as [`Layout::span`](super::Layout::span) renders it, with
    /// [`Layout::span_separator`](super::Layout::span_separator) between them.
    /// That is done once, and kept; nothing is appended outside every span.
    pub fn push_spans(&mut self, record: &Record<'_>) {
        let (looks, style) = (self.looks, self.style());
        record.spans.append(style, &|path, out| looks.push_path(style, path, out), self.out);
    }
}
