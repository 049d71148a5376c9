//! The rendered path to a span, kept with the span.
//!
//! A thread keeps the path to its current span until it enters or leaves one. A program that enters a span for each piece of its work, as
//! `#[instrument]` does, so asks for a path after nearly every move. Then one span has to be found, and not all around it.
//!
//! A path is kept from the second time on that a span is asked for it: many spans are logged in once, and would pay for nothing.

use super::style::Style;
use crate::line_buffer::LineBuffer;
use crate::sync::Mutex;

/// The most styles in which a span keeps its path.
const MAX_STYLES: usize = 4;

/// The most bytes of a path that a span keeps.
const MAX_KEPT: usize = 1 << 10;

/// Under what a path was rendered: it is valid while this is the same. The spans around a span are always the same, and so it says nothing of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct PathKey {
    /// Each layer sees the spans that its filter lets through.
    pub(crate) layer: u32,
    /// How often fields were recorded on any span.
    pub(crate) recorded: u64,
    pub(crate) style: Style,
}

/// The paths to one span, in each style.
#[derive(Debug, Default)]
pub(crate) struct KeptPaths {
    /// The lock is only tried: who does not get it renders the path, and no thread of a process that forks is waited for in its child.
    paths: Mutex<Paths>,
}

#[derive(Debug, Default)]
struct Paths {
    /// Whether somebody has asked for the path.
    is_asked: bool,
    kept: Vec<Path>,
}

#[derive(Debug)]
struct Path {
    key: PathKey,
    rendered: LineBuffer,
}

impl KeptPaths {
    /// Appends the path, if it was kept under `key`.
    #[inline]
    pub(crate) fn append(&self, key: PathKey, out: &mut LineBuffer) -> bool {
        let Some(paths) = self.paths.try_lock() else { return false };
        match paths.kept.iter().find(|path| path.key == key) {
            Some(path) => {
                out.extend_from_line(&path.rendered);
                true
            }
            None => false,
        }
    }

    /// Keeps a path that was just rendered under `key`, if it is not the first time that this is asked for.
    pub(crate) fn keep(&self, key: PathKey, rendered: &[u8]) {
        let Some(mut paths) = self.paths.try_lock() else { return };
        if !std::mem::replace(&mut paths.is_asked, true) || rendered.len() > MAX_KEPT {
            return;
        }
        let is_same = |path: &Path| (path.key.layer, path.key.style) == (key.layer, key.style);
        let place = match paths.kept.iter().position(is_same) {
            Some(place) => place,
            None if paths.kept.len() < MAX_STYLES => {
                paths.kept.push(Path { key, rendered: LineBuffer::new() });
                paths.kept.len() - 1
            }
            None => return,
        };
        let path = &mut paths.kept[place];
        path.key = key;
        path.rendered.clear();
        path.rendered.extend_from_slice(rendered);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(paths: &KeptPaths, key: PathKey) -> Option<String> {
        let mut out = LineBuffer::from(&b"<"[..]);
        paths.append(key, &mut out).then(|| String::from_utf8(out[1..].to_vec()).unwrap())
    }

    const KEY: PathKey = PathKey { layer: 1, recorded: 0, style: Style::TEXT };

    #[test]
    fn a_path_is_kept_from_the_second_time_on() {
        let paths = KeptPaths::default();
        paths.keep(KEY, b"build:link");
        assert_eq!(kept(&paths, KEY), None);
        paths.keep(KEY, b"build:link");
        assert_eq!(kept(&paths, KEY).as_deref(), Some("build:link"));
    }

    #[test]
    fn a_path_that_was_rendered_under_another_key_is_another() {
        let paths = KeptPaths::default();
        [b"none", b"text"].into_iter().for_each(|path| paths.keep(KEY, path));
        for key in [PathKey { layer: 2, ..KEY }, PathKey { recorded: 1, ..KEY }, PathKey { style: Style::JSON, ..KEY }]
        {
            assert_eq!(kept(&paths, key), None, "{key:?}");
        }
        paths.keep(PathKey { style: Style::JSON, ..KEY }, b"json");
        assert_eq!(kept(&paths, KEY).as_deref(), Some("text"));
        paths.keep(PathKey { recorded: 1, ..KEY }, b"anew");
        assert_eq!(kept(&paths, KEY), None, "fields were recorded since");
        assert_eq!(kept(&paths, PathKey { recorded: 1, ..KEY }).as_deref(), Some("anew"));
    }

    #[test]
    fn long_paths_and_more_than_a_few_styles_are_not_kept() {
        let paths = KeptPaths::default();
        (0..MAX_STYLES + 2).for_each(|style| paths.keep(PathKey { style: Style::numbered(style), ..KEY }, b"path"));
        // The first only said that it was asked for.
        let is_kept = |style| kept(&paths, PathKey { style: Style::numbered(style), ..KEY }).is_some();
        assert_eq!((0..MAX_STYLES + 2).filter(|style| is_kept(*style)).collect::<Vec<_>>(), [1, 2, 3, 4]);
        let long = KeptPaths::default();
        (0..2).for_each(|_| long.keep(KEY, &[b'x'; MAX_KEPT + 1]));
        assert_eq!(kept(&long, KEY), None);
    }

    #[test]
    fn whoever_does_not_get_the_lock_renders_the_path() {
        let paths = KeptPaths::default();
        (0..2).for_each(|_| paths.keep(KEY, b"path"));
        let locked = paths.paths.lock();
        assert_eq!(kept(&paths, KEY), None);
        paths.keep(KEY, b"other");
        drop(locked);
        assert_eq!(kept(&paths, KEY).as_deref(), Some("path"));
    }
}
