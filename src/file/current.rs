//! The file that an output writes to at the moment, and how its last records survive a switch to another file.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::time::Instant;

use super::os::{self, FileLocation, Identity, OpenedFile};
use super::rescue::copy_lines;
use super::roll::Roller;
use crate::bytes::{Batch, ByteWriter, LineWriter};

/// The file that an output writes to. The output's lock protects it.
pub(super) struct CurrentFile {
    /// None while the file is parked.
    pub(super) file: Option<File>,
    /// The absolute path at which the file should be.
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
    readable: bool,
    pub(super) lines: LineWriter,
    /// The length of the file as far as this output knows: others may append to the file, or truncate it.
    pub(super) length: u64,
    /// The length when the file was last found at its path.
    checked_length: u64,
    /// When a write checks the location of the file again, by [`os::coarse_monotonic`].
    pub(super) next_check: u64,
    /// Whether the output holds the key of this file in the registry.
    pub(super) holds_key: bool,
    /// The file is not at its path, the path cannot be reopened, and this was reported.
    pub(super) failure_reported: bool,
    pub(super) roller: Option<Roller>,
}

impl CurrentFile {
    pub(super) fn new(opened: OpenedFile, path: PathBuf, roller: Option<Roller>) -> Self {
        let torn = ends_inside_a_line(&opened).unwrap_or(false);
        CurrentFile {
            path,
            identity: opened.identity,
            readable: opened.readable,
            lines: LineWriter::new(torn),
            length: opened.length,
            checked_length: opened.length,
            file: Some(opened.file),
            next_check: 0,
            holds_key: true,
            failure_reported: false,
            roller,
        }
    }

    /// Writes what is left of `batch`.
    #[inline]
    pub(super) fn write_batch(&mut self, batch: &mut Batch<'_>) -> io::Result<()> {
        let Some(file) = &self.file else { return Err(ErrorKind::NotConnected.into()) };
        self.lines.write_batch(&mut CountingWriter { inner: os::byte_writer(file), length: &mut self.length }, batch)
    }

    /// Returns where the file is. A parked file is assumed to be where it was.
    pub(super) fn locate(&self, follow_links: bool) -> io::Result<FileLocation> {
        match &self.file {
            Some(file) => os::locate(file, &self.path, follow_links),
            None => Ok(FileLocation::InPlace { length: self.length }),
        }
    }

    /// Records that the file was found at its path with this length.
    pub(super) fn mark_in_place(&mut self, length: u64) {
        self.length = length;
        self.checked_length = length;
        self.failure_reported = false;
    }

    /// Returns how many bytes were written since the file was last found at its path. If it has been removed, closing it loses them.
    pub(super) fn unchecked_bytes(&self) -> u64 {
        self.length.saturating_sub(self.checked_length)
    }

    /// Switches to `opened`, which is another file or the same one reopened, and closes the old file. If the old file was removed, first
    /// copies the bytes that were written to it since it was last found at its path. Returns how many bytes are lost because the old
    /// file cannot be read.
    ///
    /// `hold_key` takes the key of the new file, and returns whether that succeeded. It is called while both files are open, so that
    /// neither inode can be reused yet.
    ///
    /// # Errors
    ///
    /// The copy could not be written. The old file then stays the current one, and the next attempt does not copy the same bytes again.
    pub(super) fn replace(&mut self, opened: OpenedFile, hold_key: impl FnOnce(&Identity) -> bool) -> io::Result<u64> {
        let mut torn = ends_inside_a_line(&opened);
        let (mut copied, mut lost) = (0, 0);
        if let Some(file) = &self.file
            && opened.identity != self.identity
            && os::is_removed(file)?
        {
            if self.readable {
                let copy = copy_lines(file, &mut self.checked_length, &mut &opened.file, torn == Some(true))?;
                copied = copy.0;
                torn = copy.1.or(torn);
            } else {
                lost = self.unchecked_bytes();
            }
        }
        match torn {
            Some(torn) => self.lines = LineWriter::new(torn),
            None if opened.identity != self.identity => self.lines = LineWriter::new(false),
            None => {}
        }
        self.holds_key = hold_key(&opened.identity);
        self.identity = opened.identity;
        self.readable = opened.readable;
        self.file = Some(opened.file);
        self.mark_in_place(opened.length + copied);
        Ok(lost)
    }
}

/// Writes to `inner`, and adds what it took to `length`.
struct CountingWriter<'a, W> {
    inner: W,
    length: &'a mut u64,
}

impl<W: ByteWriter> ByteWriter for CountingWriter<'_, W> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.inner.write(bytes)?;
        *self.length += taken as u64;
        Ok(taken)
    }

    fn wait_for_room(&mut self, deadline: Instant) -> bool {
        self.inner.wait_for_room(deadline)
    }
}

/// Returns whether the file ends inside a line, as it does after a process was killed while it wrote. None if the file cannot be read.
fn ends_inside_a_line(opened: &OpenedFile) -> Option<bool> {
    if opened.length == 0 {
        return Some(false);
    }
    let mut last = [0];
    match opened.readable.then(|| os::read_at(&opened.file, &mut last, opened.length - 1)) {
        Some(Ok(1)) => Some(last[0] != b'\n'),
        _ => None,
    }
}
