//! The path of spans in each style: the layouts render it, `layer` caches it.

use super::plain::braces;
use super::{json, logfmt};
use crate::record::{SpanValues, Style};
use crate::sync::Arc;

/// Appends the spans of `path`, outermost first, in `style`. Appends nothing for an empty path.
///
/// A path has no separator before or after it: those commas and blanks belong to the line.
pub(crate) fn append_path(style: Style, path: &[Arc<SpanValues>], out: &mut Vec<u8>) {
    match style {
        Style::Text | Style::TextColor => braces::push_path(style, path, out),
        Style::Json => json::push_path(path, out),
        Style::Logfmt => logfmt::push_path(path, out),
    }
}

#[cfg(test)]
mod tests;
