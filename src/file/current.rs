//! The file that an output writes to at the moment, and how its last records survive a switch to another file.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::old_files::Place;
use super::os::{self, FileLocation, Folder, Identity, OpenedFile};
use super::rescue::copy_lines;
use super::roll::Roller;
use super::unsynced::Unsynced;
use crate::bytes::{Batch, ByteWriter, LineWriter, StandardStream};
use crate::sync::Arc;

/// The file that an output writes to. The output's lock protects it.
pub(super) struct CurrentFile {
    /// None while the file is parked.
    pub(super) file: Option<Arc<File>>,
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
    pub(super) unsynced: Unsynced,
    /// The standard stream that the file is written to through.
    pub(super) stream: Option<StandardStream>,
    /// The directory of the file. None while the file is parked, and for a file that was not opened by its own name.
    pub(super) folder: Option<Arc<Folder>>,
    /// The identity of that directory, also while the file is parked.
    pub(super) folder_identity: Option<Identity>,
}

/// How a file is looked for and opened anew.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum By {
    /// By its name in the directory that it was in, wherever that is now.
    Folder,
    /// By its path, wherever that leads now.
    Path,
}

impl CurrentFile {
    /// `new_folders`: how many directories were created for the file.
    pub(super) fn new(opened: OpenedFile, path: PathBuf, roller: Option<Roller>, new_folders: usize) -> Self {
        let torn = ends_inside_a_line(&opened).unwrap_or(false);
        let folder_identity = opened.folder.as_ref().map(|folder| folder.identity().clone());
        let mut unsynced = Unsynced::default();
        unsynced.new_folders = new_folders;
        unsynced.add_file(&path, place(&path, folder_identity.as_ref(), opened.folder.as_ref()));
        CurrentFile {
            path,
            identity: opened.identity,
            readable: opened.readable,
            lines: opened.stream.map_or_else(|| LineWriter::new(torn), LineWriter::stream),
            length: opened.length,
            checked_length: opened.length,
            file: Some(Arc::new(opened.file)),
            next_check: 0,
            holds_key: true,
            failure_reported: false,
            roller,
            unsynced,
            stream: opened.stream,
            folder_identity,
            folder: opened.folder,
        }
    }

    /// Writes what is left of `batch`.
    #[inline]
    pub(super) fn write_batch(&mut self, batch: &mut Batch<'_>) -> io::Result<()> {
        let Some(file) = &self.file else { return Err(ErrorKind::NotConnected.into()) };
        self.unsynced.is_written = true;
        self.lines.write_batch(&mut CountingWriter { inner: os::byte_writer(file), length: &mut self.length }, batch)
    }

    /// Returns where the file is. A parked file is assumed to be where it was.
    pub(super) fn locate(&self, by: By, follow_links: bool) -> io::Result<FileLocation> {
        let folder = self.folder.as_deref().filter(|_| by == By::Folder);
        match &self.file {
            Some(file) => os::locate(file, folder, &self.path, follow_links),
            None => Ok(FileLocation::InPlace { length: self.length }),
        }
    }

    /// Records that the file is in `folder`.
    pub(super) fn hold_folder(&mut self, folder: Option<Arc<Folder>>) {
        self.folder_identity = folder.as_ref().map(|folder| folder.identity().clone());
        self.folder = folder;
    }

    /// Closes the file, its directory, and what is open until it is synced.
    pub(super) fn close(&mut self) {
        (self.file, self.folder) = (None, None);
        self.unsynced.close();
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

    /// Switches to `opened`, which was opened at `path` and is another file or the same one reopened. If the old file was removed, first
    /// copies the bytes that were written to it since it was last found at its path. Returns how many bytes are lost because the old
    /// file cannot be read.
    ///
    /// `hold_key` takes the key of the new file, and returns whether that succeeded. It is called while both files are open, so that
    /// neither inode can be reused yet.
    ///
    /// # Errors
    ///
    /// The copy could not be written. The old file then stays the current one, and the next attempt does not copy the same bytes again.
    pub(super) fn replace(
        &mut self,
        opened: OpenedFile,
        path: &Path,
        hold_key: impl FnOnce(&Identity) -> bool,
    ) -> io::Result<u64> {
        let mut torn = ends_inside_a_line(&opened);
        let (mut copied, mut lost, mut is_removed) = (0, 0, false);
        let is_another = opened.identity != self.identity;
        if let Some(file) = &self.file
            && is_another
            && os::is_removed(file)?
        {
            is_removed = true;
            if self.readable {
                let copy = copy_lines(file, &mut self.checked_length, &mut &opened.file, torn == Some(true))?;
                copied = copy.0;
                torn = copy.1.or(torn);
            } else {
                lost = self.unchecked_bytes();
            }
        }
        if is_another {
            if !is_removed {
                let place = place(&self.path, self.folder_identity.as_ref(), self.folder.as_ref());
                let may_be_gone = self.roller.as_ref().is_some_and(Roller::removes_files);
                self.unsynced.add_replaced(self.file.as_ref(), &self.path, &self.identity, place, may_be_gone);
            }
            self.unsynced.is_written = copied > 0;
        }
        let torn = torn.unwrap_or(!is_another && self.lines.is_torn());
        self.lines = match opened.stream {
            Some(stream) => LineWriter::stream(stream).torn_if(torn),
            None => LineWriter::new(torn),
        };
        self.stream = opened.stream;
        self.holds_key = hold_key(&opened.identity);
        self.identity = opened.identity;
        self.readable = opened.readable;
        self.file = Some(Arc::new(opened.file));
        self.path = path.to_owned();
        self.hold_folder(opened.folder);
        if is_another {
            self.unsynced.add_file(path, place(path, self.folder_identity.as_ref(), self.folder.as_ref()));
        }
        self.mark_in_place(opened.length + copied);
        Ok(lost)
    }
}

/// Returns where the file at `path` is.
fn place<'a>(path: &'a Path, identity: Option<&'a Identity>, held: Option<&'a Arc<Folder>>) -> Place<'a> {
    Place { folder_path: path.parent().unwrap_or(path), identity, held }
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
