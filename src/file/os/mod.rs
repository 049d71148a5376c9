//! What the operating system is asked for: opening, and where a file is. Two implementations with one face.

#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

use std::fs::File;

#[cfg(not(unix))]
use other as this;
#[cfg(unix)]
use unix as this;

pub(crate) use this::Identity;
pub(super) use this::open;
pub(super) use this::{
    CAN_TRACK, byte_writer, coarse_monotonic, coarse_unix_seconds, descriptor_limit, identity_at, is_removed,
    is_system_link, lacks_reader, link_to, no_room, read_at, standing,
};
#[cfg(feature = "gzip")]
pub(super) use this::{create_new, open_to_read};

/// How a path is opened, now and later.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(unix), allow(dead_code, reason = "modes are Unix's"))]
pub(super) struct OpenOptions {
    /// With which mode the file is made, if it is.
    pub(super) mode: u32,
    pub(super) follow_links: bool,
}

/// A file that was opened.
#[derive(Debug)]
pub(super) struct OpenedFile {
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
pub(super) enum FileLocation {
    /// Where it was, with this length.
    InPlace { length: u64 },
    /// Nowhere: it has no name any more, and is gone when it is closed.
    Removed,
    /// Somewhere else; its own name is gone, or another file's.
    Moved,
}
