//! What a layout writes to: the line of one record, or the look of a span or a context in it.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use tracing::Level;

use super::Layout;
use super::pieces::{push_level, push_value};
use crate::format::ansi::{self, Look};
use crate::format::escape::PlainText;
use crate::format::names::CallsiteNames;
use crate::format::number::push_integer;
use crate::format::options::Options;
use crate::format::plain::name::{OddNames, push_name};
use crate::format::plain::{braces, value};
use crate::format::quote::push_bare_or_quoted;
use crate::format::timestamp::push_rfc3339_micros;
use crate::record::{
    CUT, ContextInfo, FieldValue, Record, SpanInfo, SpanValues, Style, ValueKind, drop_quietly, max_path_bytes,
    render_display, render_str, write_thread_id, write_thread_name,
};
use crate::sync::Arc;

/// Takes what a [`Layout`] pushes: escapes it, and appends it to the line.
///
/// What does not fit into a record ([1 MiB](crate::Config::max_record_bytes), unless set) is cut, and `<cut>` follows. Nothing that is pushed
/// fails: pushes return nothing. `write!` works too, and escapes like [`push`](LayoutWriter::push).
pub struct LayoutWriter<'a> {
    pub(in crate::format) out: &'a mut Vec<u8>,
    /// Where the line begins in `out`.
    pub(in crate::format) start: usize,
    /// True if a blank stands before what is pushed next.
    gap: bool,
    pub(in crate::format) options: &'a Options,
    pub(in crate::format) timer: Option<&'a SharedTimer>,
    pub(in crate::format) colored: bool,
    styles: [Style; 2],
    layout: &'a dyn Layout,
    /// The name of the field that is pushed, if it is known to need no quotes.
    pub(super) plain_name: Option<&'static str>,
}

impl<'a> LayoutWriter<'a> {
    /// Makes the writer of a line at the end of `out`.
    #[inline]
    pub(in crate::format) fn new(out: &'a mut Vec<u8>, looks: Looks<'a>) -> Self {
        let Looks { options, timer, colored, styles, layout } = looks;
        LayoutWriter { start: out.len(), out, gap: false, options, timer, colored, styles, layout, plain_name: None }
    }

    /// Appends `text` as it is: the layout's own punctuation, and colours if the line [is coloured](LayoutWriter::is_colored).
    ///
    /// Logged text goes by [`push`](LayoutWriter::push): nothing is escaped here.
    #[inline]
    pub fn raw(&mut self, text: &str) {
        self.append(|out| out.extend_from_slice(text.as_bytes()));
    }

    /// Appends `text`, escaped: control characters, line ends and invisible characters are written as `\n` or `\u{202e}`. Backslashes stay as
    /// they are.
    pub fn push(&mut self, text: &str) {
        self.append(|out| _ = render_str(text, &mut plain_text(out)));
    }

    /// Appends what the `Display` of `value` writes, escaped. If that panics or fails, a marker follows what was written.
    pub fn push_display(&mut self, value: impl fmt::Display) {
        self.append(|out| _ = render_display(&value, &mut plain_text(out)));
    }

    /// Appends `text` without quotes if it is one plain word, and else in double quotes, escaped.
    pub fn push_quoted(&mut self, text: &str) {
        self.push_value(FieldValue(ValueKind::Str(text)));
    }

    /// Appends the name of a field: without quotes if it is a plain name, and else in double quotes, escaped.
    #[inline]
    pub fn push_name(&mut self, name: &str) {
        // Compared by address: nearly all names are looked at once for each callsite.
        match self.plain_name {
            Some(plain) if ptr::eq(plain, name) => self.raw(plain),
            _ => self.append(|out| push_name(out, None, ["", name, ""], OddNames::Quoted)),
        }
    }

    /// Appends the value of a field in the notation of [`Format::text`](crate::Format::text): a plain word, a number or a boolean stands without quotes, and
    /// other texts in double quotes.
    #[inline]
    pub fn push_value(&mut self, value: FieldValue<'_>) {
        self.append(|out| push_value(out, value));
    }

    /// Has a blank stand before what is pushed next, unless nothing is, or the line is empty.
    ///
    /// So parts that may be empty, as the spans or the message, need no `if` around them.
    pub fn gap(&mut self) {
        self.gap = true;
    }

    /// Appends the level, filled up to five characters; in colour if the line is coloured.
    pub fn push_level(&mut self, level: Level) {
        let colored = self.colored;
        self.append(|out| push_level(colored, level, out));
    }

    /// Appends the time as the format says: see [`Format::time`](crate::Format::time) and its companions.
    pub fn push_time(&mut self, record: &Record<'_>) {
        let (times, colored) = (self.options.times, self.colored);
        match self.timer {
            Some(timer) => timer.push(record, self),
            None if times.shows_wall() || times.shows_elapsed() => {
                self.append(|out| ansi::push_colored(colored, Look::Dim, out, |out| times.push(record, out)));
            }
            None => {}
        }
    }

    /// Appends the wall-clock time in RFC 3339, to the microsecond, with the [offset](crate::Format::offset) of the format.
    pub fn push_timestamp(&mut self, record: &Record<'_>) {
        let offset = self.options.times.offset;
        self.append(|out| push_rfc3339_micros(out, record.timestamp(), offset));
    }

    /// Appends the time since the origin of the context, in the [style](crate::Format::elapsed_style) of the format.
    pub fn push_elapsed(&mut self, record: &Record<'_>) {
        let times = self.options.times;
        self.append(|out| times.push_elapsed(record, out));
    }

    /// Appends the name of the thread that logs, or its id if it has no name; in quotes if it is not a plain word.
    pub fn push_thread_name(&mut self) {
        self.append(|out| value::push_rendered(out, |out| write_thread_name(out)));
    }

    /// Appends the id of the thread that logs, as `ThreadId(2)`.
    pub fn push_thread_id(&mut self) {
        self.append(|out| _ = write_thread_id(&mut plain_text(out)));
    }

    /// Appends the target, as [`push_quoted`](LayoutWriter::push_quoted) does: without quotes if it is one plain word, as nearly all are.
    pub fn push_target(&mut self, record: &Record<'_>) {
        match CallsiteNames::of(record).plain_target {
            true => self.raw(record.target()),
            false => self.append(|out| push_bare_or_quoted(out, record.target())),
        }
    }

    /// Appends the source file and the line of the log call, as `src/main.rs:12`; nothing for a notice.
    pub fn push_location(&mut self, record: &Record<'_>) {
        let Some(file) = record.file() else { return };
        self.push(file);
        if let Some(line) = record.line() {
            self.raw(":");
            self.append(|out| push_integer(out, line));
        }
    }

    /// Appends the message on one line, escaped; nothing if the record has none.
    pub fn push_message(&mut self, record: &Record<'_>) {
        self.append(|out| record.render_message(&mut plain_text(out)));
    }

    /// Appends the message, and keeps its line ends: `continuation` is written at the beginning of each line after the first. Choose one that
    /// no record of the layout begins with.
    pub fn push_message_lines(&mut self, record: &Record<'_>, continuation: &str) {
        self.append(|out| record.render_message(&mut plain_text(out).multiline(Some(continuation))));
    }

    /// Appends the context of the record, as [`Layout::context`] renders it. That is done once, and kept.
    pub fn push_context(&mut self, record: &Record<'_>) {
        let (looks, style) = (self.looks(), self.style());
        self.append(|out| {
            record.context().append_fragment(style, out, |context, out| {
                looks.layout.context(context, &mut looks.writer(out));
            });
        });
    }

    /// Appends the spans around the record, outermost first, each as [`Layout::span`] renders it, with [`Layout::span_separator`] between them.
    /// That is done once, and kept; nothing is appended outside every span.
    pub fn push_spans(&mut self, record: &Record<'_>) {
        let (looks, style) = (self.looks(), self.style());
        self.append(|out| record.spans.append(style, &|path, out| looks.push_path(style, path, out), out));
    }

    /// Appends `context` as `uno{env=x}`: the default look.
    pub fn push_braced_context(&mut self, context: &ContextInfo) {
        let colored = self.colored;
        self.append(|out| braces::render_context(colored, context, out));
    }

    /// Appends `span` as `build{unit=core}`: the default look.
    pub fn push_braced_span(&mut self, span: SpanInfo<'_>) {
        let colored = self.colored;
        self.append(|out| braces::render_span(colored, span.0, out));
    }

    /// Calls `push`, between the escape sequence `sequence` and the one that ends all colours, if the line is coloured.
    ///
    /// ```
    /// # use logscope::LayoutWriter;
    /// # fn render(line: &mut LayoutWriter<'_>) {
    /// line.colored("\x1b[36m", |line| line.push("uno"));
    /// # }
    /// ```
    pub fn colored(&mut self, sequence: &str, push: impl FnOnce(&mut Self)) {
        if !self.colored {
            return push(self);
        }
        let (before, gap) = (self.out.len(), self.gap);
        self.raw(sequence);
        let inside = self.out.len();
        push(self);
        if self.out.len() == inside {
            self.out.truncate(before);
            self.gap = gap;
        } else {
            self.raw("\x1b[0m");
        }
    }

    /// Returns true if the line is coloured: see [`Format::color`](crate::Format::color).
    #[must_use]
    pub fn is_colored(&self) -> bool {
        self.colored
    }

    /// Returns true if nothing has been pushed yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.out.len() == self.start
    }

    /// Appends what `push` appends, and a blank before it if one is due.
    #[inline]
    fn append(&mut self, push: impl FnOnce(&mut Vec<u8>)) {
        if !self.gap {
            return push(self.out);
        }
        let before = self.out.len();
        if before > self.start {
            self.out.push(b' ');
        }
        let from = self.out.len();
        push(self.out);
        if self.out.len() == from {
            self.out.truncate(before);
        } else {
            self.gap = false;
        }
    }

    pub(super) fn layout(&self) -> &'a dyn Layout {
        self.layout
    }

    fn style(&self) -> Style {
        self.styles[usize::from(self.colored)]
    }

    pub(in crate::format) fn looks(&self) -> Looks<'a> {
        let LayoutWriter { options, timer, colored, styles, layout, .. } = *self;
        Looks { options, timer, colored, styles, layout }
    }
}

/// What the lines of a format have in common.
#[derive(Clone, Copy)]
pub(in crate::format) struct Looks<'a> {
    pub(in crate::format) options: &'a Options,
    pub(in crate::format) timer: Option<&'a SharedTimer>,
    pub(in crate::format) colored: bool,
    /// The styles of the layout's spans and contexts, without and with colour.
    pub(in crate::format) styles: [Style; 2],
    pub(in crate::format) layout: &'a dyn Layout,
}

impl<'a> Looks<'a> {
    #[inline]
    pub(in crate::format) fn writer<'b>(&self, out: &'b mut Vec<u8>) -> LayoutWriter<'b>
    where
        'a: 'b,
    {
        LayoutWriter::new(out, *self)
    }

    /// Appends `path`. In place of a span that makes it too long stands its name and a marker.
    fn push_path(&self, style: Style, path: &[Arc<SpanValues>], out: &mut Vec<u8>) {
        let start = out.len();
        for (index, span) in path.iter().enumerate() {
            if index > 0 {
                out.extend_from_slice(self.layout.span_separator().as_bytes());
            }
            let room = max_path_bytes().saturating_sub(out.len() - start);
            let from = out.len();
            span.append_fragment(style, out, |span, out| self.layout.span(SpanInfo(span), &mut self.writer(out)));
            if out.len() - from > room {
                out.truncate(from);
                plain_text(out).push(span.name());
                out.extend_from_slice(CUT.as_bytes());
            }
        }
    }
}

impl fmt::Write for LayoutWriter<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut result = Ok(());
        self.append(|out| {
            result = plain_text(out).write_str(text);
            // Each piece of a `write!` that is refused comes here.
            if result.is_err() && !out.ends_with(CUT.as_bytes()) {
                out.extend_from_slice(CUT.as_bytes());
            }
        });
        result
    }
}

impl fmt::Debug for LayoutWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = String::from_utf8_lossy(&self.out[self.start..]);
        f.debug_struct("LayoutWriter").field("line", &line).field("colored", &self.colored).finish()
    }
}

/// Text for people: what a layout of the program's own writes is not read back.
fn plain_text(out: &mut Vec<u8>) -> PlainText<'_> {
    PlainText::new(out).keep_backslashes()
}

/// The marker where code of the program's own panicked.
const PANICKED: &[u8] = b"<panicked>";

/// Appends what `append` appends, which is code of the program's own and may panic: a log call must not.
pub(in crate::format) fn contain(line: &mut LayoutWriter<'_>, append: impl FnOnce(&mut LayoutWriter<'_>)) {
    // Unwind safety: the code appends to the line piece by piece, and what stands there then is written.
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| append(line))) {
        drop_quietly(payload);
        line.out.extend_from_slice(PANICKED);
        if line.colored {
            line.out.extend_from_slice(Look::RESET);
        }
    }
}

/// Writes the time of a record: a function or closure, for [`Format::timer`](crate::Format::timer).
type Timer = dyn Fn(&Record<'_>, &mut LayoutWriter<'_>) + Send + Sync;

/// A timer that formats share. Clones are equal, and no others.
#[derive(Clone)]
pub(in crate::format) struct SharedTimer(Arc<Timer>);

impl SharedTimer {
    pub(in crate::format) fn new(timer: impl Fn(&Record<'_>, &mut LayoutWriter<'_>) + Send + Sync + 'static) -> Self {
        SharedTimer(Arc::new(timer))
    }

    pub(in crate::format) fn push(&self, record: &Record<'_>, line: &mut LayoutWriter<'_>) {
        contain(line, |line| (self.0)(record, line));
    }

    fn address(&self) -> *const () {
        Arc::as_ptr(&self.0).cast()
    }
}

impl PartialEq for SharedTimer {
    fn eq(&self, other: &Self) -> bool {
        self.address() == other.address()
    }
}

impl Eq for SharedTimer {}

impl Hash for SharedTimer {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.address().hash(state);
    }
}

impl fmt::Debug for SharedTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("custom")
    }
}
