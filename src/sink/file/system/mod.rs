//! What the operating system is asked for: opening, and where a file is. Two implementations with one face.

#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

use std::fs::File;
use std::io;
use std::path::Path;

use super::descriptors;

#[cfg(not(unix))]
use other as this;
#[cfg(unix)]
use unix as this;

pub(in crate::sink) use this::Identity;
pub(super) use this::{
    TRACKS, coarse_monotonic, coarse_unix_seconds, descriptor_limit, identity_at, is_removed, is_system_link,
    lacks_reader, link_to, no_room, port, read_at, standing,
};
#[cfg(feature = "gzip")]
pub(super) use this::{create_new, open_to_read};

/// How a path is opened, now and later.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(unix), allow(dead_code, reason = "modes are Unix's"))]
pub(super) struct How {
    /// With which mode the file is made, if it is.
    pub(super) mode: u32,
    pub(super) follow_links: bool,
}

/// A file that was opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) identity: Identity,
    /// True for a regular file that has a name: one that can be removed, moved, closed and opened again. Not for devices and
    /// pipes, nor for what is reached by a link of the system's, such as `/dev/stdout`.
    pub(super) is_plain: bool,
    pub(super) readable: bool,
    pub(super) length: u64,
}

/// Where a file is that was opened by a name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(not(unix), allow(dead_code, reason = "it cannot be told there"))]
pub(super) enum Standing {
    /// Where it was, with this length.
    InPlace { length: u64 },
    /// Nowhere: it has no name any more, and is gone when it is closed.
    Removed,
    /// Somewhere else; its own name is gone, or another file's.
    Moved,
}

/// Opens `path` for appending, and makes the file if there is none. Where the process has no descriptor left, an idle file is
/// closed for it.
pub(super) fn open(path: &Path, how: How) -> io::Result<Opened> {
    descriptors::with_room(|| this::open(path, how))
}
