//! What identifies a file.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;

use rustix::fs::Stat;

/// Device and inode of a file. No other file has the same while this one is open.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Identity { device: metadata.dev(), inode: metadata.ino() }
    }

    #[allow(clippy::unnecessary_cast, reason = "these numbers have other types on other systems")]
    pub(super) fn of_stat(stat: &Stat) -> Self {
        Identity { device: stat.st_dev as u64, inode: stat.st_ino as u64 }
    }
}
