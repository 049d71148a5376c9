//! The output of a file: appends, and sees to it that the file is where its name says.
//!
//! # How a file that is gone is noticed
//!
//! A file that is removed or moved while it is open goes on taking what is written to it, and nobody will read that, or
//! nobody will where they look. `logrotate` and its like move a log away and then say so; others remove it and say nothing.
//! Both must be noticed without losing a record, and the answer is in two system calls: `fstat` says whether the file has a
//! name left, and `stat` of the path whether its own name still leads to it. Together they cost as much as the `write` of a
//! record, so asking for each record is out of the question. They are asked, under the output's lock,
//!
//! - before a write, if the last answer is older than [`PERIOD`], by a clock that costs a hundredth of them;
//! - at every `flush`, `sync` and `reopen`, before the file is parked, before it rolls, and when it is closed.
//!
//! What is written between the last good answer and the moment at which the file goes is the difficulty, and it is solved
//! after the fact. A file that was *moved* has those records, and they are found in it: it is enough to open the path anew. A
//! file that was *removed* takes them with it; but it lives while it is open. So files are opened for reading too, the length
//! that the file had at each good answer is kept, and what came behind that length is [copied](super::rescue) to the file
//! that is opened in its place, before anything else is written there. A record may so be found twice, if somebody copied the
//! file just before they removed it; none is lost.
//!
//! Where the path cannot be opened anew (its directory is gone, and making it was not asked for; something else has its name)
//! the old file is written to as before, that is told once, and it is tried again with each look. Nothing is lost as long as
//! the output lives: when the path can be opened again, all that came behind the last good answer is copied. If it never can,
//! that is told when the output is closed.
//!
//! The open file is never taken for another one: see [`registry`](super::registry) for what its key is worth when.

use std::fs;
use std::io::{self, ErrorKind, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::current::CurrentFile;
use super::descriptors::{self, CloseIdle};
use super::keys::OwnKeys;
use super::os::{self, FileLocation, OpenOptions, OpenedFile};
use super::roll::Roller;
use crate::bytes::Batch;
use crate::fallback::tell;
use crate::limits::FILE_LOOK;
use crate::output::Output;
use crate::sync::{Arc, AtomicBool, Mutex, Ordering, Weak};

/// How long an answer to where the file is stays valid, in nanoseconds.
const PERIOD: u64 = FILE_LOOK.as_nanos() as u64;

/// The output of one file, or of one log that rolls.
pub(crate) struct Appender {
    keys: OwnKeys,
    this: Weak<Appender>,
    /// As messages call it.
    path: PathBuf,
    options: OpenOptions,
    create_parents: bool,
    /// False for what is never looked at, parked or opened anew: devices, pipes, and what has no name of its own.
    is_plain: bool,
    /// Written to since the hand last came by: see [`descriptors`].
    used: AtomicBool,
    current: Mutex<CurrentFile>,
}

/// What an appender is made of.
pub(super) struct AppenderParts {
    pub(super) keys: OwnKeys,
    pub(super) path: PathBuf,
    /// Where the file is, absolute.
    pub(super) place: PathBuf,
    pub(super) options: OpenOptions,
    pub(super) create_parents: bool,
    pub(super) opened: OpenedFile,
    pub(super) roller: Option<Roller>,
}

impl Appender {
    pub(super) fn new(parts: AppenderParts) -> Arc<Self> {
        let AppenderParts { keys, path, place, options, create_parents, opened, roller } = parts;
        let is_plain = opened.is_plain;
        let mut current = CurrentFile::new(opened, place, roller);
        current.next_look = os::coarse_monotonic() + PERIOD;
        Arc::new_cyclic(|this| Appender {
            keys,
            this: Weak::clone(this),
            path,
            options,
            create_parents,
            is_plain,
            used: AtomicBool::new(true),
            current: Mutex::new(current),
        })
    }

    /// What is done once it is known that this is the file's output, and not thrown away for one that there is.
    pub(super) fn begin(&self) {
        if self.is_tracked() {
            descriptors::enter(self.keys.id(), Weak::<Appender>::clone(&self.this));
        }
        let current = &mut *self.current.lock();
        if let Some(roller) = &mut current.roller
            && let Ok(members) = roller.list()
        {
            roller.tidy(self.keys, members, current.length);
        }
    }

    /// Looks where the file is, and opens it anew where that is called for.
    ///
    /// # Errors
    ///
    /// Why it is not where it should be.
    pub(super) fn look_now(&self) -> io::Result<()> {
        if self.is_tracked() { self.look(&mut self.current.lock()) } else { Ok(()) }
    }

    /// True if its file is where its path leads, and whoever opened that path as `options` says would open that file.
    pub(super) fn stands_for(&self, options: OpenOptions) -> bool {
        // One who follows no links has found a file there, and not a link.
        let finds_the_same = !self.options.follow_links || options.follow_links;
        self.is_tracked() && finds_the_same && self.look_now().is_ok()
    }

    fn park(&self, current: &mut CurrentFile) -> bool {
        if current.file.is_none() {
            return false;
        }
        match current.standing(self.options.follow_links) {
            Ok(FileLocation::InPlace { length }) => {
                current.found(length);
                // Before it is closed: from then on another file may have its inode.
                self.keys.let_go();
                current.file = None;
                descriptors::leave(self.keys.id());
                true
            }
            // What was written to it would be lost. The next look sees to it.
            _ => false,
        }
    }

    /// True if there is something to open anew. What is parked is opened by its name in any case.
    pub(super) fn is_reopenable(&self) -> bool {
        self.is_plain && self.current.lock().file.is_some()
    }

    fn is_tracked(&self) -> bool {
        self.is_plain && os::CAN_TRACK
    }

    /// Has the file open, and where it should be as far as is known.
    #[inline]
    fn prepare(&self, current: &mut CurrentFile) -> io::Result<()> {
        if !self.is_tracked() {
            return Ok(());
        }
        let now = os::coarse_monotonic();
        if current.file.is_none() || now >= current.next_look {
            self.prepare_now(current, now)?;
        }
        Ok(())
    }

    #[cold]
    fn prepare_now(&self, current: &mut CurrentFile, now: u64) -> io::Result<()> {
        current.next_look = now + PERIOD;
        if current.file.is_none() {
            return self.open_anew(current);
        }
        // What is wrong is told, and the record goes where it can go.
        let _ = self.look(current);
        Ok(())
    }

    fn look(&self, current: &mut CurrentFile) -> io::Result<()> {
        let result = self.look_quietly(current);
        if let Err(error) = &result
            && !std::mem::replace(&mut current.astray, true)
        {
            let place = current.path.display();
            tell(format_args!(
                "{place} is not where it was, and cannot be opened anew: {error}; until it can, what is logged goes to the \
                 file that was open before"
            ));
        }
        result
    }

    /// The same without a word.
    fn look_quietly(&self, current: &mut CurrentFile) -> io::Result<()> {
        match current.standing(self.options.follow_links) {
            _ if current.file.is_none() => self.open_anew(current),
            Ok(FileLocation::InPlace { length }) => {
                current.found(length);
                if !current.keyed {
                    current.keyed = self.keys.hold(&current.identity);
                }
                Ok(())
            }
            Ok(FileLocation::Removed | FileLocation::Moved) => self.open_anew(current),
            Err(error) => Err(error),
        }
    }

    /// Opens the file by its name, and goes on with that.
    fn open_anew(&self, current: &mut CurrentFile) -> io::Result<()> {
        let opened = self.open(&current.path)?;
        self.go_to(current, opened)
    }

    /// Opens what is or will be at `place`, which must be a file.
    fn open(&self, place: &Path) -> io::Result<OpenedFile> {
        if self.create_parents
            && let Some(parent) = place.parent()
        {
            fs::create_dir_all(parent)?;
        }
        let opened = descriptors::open(place, self.options)?;
        if opened.is_plain { Ok(opened) } else { Err(io::Error::other("it is not a regular file")) }
    }

    /// Goes on with `opened`, in the place of what there is.
    fn go_to(&self, current: &mut CurrentFile, opened: OpenedFile) -> io::Result<()> {
        let was_parked = current.file.is_none();
        let lost = current.replace(opened, |identity| self.keys.hold(identity))?;
        if was_parked {
            descriptors::enter(self.keys.id(), Weak::<Appender>::clone(&self.this));
        }
        if lost > 0 {
            let path = self.path.display();
            tell(format_args!("{path} was removed, and {lost} bytes that were just written to it cannot be read back"));
        }
        Ok(())
    }
}

/// Rolling.
impl Appender {
    /// Writes what is left of `batch`, in this file and, where that is full, in the next ones.
    fn push_rolling(&self, current: &mut CurrentFile, batch: &mut Batch<'_>) -> io::Result<()> {
        if current.roller.as_ref().is_some_and(Roller::is_over) {
            self.roll(current, 0);
        }
        while !batch.rest().is_empty() {
            let mut part = self.part(current, batch);
            let before = part.rest().len();
            let result = current.push(&mut part);
            batch.advance(before - part.rest().len());
            result?;
            if !part.rest().is_empty() {
                // The end of a line that could not be written: the others are to be tried again.
                break;
            }
        }
        Ok(())
    }

    /// The lines that go to the file as it is now, at least one: whole records that fit, or one that has the file for itself.
    fn part<'a>(&self, current: &mut CurrentFile, batch: &Batch<'a>) -> Batch<'a> {
        // The two that there may be: a file that is full, and the one after it.
        for _ in 0..2 {
            let lead = u64::from(current.lines.is_torn());
            let room =
                current.roller.as_ref().map_or(u64::MAX, |roller| roller.room(current.length.saturating_add(lead)));
            let part = batch.within(room);
            if !part.rest().is_empty() {
                return part;
            }
            if current.length == 0 {
                break;
            }
            self.roll(current, batch.first().rest().len() as u64);
        }
        batch.first()
    }

    /// Goes on in the next file, if that can be had, and if not in this one. `needed` is how many bytes are written there at
    /// once.
    #[cold]
    fn roll(&self, current: &mut CurrentFile, needed: u64) {
        if let Err(error) = self.try_roll(current, needed)
            && let Some(roller) = &mut current.roller
        {
            roller.stay(&error);
        }
    }

    fn try_roll(&self, current: &mut CurrentFile, needed: u64) -> io::Result<()> {
        let Some(roller) = &current.roller else { return Ok(()) };
        let members = roller.list()?;
        let mut id = roller.next(&members, needed);
        let mut place = roller.path_of(id);
        let mut opened = self.open(&place)?;
        // What was listed may have changed: there are other processes, and other sinks.
        while self.keys.is_of_another(&opened.identity) || !roller.fits(opened.length, needed) {
            let taken = || io::Error::other(format!("{} is open already, as another log", place.display()));
            id = roller.after(id).ok_or_else(taken)?;
            place = roller.path_of(id);
            opened = self.open(&place)?;
        }
        let length = opened.length;
        self.go_to(current, opened)?;
        current.path = place;
        if let Some(roller) = &mut current.roller {
            roller.arrive(id);
            roller.tidy(self.keys, members, needed.max(length));
        }
        Ok(())
    }
}

impl CloseIdle for Appender {
    fn close_if_idle(&self) -> bool {
        // Relaxed: a hint, and nothing else is read by it.
        if self.used.swap(false, Ordering::Relaxed) {
            return false;
        }
        self.current.try_lock().is_some_and(|mut current| self.park(&mut current))
    }
}

impl Output for Appender {
    fn write(&self, line: &[u8]) -> io::Result<()> {
        self.write_batch(&mut Batch::new_unchecked(line, &[line.len()]))
    }

    fn write_batch(&self, batch: &mut Batch<'_>) -> io::Result<()> {
        // Relaxed: a hint for the hand that looks for idle files.
        self.used.store(true, Ordering::Relaxed);
        let current = &mut *self.current.lock();
        self.prepare(current)?;
        if current.roller.is_some() { self.push_rolling(current, batch) } else { current.push(batch) }
    }

    /// Nothing is held back, but that the file is where it should be is a matter of flushing: who reads it now must find all.
    fn flush(&self, deadline: Duration) -> io::Result<()> {
        if !self.is_tracked() {
            return Ok(());
        }
        // Who holds the lock for longer than that is writing, and looks by itself. And what was in the file at the last look was there to
        // be read: if it has been removed since, as a program's temporary directory is at its end, there is nothing to be said.
        match self.current.try_lock_for(deadline) {
            Some(mut current) if current.unseen() > 0 => self.look(&mut current),
            Some(mut current) => {
                let _ = self.look_quietly(&mut current);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        let current = &mut *self.current.lock();
        if self.is_tracked() {
            self.look(current)?;
        }
        match current.file.as_ref().map_or(Ok(()), fs::File::sync_data) {
            // What pipes and terminals say.
            Err(error) if error.kind() == ErrorKind::InvalidInput => Err(ErrorKind::Unsupported.into()),
            result => result,
        }
    }

    fn reopen(&self) -> io::Result<()> {
        if !self.is_plain {
            return Err(ErrorKind::Unsupported.into());
        }
        let current = &mut *self.current.lock();
        if os::CAN_TRACK { self.look(current) } else { self.open_anew(current) }
    }

    fn is_terminal(&self) -> bool {
        self.current.lock().file.as_ref().is_some_and(fs::File::is_terminal)
    }

    fn describe(&self) -> String {
        format!("file {}", self.path.display())
    }
}

impl Drop for Appender {
    fn drop(&mut self) {
        descriptors::leave(self.keys.id());
        let current = &mut *self.current.lock();
        let unseen = current.unseen();
        if !self.is_tracked()
            || unseen == 0
            || !matches!(current.standing(self.options.follow_links), Ok(FileLocation::Removed))
        {
            return;
        }
        if let Err(error) = self.open_anew(current) {
            let path = self.path.display();
            tell(format_args!(
                "{path} was removed, and {unseen} bytes that were written to it since are lost with it: {error}"
            ));
        }
    }
}
