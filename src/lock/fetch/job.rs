//! The parts of a fetch, which [`get`](super::Fetch::get) does one after the other and
//! [`get_async`](super::Fetch::get_async) on other threads.

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind as IoErrorKind, Seek as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::digest::Digest;
use super::mirror::{MirrorBy, Mirrored, mirror};
use super::moment::Moment;
use super::policy::{FetchPolicy, Fetched};
use super::record::{Number, Record, Seen, Verified, looks_as, verify};
use super::transient::{is_transient, is_unwritable};
use crate::error::{Error, ErrorKind};
use crate::lock::file_lock::{FileLock, FileLockGuard};
use crate::lock::folders::ensure_dir_writable;
use crate::lock::publish::{Target, Temporary, clear_leftovers, sync_folder};

/// A fetch: the options of the caller, and the paths that follow from them.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) key: String,
    pub(super) policy: FetchPolicy,
    pub(super) mirror: Option<PathBuf>,
    pub(super) mirror_by: MirrorBy,
    pub(super) digest: Option<Digest>,
    pub(super) entry: PathBuf,
    pub(super) record: PathBuf,
    pub(super) lock: FileLock,
    pub(super) silent: bool,
}

/// One call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    seen: Seen,
    deadline: Option<Instant>,
}

impl Call {
    /// Returns how much time is left.
    pub(super) fn left(&self) -> Duration {
        self.deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()))
    }
}

/// What a look at the cache has found.
pub(super) enum Look {
    /// The entry serves the call.
    Served(Fetched, Option<Mirrored>),
    /// There is none that serves.
    Wanting(Why),
    /// The entry has not the digest that is expected.
    Damaged(Digest),
}

/// Why no entry serves.
#[derive(Clone, Copy, Debug)]
pub(super) enum Why {
    Missing,
    /// It may have begun to be made before the call.
    Earlier,
    /// It was made so long ago, if anybody knows.
    Older(Option<Duration>),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Missing => f.write_str("not in the cache"),
            Why::Earlier => f.write_str("in the cache, but begun before this call"),
            Why::Older(Some(age)) => write!(f, "in the cache, but made {age:.1?} ago"),
            Why::Older(None) => f.write_str("in the cache, but nobody knows since when"),
        }
    }
}

/// Why an attempt to make an entry, or to mirror it, came to nothing.
pub(super) struct Failure {
    pub(super) error: Error,
    /// Another attempt may succeed.
    pub(super) is_transient: bool,
    /// The entry is in the cache. Otherwise that has what it had before.
    pub(super) is_published: bool,
}

impl Failure {
    fn lasting(error: Error) -> Self {
        Failure { error, is_transient: false, is_published: false }
    }

    fn of_io(error: io::Error, fail: impl FnOnce(io::Error) -> Error) -> Self {
        Failure { is_transient: is_transient(error.kind()), ..Failure::lasting(fail(error)) }
    }

    fn published(self) -> Self {
        Failure { is_published: true, ..self }
    }
}

impl Job {
    /// Begins a call. What begins to be made from now on serves it.
    pub(super) fn call(&self, timeout: Option<Duration>) -> Call {
        // A deadline that is too far away for the clock is none.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        Call { seen: Seen::read(&self.record), deadline }
    }

    /// Returns true if the entry, if there is one, may serve the call as it is.
    pub(super) fn may_find(&self) -> bool {
        self.policy != FetchPolicy::Always && self.entry.exists()
    }

    /// Looks whether the entry serves the call, where that needs no lock: no mirror is to be made of it.
    pub(super) fn look_without_lock(&self, call: &Call) -> Result<Look, Error> {
        match &self.mirror {
            None if self.may_find() => self.look(call),
            None => Ok(Look::Wanting(Why::Missing)),
            // A path that cannot be one is told before anything is made.
            Some(path) => Target::new(path)?.replaced().map(|_| Look::Wanting(Why::Missing)),
        }
    }

    /// Looks whether the entry serves the call in a cache where this process cannot take the lock because it cannot write. Otherwise returns
    /// `error`, for which the lock was not taken.
    pub(super) fn without_lock(&self, call: &Call, error: Error) -> Result<Fetched, Error> {
        if is_unwritable(&error)
            && let Look::Served(fetched, _) = self.look(call)?
        {
            return Ok(fetched);
        }
        Err(error)
    }

    /// Looks whether the entry serves the call, and mirrors it if so. Under the lock of the key, alone or shared.
    pub(super) fn look(&self, call: &Call) -> Result<Look, Error> {
        match fs::symlink_metadata(&self.entry) {
            Ok(entry) if entry.is_file() => {}
            Err(error) if error.kind() != IoErrorKind::NotFound => return Err(self.error("look at", error)),
            _ => return Ok(Look::Wanting(Why::Missing)),
        }
        let record = Record::read(&self.record);
        let entry = record.as_ref().and_then(Record::entry);
        let age = entry.and_then(|entry| entry.made.age(&Moment::now()));
        let serves = match self.policy {
            FetchPolicy::IfMissing => true,
            FetchPolicy::MaxAge(most) if age.is_some_and(|age| age <= most) => true,
            _ => record.as_ref().is_some_and(|record| record.is_entry_after(call.seen)),
        };
        if !serves {
            let why = if matches!(self.policy, FetchPolicy::MaxAge(_)) { Why::Older(age) } else { Why::Earlier };
            return Ok(Look::Wanting(why));
        }
        match self.serve(entry.and_then(|entry| entry.verified.as_ref()), age) {
            // Somebody has removed it just now, without the lock.
            Err(_) if !self.entry.exists() => Ok(Look::Wanting(Why::Missing)),
            look => look,
        }
    }

    /// Looks at the cache under the lock. Returns the lock again if the entry must be made.
    pub(super) fn look_under(&self, call: &Call, guard: FileLockGuard) -> (Result<Look, Error>, Option<FileLockGuard>) {
        let look = self.look(call);
        let is_over = matches!(look, Ok(Look::Served(..)) | Err(_));
        (look, (!is_over).then_some(guard))
    }

    /// Checks and mirrors an entry that is new enough.
    fn serve(&self, known: Option<&Verified>, age: Option<Duration>) -> Result<Look, Error> {
        if let Some(found) = self.other_digest(known)? {
            return Ok(Look::Damaged(found));
        }
        let mirrored = self.mirror()?;
        Ok(Look::Served(self.fetched(false, age), mirrored))
    }

    /// Returns the digest of the entry if it is not the expected one. Reads the entry, unless it looks as it did when that was last done.
    fn other_digest(&self, known: Option<&Verified>) -> Result<Option<Digest>, Error> {
        let Some(expected) = self.digest else { return Ok(None) };
        if known.is_some_and(|known| known.digest == expected && looks_as(&self.entry, known)) {
            return Ok(None);
        }
        let (found, _) = verify(&self.entry).map_err(|error| self.error("read", error))?;
        Ok((found != expected).then_some(found))
    }

    /// Begins an attempt to make the entry: takes its number, and makes the file that it writes to. Under the lock of the key, alone.
    pub(super) fn prepare(&self) -> Result<(Number, Temporary), Failure> {
        let target = Target::new(&self.entry).map_err(Failure::lasting)?;
        clear_leftovers(target.folder());
        let begun = Record::begin(&self.record);
        let number = begun.map_err(|error| Failure::of_io(error, |error| self.error("write to", error)))?;
        Ok((number, target.temporary().map_err(Failure::lasting)?))
    }

    /// Returns the failure of an attempt whose `make` has returned `error`.
    pub(super) fn make_failure(&self, error: io::Error) -> Failure {
        let fail = |error| Error::new(ErrorKind::Make, format!("cannot make {:?}", self.key)).with_source(error);
        Failure::of_io(error, fail)
    }

    /// Publishes what was written to `temporary`. Under the lock of the key, alone.
    pub(super) fn publish(
        &self,
        guard: &FileLockGuard,
        number: Number,
        mut temporary: Temporary,
    ) -> Result<(), Failure> {
        let fail = |error| Failure::of_io(error, |error| self.error("write to", error));
        let verified = match self.digest {
            None => None,
            Some(expected) => {
                temporary.file().rewind().map_err(fail)?;
                let found = Digest::of(temporary.file()).map_err(fail)?;
                if found != expected {
                    return Err(Failure::lasting(self.mismatch(expected, found)));
                }
                Verified::new(found, &temporary.file().metadata().map_err(fail)?)
            }
        };
        temporary.sync().map_err(fail)?;
        // Somebody may have removed the lock, and another maker, which began later, be done already.
        guard.verify().map_err(|error| Failure { is_transient: true, ..Failure::lasting(error) })?;
        temporary.publish_as(&self.entry).map_err(fail)?;
        if let Some(folder) = self.entry.parent() {
            sync_folder(folder).map_err(|error| fail(error).published())?;
        }
        // The entry is in place. Without a record it is only made again earlier than it must.
        let _ = Record::finish(&self.record, number, Moment::now(), verified);
        Ok(())
    }

    /// Mirrors the entry that was just published. Under the lock of the key, alone.
    pub(super) fn conclude(&self) -> Result<(Fetched, Option<Mirrored>), Failure> {
        // If it is not there any more, somebody has removed it without the lock.
        let fail = |error| match self.entry.exists() {
            true => Failure::lasting(error).published(),
            false => Failure { is_transient: true, ..Failure::lasting(error) },
        };
        let mirrored = self.mirror().map_err(fail)?;
        Ok((self.fetched(true, Some(Duration::ZERO)), mirrored))
    }

    fn mirror(&self) -> Result<Option<Mirrored>, Error> {
        let Some(path) = &self.mirror else { return Ok(None) };
        if let Some(folder) = path.parent()
            && !folder.as_os_str().is_empty()
        {
            ensure_dir_writable(folder)?;
        }
        mirror(&self.entry, path, self.mirror_by).map(Some)
    }

    fn fetched(&self, made: bool, age: Option<Duration>) -> Fetched {
        Fetched { path: self.entry.clone(), mirror: self.mirror.clone(), made, age }
    }

    fn mismatch(&self, expected: Digest, found: Digest) -> Error {
        let text = format!(
            "what was made for {:?} has the SHA-256 digest {found}, and not {expected}, which is expected",
            self.key
        );
        Error::new(ErrorKind::DigestMismatch, text)
    }

    fn error(&self, what: &str, error: io::Error) -> Error {
        let entry = self.entry.display();
        Error::from_io(
            ErrorKind::Publish,
            format_args!("cannot {what} the cache entry {entry} of {:?}", self.key),
            error,
        )
    }
}
