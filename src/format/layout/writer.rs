//! What a layout writes to: the line of one record, or the look of a span or a context in it.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use super::Layout;
use super::look::FieldLook;
use super::pieces::push_value;
use crate::format::ansi::Look;
use crate::format::escape::PlainText;
use crate::format::names::{CallsiteNames, ReadyName};
use crate::format::options::Options;
use crate::format::plain::braces;
use crate::format::plain::name::{OddNames, push_name};
use crate::line_buffer::LineBuffer;
use crate::record::{
    CUT, ContextInfo, FieldValue, Record, SpanInfo, SpanValues, Style, ValueKind, drop_quietly, max_path_bytes,
    render_display, render_str,
};
use crate::sync::Arc;

/// Takes what a [`Layout`] pushes: escapes it, and appends it to the line.
///
/// What does not fit into a record ([1 MiB](crate::Config::max_record_bytes), unless set) is cut, and `<cut>` follows. Nothing that is pushed
/// fails: pushes return nothing. `write!` works too, and escapes like [`push`](LayoutWriter::push).
pub struct LayoutWriter<'a> {
    pub(in crate::format) out: &'a mut LineBuffer,
    /// Where the line begins in `out`.
    pub(in crate::format) start: usize,
    /// Where the blank ends that was written last for a gap. Nothing stands behind it if that is the end of the line.
    pub(super) gap_end: usize,
    pub(in crate::format) looks: &'a Looks<'a>,
    /// The name of the field that is pushed, if it is known to need no quotes.
    pub(super) ready_name: Option<&'static ReadyName>,
    /// What is known of the names of a record, and the address of that record: none is moved while its line is rendered.
    names: Option<(usize, &'static CallsiteNames)>,
}

/// How far a line is.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    length: usize,
    gap_end: usize,
}

/// No line is as long.
const NO_GAP: usize = usize::MAX;

impl<'a> LayoutWriter<'a> {
    /// Makes the writer of a line at the end of `out`.
    #[inline]
    pub(in crate::format) fn new(out: &'a mut LineBuffer, looks: &'a Looks<'a>) -> Self {
        LayoutWriter { start: out.len(), out, gap_end: NO_GAP, looks, ready_name: None, names: None }
    }

    /// Appends `text` as it is: the layout's own punctuation, and colours if the line [is coloured](LayoutWriter::is_colored).
    ///
    /// Logged text goes by [`push`](LayoutWriter::push): nothing is escaped here.
    #[inline]
    pub fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Appends `text`, escaped: control characters, line ends and invisible characters are written as `\n` or `\u{202e}`. Backslashes stay as
    /// they are.
    pub fn push(&mut self, text: &str) {
        let _ = render_str(text, &mut plain_text(self.out));
    }

    /// Appends what the `Display` of `value` writes, escaped. If that panics or fails, a marker follows what was written.
    pub fn push_display(&mut self, value: impl fmt::Display) {
        let _ = render_display(&value, &mut plain_text(self.out));
    }

    /// Appends `text` without quotes if it is one plain word, and else in double quotes, escaped.
    pub fn push_quoted(&mut self, text: &str) {
        self.push_value(FieldValue(ValueKind::Str(text)));
    }

    /// Appends the name of a field: without quotes if it is a plain name, and else in double quotes, escaped.
    #[inline]
    pub fn push_name(&mut self, name: &str) {
        // Compared by address: nearly all names are looked at once for each callsite.
        match self.ready_name {
            Some(ready) if ptr::eq(ready.name(), name) => self.raw(name),
            _ => push_name(self.out, None, ["", name, ""], OddNames::Quoted),
        }
    }

    /// Appends the value of a field in the notation of [`Format::text`](crate::Format::text): a plain word, a number or a boolean stands without quotes, and
    /// other texts in double quotes.
    #[inline]
    pub fn push_value(&mut self, value: FieldValue<'_>) {
        push_value(self.out, value);
    }

    /// Appends a field as it looks by default, which the layout `L` asks for.
    #[inline]
    pub(super) fn push_by_default<L: Layout + ?Sized>(&mut self, name: &str, value: FieldValue<'_>) {
        if let Some(look) = self.looks.fields {
            look.note_default_of::<L>();
        }
        match self.ready_name {
            Some(ready) if ptr::eq(ready.name(), name) && ready.try_push_pair(self.out) => push_value(self.out, value),
            _ => self.push_other_name_and_value(name, value),
        }
    }

    #[inline(never)]
    fn push_other_name_and_value(&mut self, name: &str, value: FieldValue<'_>) {
        self.push_name(name);
        self.raw("=");
        push_value(self.out, value);
    }

    /// Has a blank stand before what is pushed next, unless nothing is, or the line is empty.
    ///
    /// So parts that may be empty, as the spans or the message, need no `if` around them. What [`raw`](LayoutWriter::raw) has pushed counts as
    /// content: after `raw(" | ")` a gap is one more blank.
    pub fn gap(&mut self) {
        let end = self.out.len();
        if end > self.start && end != self.gap_end {
            self.out.push(b' ');
            self.gap_end = end + 1;
        }
    }

    /// Appends `context` as `uno{env=x}`: the default look.
    pub fn push_braced_context(&mut self, context: &ContextInfo) {
        let colored = self.looks.colored;
        braces::render_context(colored, context, self.out);
    }

    /// Appends `span` as `build{unit=core}`: the default look.
    pub fn push_braced_span(&mut self, span: SpanInfo<'_>) {
        let colored = self.looks.colored;
        braces::render_span(colored, span.0, self.out);
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
        if !self.looks.colored {
            return push(self);
        }
        let before = self.mark();
        self.raw(sequence);
        let inside = self.out.len();
        push(self);
        if self.is_unchanged_since(inside) {
            self.back_to(before);
        } else {
            self.raw("\x1b[0m");
        }
    }

    /// Returns true if the line is coloured: see [`Format::color`](crate::Format::color).
    #[must_use]
    pub fn is_colored(&self) -> bool {
        self.looks.colored
    }

    /// Returns true if nothing has been pushed yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.out.len() == self.start
    }

    /// True if nothing was appended since the line had this length, but perhaps a gap.
    #[inline]
    pub(super) fn is_unchanged_since(&self, length: usize) -> bool {
        let now = self.out.len();
        now == length || (now == length + 1 && now == self.gap_end)
    }

    /// Notes how far the line is, for [`back_to`](LayoutWriter::back_to).
    #[inline]
    pub(super) fn mark(&self) -> Mark {
        Mark { length: self.out.len(), gap_end: self.gap_end }
    }

    /// Removes what was appended since.
    pub(super) fn back_to(&mut self, mark: Mark) {
        self.out.truncate(mark.length);
        self.gap_end = mark.gap_end;
    }

    /// Returns what is known of the names of `record`.
    #[inline]
    pub(super) fn names(&mut self, record: &Record<'_>) -> &'static CallsiteNames {
        let address = ptr::from_ref(record).addr();
        match self.names {
            Some((of, names)) if of == address => names,
            _ => self.names.insert((address, CallsiteNames::of(record))).1,
        }
    }

    pub(super) fn layout(&self) -> &'a dyn Layout {
        self.looks.layout
    }

    pub(super) fn style(&self) -> Style {
        self.looks.styles[usize::from(self.looks.colored)]
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
    /// How the layout shows fields, if it is one of the program's own.
    pub(in crate::format) fields: Option<&'a FieldLook>,
}

impl<'a> Looks<'a> {
    #[inline]
    pub(in crate::format) fn writer<'b>(&'b self, out: &'b mut LineBuffer) -> LayoutWriter<'b> {
        LayoutWriter::new(out, self)
    }

    /// Appends `path`. In place of a span that makes it too long stands its name and a marker.
    pub(super) fn push_path(&self, style: Style, path: &[Arc<SpanValues>], out: &mut LineBuffer) {
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

impl Drop for LayoutWriter<'_> {
    /// Removes a gap behind which nothing stands.
    #[inline]
    fn drop(&mut self) {
        if self.out.len() == self.gap_end {
            self.out.pop();
        }
    }
}

impl fmt::Write for LayoutWriter<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let result = plain_text(self.out).write_str(text);
        // Each piece of a `write!` that is refused comes here.
        if result.is_err() && !self.out.ends_with(CUT.as_bytes()) {
            self.out.extend_from_slice(CUT.as_bytes());
        }
        result
    }
}

impl fmt::Debug for LayoutWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = String::from_utf8_lossy(&self.out[self.start..]);
        f.debug_struct("LayoutWriter").field("line", &line).field("colored", &self.looks.colored).finish()
    }
}

/// Text for people: what a layout of the program's own writes is not read back.
pub(super) fn plain_text(out: &mut LineBuffer) -> PlainText<'_> {
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
        if line.looks.colored {
            line.out.extend_from_slice(Look::RESET);
        }
    }
}

/// Writes the time of a record: a function or closure, for [`Format::timer`](crate::Format::timer).
type Timer = dyn Fn(&Record<'_>, &mut LayoutWriter<'_>) + Send + Sync;

/// A timer that formats share. Clones are equal, and no others.
#[derive(Clone)]
pub(in crate::format) struct SharedTimer {
    timer: Arc<Timer>,
    /// The styles of what it pushes. A path in a layout's own style would be taken for one that the layout itself has rendered.
    styles: [Style; 2],
}

impl SharedTimer {
    pub(in crate::format) fn new(timer: impl Fn(&Record<'_>, &mut LayoutWriter<'_>) + Send + Sync + 'static) -> Self {
        SharedTimer { timer: Arc::new(timer), styles: Style::new_pair() }
    }

    /// Appends the time, by a writer of its own: a gap at its end is not ours. For this writer the format has no timer, so that one may push the
    /// time that would stand there without it.
    pub(in crate::format) fn push(&self, record: &Record<'_>, looks: &Looks<'_>, out: &mut LineBuffer) {
        let looks = Looks { timer: None, styles: self.styles, ..*looks };
        contain(&mut looks.writer(out), |line| (self.timer)(record, line));
    }

    fn address(&self) -> *const () {
        Arc::as_ptr(&self.timer).cast()
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
