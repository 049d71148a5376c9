//! Layouts: what turns a record into a line. The layouts of this crate implement the same trait as a program's own.
//!
//! - this file: the trait [`Layout`], and its looks of spans, contexts and fields;
//! - `writer`: what a layout writes to, which escapes;
//! - `look`: whether it shows fields as they look by default;
//! - `parts`: the parts of a record;
//! - `visit`: the fields of a record, each given to its look;
//! - `columns`: the columns that text, build and pretty write before the message.

pub(super) mod columns;
mod look;
mod parts;
mod pieces;
mod visit;
mod writer;

use crate::record::{ContextInfo, FieldValue, Record, SpanInfo};
pub(super) use look::FieldLook;
pub(super) use pieces::{push_level, push_level_after_gap};
pub use writer::LayoutWriter;
pub(super) use writer::{Looks, SharedTimer, contain};

/// Renders records as lines: the trait of a layout of the program's own, which [`Format::custom`](crate::Format::custom) makes a format.
///
/// ```
/// use logscope::{Format, Layout, LayoutWriter, OutputContext, Record, sink};
///
/// struct Short;
///
/// impl Layout for Short {
///     fn render(&self, record: &Record<'_>, line: &mut LayoutWriter<'_>) {
///         line.raw("<");
///         line.push(record.level().as_str());
///         line.raw(">");
///         line.gap();
///         line.push_message_and_fields(record);
///     }
/// }
///
/// logscope::init();
/// let (memory, lines) = sink::memory();
/// let uno = OutputContext::builder("uno").sink(memory.format(Format::custom(Short))).build();
/// uno.scope(|| tracing::warn!(unit = "a b", "two\nlines"));
/// assert_eq!(lines.text(), "<WARN> two\\nlines unit=\"a b\"\n");
/// ```
///
/// Everything that a layout pushes is escaped, so that no logged text can forge a line; only what it writes by
/// [`raw`](LayoutWriter::raw) is not. The end of the line is added to it. The line is rendered on the thread that logs, outside every lock; it
/// then works as a line of every other format does: with queues, files that roll, and notices about missing records, which are records
/// with the target `logscope` and without a number. Equal formats share a rendering: clones of a format are equal, and two formats that are
/// made of one type of layout are not.
///
/// The context and the spans of a record are pushed whole, by [`push_context`](LayoutWriter::push_context) and
/// [`push_spans`](LayoutWriter::push_spans). Each is rendered once by [`context`](Layout::context) or [`span`](Layout::span) (twice, if the line
/// is long already), and kept for the records to come, so a look of one's own costs nothing for each record.
///
/// A layout that panics ends the record there: the line has what was rendered, and `<panicked>`.
pub trait Layout: Send + Sync + 'static {
    /// Renders `record` as one line. The `\n` at its end is added.
    ///
    /// Several threads call this at once.
    fn render(&self, record: &Record<'_>, line: &mut LayoutWriter<'_>);

    /// Renders a context, for [`LayoutWriter::push_context`]: by default as `uno{env=x}`.
    ///
    /// The rendering is kept, so it must depend on nothing but `context` and [`is_colored`](LayoutWriter::is_colored).
    fn context(&self, context: &ContextInfo, line: &mut LayoutWriter<'_>) {
        line.push_braced_context(context);
    }

    /// Renders a span, for [`LayoutWriter::push_spans`]: by default as `build{unit=core}`.
    ///
    /// The rendering is kept, so it must depend on nothing but `span` and [`is_colored`](LayoutWriter::is_colored).
    fn span(&self, span: SpanInfo<'_>, line: &mut LayoutWriter<'_>) {
        line.push_braced_span(span);
    }

    /// Returns what stands between two spans of a path: `:` by default. It is written as it is.
    fn span_separator(&self) -> &str {
        ":"
    }

    /// Renders a field of a record, for [`LayoutWriter::push_fields`]: by default as `size=12`.
    ///
    /// No two fields of a record have the same name: a later one is called `NAME#2`, or by the next number that is free.
    fn field(&self, name: &str, value: FieldValue<'_>, line: &mut LayoutWriter<'_>) {
        line.push_by_default::<Self>(name, value);
    }

    /// Returns what stands between two fields of a record: a blank by default. It is written as it is.
    fn field_separator(&self) -> &str {
        " "
    }

    /// Returns the name of the layout, which stands in the `Debug` of sinks and in snapshots: `custom` by default.
    fn name(&self) -> &str {
        "custom"
    }
}

#[cfg(test)]
mod tests;
