//! Paths and messages as errors show them: on one line, without characters that control a terminal or hide something.

use std::path::Path;

use crate::format::escape::PlainText;

/// Returns `text` with control characters and invisible characters escaped. Backslashes stay as they are, for paths of Windows.
pub(in crate::file) fn shown(text: &str) -> String {
    let mut shown = Vec::with_capacity(text.len());
    PlainText::new(&mut shown).keep_backslashes().push(text);
    String::from_utf8_lossy(&shown).into_owned()
}

/// Returns a path as [`shown`] shows it.
pub(in crate::file) fn shown_path(path: &Path) -> String {
    shown(&path.to_string_lossy())
}
