//! The file that an output writes to at the moment.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::time::Instant;

use super::os::{self, FileLocation, Identity, OpenedFile};
use super::rescue::copy_lines;
use super::roll::Roller;
use crate::bytes::{Batch, ByteWriter, LineWriter};

/// The file that an output writes to, kept under the output's lock.
pub(super) struct CurrentFile {
    /// None while it is parked.
    pub(super) file: Option<File>,
    /// Where it is to be, absolute.
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
    readable: bool,
    pub(super) lines: LineWriter,
    /// How long it is, as far as is known: others may append to it, or empty it.
    pub(super) length: u64,
    /// How long it was when it was last seen in its path.
    seen: u64,
    /// When it is looked at again.
    pub(super) next_look: u64,
    /// Whether it has its key in the registry.
    pub(super) keyed: bool,
    /// It is not where it should be, and cannot be opened anew: that was told.
    pub(super) astray: bool,
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
            seen: opened.length,
            file: Some(opened.file),
            next_look: 0,
            keyed: true,
            astray: false,
            roller,
        }
    }

    /// Writes what is left of `batch`.
    #[inline]
    pub(super) fn push(&mut self, batch: &mut Batch<'_>) -> io::Result<()> {
        let Some(file) = &self.file else { return Err(ErrorKind::NotConnected.into()) };
        self.lines.write_batch(&mut CountingWriter { to: os::byte_writer(file), length: &mut self.length }, batch)
    }

    /// Where the file is; a parked one is taken to be where it was left.
    pub(super) fn standing(&self, follow_links: bool) -> io::Result<FileLocation> {
        match &self.file {
            Some(file) => os::standing(file, &self.path, follow_links),
            None => Ok(FileLocation::InPlace { length: self.length }),
        }
    }

    /// The file was seen in its path.
    pub(super) fn found(&mut self, length: u64) {
        self.length = length;
        self.seen = length;
        self.astray = false;
    }

    /// How many bytes would be lost if the file were closed now, and it was removed.
    pub(super) fn unseen(&self) -> u64 {
        self.length.saturating_sub(self.seen)
    }

    /// Puts `opened`, which is another file or the same one anew, in the path of the one that there is, which is closed. If
    /// that was removed, what was written to it since it was last seen is copied first; where it cannot be read, how many
    /// bytes are lost is returned.
    ///
    /// `hold` takes the key of the new one, and says whether that went well: when both are open, so that neither's inode can
    /// be another file's.
    ///
    /// # Errors
    ///
    /// If the copy could not be written. Then all is as before, and what is copied already is not copied again.
    pub(super) fn replace(&mut self, opened: OpenedFile, hold: impl FnOnce(&Identity) -> bool) -> io::Result<u64> {
        let mut torn = ends_inside_a_line(&opened);
        let (mut copied, mut lost) = (0, 0);
        if let Some(file) = &self.file
            && opened.identity != self.identity
            && os::is_removed(file)?
        {
            if self.readable {
                let copy = copy_lines(file, &mut self.seen, &mut &opened.file, torn == Some(true))?;
                copied = copy.0;
                torn = copy.1.or(torn);
            } else {
                lost = self.unseen();
            }
        }
        match torn {
            Some(torn) => self.lines = LineWriter::new(torn),
            None if opened.identity != self.identity => self.lines = LineWriter::new(false),
            None => {}
        }
        self.keyed = hold(&opened.identity);
        self.identity = opened.identity;
        self.readable = opened.readable;
        self.file = Some(opened.file);
        self.found(opened.length + copied);
        Ok(lost)
    }
}

/// A port that knows how far the file has come.
struct CountingWriter<'a, W> {
    to: W,
    length: &'a mut u64,
}

impl<W: ByteWriter> ByteWriter for CountingWriter<'_, W> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.to.write(bytes)?;
        *self.length += taken as u64;
        Ok(taken)
    }

    fn wait_for_room(&mut self, deadline: Instant) -> bool {
        self.to.wait_for_room(deadline)
    }
}

/// Whether what was written to a file before, by a process that was cut short, ends in the middle of a line. None if it cannot be
/// read.
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
