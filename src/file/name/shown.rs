//! Paths and messages as errors show them: on one line, without characters that control a terminal or hide something.

use std::path::Path;

pub(in crate::file) use crate::format::escape::shown;

/// Returns a path as [`shown`] shows it.
pub(in crate::file) fn shown_path(path: &Path) -> String {
    shown(&path.to_string_lossy())
}
