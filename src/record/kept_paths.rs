//! The rendered path to a span, kept with the span.
//!
//! A thread keeps the path to its current span until it enters or leaves one. A task's span is entered at each poll, and the span around others is
//! current again after each of them: then the path is that of before, and only the innermost span is looked up, instead of all around it.
//!
//! A path is kept from the second time on that a span is asked for it: many spans are logged in once, as those that are made anew for each call
//! are, and would pay for nothing. When a field is recorded on any span of the process, each path is rendered once more.

use super::style::Style;
use crate::line_buffer::LineBuffer;
use crate::sync::Mutex;

/// The most styles in which a span keeps its path.
const KEPT_STYLES: usize = 4;

/// The most bytes of a path that a span keeps. Less than what a thread keeps of its one path: there may be many spans.
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
    /// Which of them was kept first.
    oldest: usize,
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
            None if paths.kept.len() < KEPT_STYLES => {
                paths.kept.push(Path { key, rendered: LineBuffer::new() });
                paths.kept.len() - 1
            }
            // Its format may be gone: a span can live for longer.
            None => {
                let oldest = paths.oldest;
                paths.oldest = (oldest + 1) % KEPT_STYLES;
                oldest
            }
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
    fn long_paths_are_not_kept_and_the_oldest_of_many_styles_goes() {
        let paths = KeptPaths::default();
        (0..KEPT_STYLES + 3).for_each(|style| paths.keep(PathKey { style: Style::numbered(style), ..KEY }, b"path"));
        // The first only said that it was asked for.
        let is_kept = |style| kept(&paths, PathKey { style: Style::numbered(style), ..KEY }).is_some();
        assert_eq!((0..KEPT_STYLES + 3).filter(|style| is_kept(*style)).collect::<Vec<_>>(), [3, 4, 5, 6]);
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
