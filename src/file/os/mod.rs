//! System calls: opening files, locating them, and the clocks. `unix` and `other` have the same functions.

#[cfg(unix)]
mod closed;
#[cfg(unix)]
mod folder;
#[cfg(unix)]
mod identity;
#[cfg(test)]
#[cfg(unix)]
pub(crate) mod observed;
#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod streams;
#[cfg(unix)]
mod unix;

use std::fs::File;

use crate::bytes::StandardStream;
use crate::sync::Arc;

#[cfg(not(unix))]
use other as this;
#[cfg(unix)]
use unix as this;

#[cfg(unix)]
pub(super) use closed::{ClosedFile, FolderNames};
#[cfg(unix)]
pub(super) use folder::Folder;
#[cfg(unix)]
pub(crate) use identity::Identity;
#[cfg(not(unix))]
pub(crate) use other::Identity;
#[cfg(not(unix))]
pub(super) use other::{ClosedFile, Folder, FolderNames, is_stream};
#[cfg(unix)]
pub(super) use streams::is_stream;
pub(super) use this::{
    CAN_TRACK, byte_writer, coarse_monotonic, coarse_unix_seconds, create_directory, descriptor_limit, identity_at,
    is_out_of_descriptors, is_pipe_without_reader, is_removed, is_standard_stream, is_system_link, locate, make_link,
    read_at, sync_data, sync_folder, through_stream, truncate,
};
#[cfg(feature = "gzip")]
pub(super) use this::{create_new, open_for_reading};
pub(super) use this::{open, open_in};

/// How a path is opened the first time and whenever it is reopened.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(unix), allow(dead_code, reason = "modes are Unix's"))]
pub(super) struct OpenOptions {
    /// The mode of the file, if it is created.
    pub(super) mode: u32,
    pub(super) follow_links: bool,
    /// Whether a named pipe is opened.
    pub(super) allow_pipe: bool,
}

/// A file that was just opened.
#[derive(Debug)]
pub(super) struct OpenedFile {
    pub(super) file: File,
    pub(super) identity: Identity,
    /// True for a regular file that was opened by its own name, so that it can be removed, moved, parked and reopened. False for devices
    /// and pipes, for any file that was opened through a link of the system, such as `/dev/stdout`, and for one that is a standard stream.
    pub(super) is_named_regular: bool,
    pub(super) readable: bool,
    pub(super) length: u64,
    /// The file is a duplicate of a descriptor of the process, which others write to at the same offset.
    pub(super) is_shared: bool,
    /// The standard stream that the file is written to through. It is shared.
    pub(super) stream: Option<StandardStream>,
    /// The directory of a regular file that was opened by its own name, also if it is a standard stream.
    pub(super) folder: Option<Arc<Folder>>,
}

/// Where an open file is, compared with the path that it was opened by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(not(unix), allow(dead_code, reason = "only Unix can locate a file"))]
pub(super) enum FileLocation {
    /// At its path, with this length.
    InPlace { length: u64 },
    /// Without any name: its contents are lost when it is closed.
    Removed,
    /// Somewhere else: its path leads to nothing or to another file.
    Moved,
}
