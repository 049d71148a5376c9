//! The file that an output writes to at the moment, and how its last records survive a switch to another file.

use std::fs::File;
use std::io::{self, ErrorKind, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::old_files::Place;
use super::os::{self, FileLocation, Folder, Identity, OpenedFile};
use super::rescue::copy_lines;
use super::roll::Roller;
use super::unsynced::Unsynced;
use crate::bytes::{Batch, ByteWriter, LineWriter, StandardStream};
use crate::limits::STREAM_LOCK;
use crate::sync::Arc;

/// The file that an output writes to. The output's lock protects it.
pub(super) struct CurrentFile {
    /// None while the file is parked.
    pub(super) file: Option<Arc<File>>,
    /// The absolute path at which the file should be.
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
    readable: bool,
    /// Not used while the file is a stream, which has a state of its own.
    lines: LineWriter,
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
    /// Written to through a descriptor of the program.
    pub(super) is_shared: bool,
    /// The standard stream that the file is written to through.
    pub(super) stream: Option<StandardStream>,
    /// The directory of the file. None while the file is parked, and for a file that was not opened by its own name.
    pub(super) folder: Option<Arc<Folder>>,
    /// The identity of the directory that the file was last known to be in, also while the file is parked.
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
        let mut unsynced = Unsynced::default();
        // A file that is never opened anew needs no directory.
        let folder = opened.folder.filter(|_| opened.is_named_regular);
        let folder_identity = folder.as_ref().map(|folder| folder.identity().clone());
        unsynced.new_folders = new_folders;
        unsynced.add_file(&path, place(&path, folder_identity.as_ref(), folder.as_ref()));
        CurrentFile {
            path,
            identity: opened.identity,
            readable: opened.readable,
            lines: LineWriter::new(torn),
            length: opened.length,
            checked_length: opened.length,
            file: Some(Arc::new(opened.file)),
            next_check: 0,
            holds_key: true,
            failure_reported: false,
            roller,
            unsynced,
            is_shared: opened.is_shared,
            stream: opened.stream,
            folder_identity,
            folder,
        }
    }

    /// Writes what is left of `batch`.
    #[inline]
    pub(super) fn write_batch(&mut self, batch: &mut Batch<'_>) -> io::Result<()> {
        let Some(file) = &self.file else { return Err(ErrorKind::NotConnected.into()) };
        self.unsynced.is_written = true;
        if let Some(stream) = self.stream {
            return self.write_to_stream(stream, batch);
        }
        self.lines.write_batch(&mut CountingWriter { inner: os::byte_writer(file), length: &mut self.length }, batch)
    }

    /// Writes what is left of `batch` under the lock of `stream`, which others write to.
    ///
    /// The program may have redirected the stream since, so that its lock is that of another file, whose writers may stand still. This is
    /// looked at only where it matters: if the lock is not free, and if the last line is torn. This file then goes on without the stream.
    fn write_to_stream(&mut self, stream: StandardStream, batch: &mut Batch<'_>) -> io::Result<()> {
        let Some(file) = &self.file else { return Err(ErrorKind::NotConnected.into()) };
        let writer = &mut CountingWriter { inner: os::byte_writer(file), length: &mut self.length };
        let is_stream = || os::is_stream(stream, &self.identity);
        loop {
            match stream.lines().try_lock_for(STREAM_LOCK) {
                None if is_stream() => {}
                Some(mut lines) if !lines.is_torn() || is_stream() => {
                    let result = lines.write_batch(writer, batch);
                    if lines.is_torn() && !is_stream() {
                        self.leave_stream(true);
                    }
                    return result;
                }
                lines => {
                    // If a line is torn, it may be one of either. At worst one gets an empty line.
                    self.leave_stream(lines.is_some());
                    return self.write_batch(batch);
                }
            }
        }
    }

    /// Goes on as a file of its own, which ends inside a line if `torn`.
    #[cold]
    fn leave_stream(&mut self, torn: bool) {
        (self.stream, self.lines) = (None, LineWriter::new(torn));
    }

    /// Returns true if the last line of the file is torn.
    pub(super) fn is_torn(&self) -> bool {
        match self.stream {
            Some(stream) => stream.lines().try_lock().is_some_and(|lines| lines.is_torn()),
            None => self.lines.is_torn(),
        }
    }

    /// Returns where the file is. A parked file is assumed to be where it was.
    pub(super) fn locate(&self, by: By, follow_links: bool) -> io::Result<FileLocation> {
        let folder = self.folder.as_deref().filter(|_| by == By::Folder);
        match &self.file {
            Some(file) => os::locate(file, folder, &self.path, follow_links),
            None => Ok(FileLocation::InPlace { length: self.length }),
        }
    }

    /// Records that the file is in `folder`, or in a directory that is not known.
    pub(super) fn hold_folder(&mut self, folder: Option<Arc<Folder>>) {
        if let Some(folder) = &folder {
            self.folder_identity = Some(folder.identity().clone());
        }
        self.folder = folder;
    }

    /// If the file is written to through a descriptor of the program, returns another duplicate of that.
    pub(super) fn duplicate_shared(&self) -> io::Result<Option<OpenedFile>> {
        let Some(file) = self.file.as_ref().filter(|_| self.is_shared) else { return Ok(None) };
        Ok(Some(OpenedFile {
            file: file.try_clone()?,
            identity: self.identity.clone(),
            is_named_regular: false,
            readable: self.readable,
            length: file.metadata()?.len(),
            is_shared: true,
            stream: self.stream,
            folder: None,
        }))
    }

    /// Makes the file empty.
    pub(super) fn truncate(&mut self) -> io::Result<()> {
        let Some(file) = &self.file else { return Err(ErrorKind::NotConnected.into()) };
        os::truncate(file, &self.path, &self.identity)?;
        self.lines = LineWriter::new(false);
        // A sync must bring the new length to the device, too.
        self.unsynced.is_written = true;
        self.mark_in_place(0);
        Ok(())
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
        let torn = torn.unwrap_or(!is_another && self.is_torn());
        self.lines = LineWriter::new(torn);
        // Whoever holds the lock is writing its line already.
        if torn
            && let Some(stream) = opened.stream
            && let Some(mut lines) = stream.lines().try_lock()
        {
            *lines = LineWriter::new(true);
        }
        if opened.is_shared && !is_another {
            // The descriptor of the program may be before records that this output has appended. Fails for pipes and terminals, which have no
            // offset.
            let _ = (&opened.file).seek(SeekFrom::End(0));
        }
        (self.is_shared, self.stream) = (opened.is_shared, opened.stream);
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
