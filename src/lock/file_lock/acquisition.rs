//! Getting a lock: one attempt after the other, until one succeeds or the time is over.
//!
//! Nothing here waits. Whoever wants the lock calls [`Acquisition::step`] and waits, as it can, for as long as it is told.

use std::io;
use std::time::{Duration, Instant};

use super::errors::{refused, timed_out};
use super::guard::FileLockGuard;
use super::held::Held;
use super::holder::Holder;
use super::identity::Identity;
use super::lock_file::{LockFile, LockedFile};
use super::mode::Mode;
use super::options::FileLock;
use super::record::Record;
use super::records::{Found, Records};
use crate::error::Error;
use crate::limits::{LOCK_ATTEMPTS, LOCK_FIRST_RETRY, LOCK_RETRY, LOCK_TOLD};
use crate::lock::folders::jittered;

/// Somebody who wants a lock.
pub(super) struct Acquisition {
    lock: FileLock,
    mode: Mode,
    timeout: Duration,
    since: Instant,
    /// `None` if the time is never over.
    deadline: Option<Instant>,
    /// The file that was at the path, which somebody else has locked.
    file: Option<LockFile>,
    /// The longest pause before the next attempt.
    pause: Duration,
    told: Told,
}

/// What was logged.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
enum Told {
    Nothing,
    Waiting,
    WaitingForLong,
}

/// What came of a step.
pub(super) enum Step {
    Got(FileLockGuard),
    /// Somebody has the lock. The next step is to be taken after so long.
    Wait(Duration),
}

/// What came of an attempt.
enum Attempt {
    Got(LockedFile, Box<Record>, Vec<Found>),
    Taken(LockFile),
    /// The file is not at its path any more.
    Gone,
}

impl Acquisition {
    pub(super) fn new(lock: &FileLock, mode: Mode, timeout: Duration) -> Self {
        let since = Instant::now();
        Acquisition {
            lock: lock.clone(),
            mode,
            timeout,
            since,
            deadline: since.checked_add(timeout),
            file: None,
            pause: LOCK_FIRST_RETRY,
            told: Told::Nothing,
        }
    }

    /// Tries to get the lock. Returns how long to wait, or an error if the time is over.
    pub(super) fn step(&mut self) -> Result<Step, Error> {
        if let Some(guard) = self.try_once()? {
            return Ok(Step::Got(guard));
        }
        let now = Instant::now();
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            let error = timed_out(&self.lock.path, self.timeout, self.holder().as_ref());
            self.lock.log_gave_up(&error);
            return Err(error);
        }
        self.tell(now - self.since);
        let pause = jittered(self.pause);
        self.pause = (self.pause * 2).min(LOCK_RETRY);
        Ok(Step::Wait(self.deadline.map_or(pause, |deadline| pause.min(deadline - now))))
    }

    /// Tries to get the lock. Returns `None` if somebody else has it.
    pub(super) fn try_once(&mut self) -> Result<Option<FileLockGuard>, Error> {
        // The file can be deleted between opening and locking it. If that happens again and again, we wait as for a holder.
        for _ in 0..LOCK_ATTEMPTS {
            match self.attempt().map_err(|error| refused(&self.lock.path, error))? {
                Attempt::Got(file, record, others) => return Ok(Some(self.got(file, *record, others))),
                Attempt::Taken(file) => {
                    self.file = Some(file);
                    return Ok(None);
                }
                Attempt::Gone => {}
            }
        }
        Ok(None)
    }

    fn attempt(&mut self) -> io::Result<Attempt> {
        let opened = self.file.take().filter(|file| !file.is_inherited());
        let file = opened.map_or_else(|| LockFile::open(&self.lock.path), Ok)?;
        let locked = match file.try_lock(self.mode)? {
            Ok(locked) => locked,
            Err(file) => return Ok(if file.is_in_place()? { Attempt::Taken(file) } else { Attempt::Gone }),
        };
        if locked.file().is_in_place()? { self.enter(locked) } else { Ok(Attempt::Gone) }
    }

    /// Says that the lock on `locked` is got, unless its file is gone by then.
    fn enter(&self, locked: LockedFile) -> io::Result<Attempt> {
        let records = Records::of(&self.lock.path);
        let others = records.read(self.mode == Mode::Exclusive)?;
        let record = Record::of_this_process(locked.file().identity, self.mode, &self.lock.purpose);
        match records.write(&record) {
            // Somebody has removed it: who got a lock on another file, or all of the folder.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Attempt::Gone),
            result => result?,
        }
        // If the file went while the record was written, others may have got the lock, and found no record.
        let is_in_place = locked.file().is_in_place();
        if !matches!(is_in_place, Ok(true)) {
            records.remove(record.token);
        }
        Ok(if is_in_place? { Attempt::Got(locked, Box::new(record), others) } else { Attempt::Gone })
    }

    fn got(&self, file: LockedFile, record: Record, others: Vec<Found>) -> FileLockGuard {
        let identity = record.file;
        let held = Held::new(&self.lock, file, record);
        let guard = FileLockGuard::new(held);
        guard.watch();
        self.lock.log_got(self.mode, self.since.elapsed());
        self.clear(identity, others);
        guard
    }

    /// Removes the records of those who do not hold the lock any more but did not say so, and tells of them. Who removes a record tells.
    fn clear(&self, file: Identity, others: Vec<Found>) {
        let records = Records::of(&self.lock.path);
        for Found { name, record } in others {
            match record {
                // Its holder lives, and has another file.
                Some(record) if !record.is_of(file) && !record.is_of_the_dead() => {
                    if records.remove(name) {
                        self.lock.log_replaced(&record);
                    }
                }
                // Its holder shares the lock with this one.
                Some(record)
                    if record.mode == Mode::Shared && self.mode == Mode::Shared && !record.is_of_the_dead() => {}
                // It could be that of somebody who shares the lock.
                None if self.mode == Mode::Shared => {}
                record => {
                    if records.remove(name) {
                        self.lock.log_owner_died(record.as_ref());
                    }
                }
            }
        }
    }

    fn tell(&mut self, waited: Duration) {
        let tell = if waited >= LOCK_TOLD { Told::WaitingForLong } else { Told::Waiting };
        if self.lock.is_silent || self.told >= tell {
            return;
        }
        self.told = tell;
        match tell {
            Told::WaitingForLong => self.lock.log_still_waiting(self.mode, waited, self.holder().as_ref()),
            _ => self.lock.log_waiting(self.mode, || self.holder()),
        }
    }

    fn holder(&self) -> Option<Holder> {
        Records::of(&self.lock.path).holder(&self.lock.path, None).unwrap_or_default()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn pauses_between_attempts_grow_up_to_a_cap_and_no_longer_than_the_time_that_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let lock = FileLock::new(folder.path().join("lock")).silent(true);
        let _holder = lock.try_acquire().unwrap().expect("it is free");
        let mut acquisition = Acquisition::new(&lock, Mode::Exclusive, Duration::MAX);
        let mut most = LOCK_FIRST_RETRY;
        for _ in 0..40 {
            let Ok(Step::Wait(pause)) = acquisition.step() else { panic!("it is held") };
            assert!((most / 2..=most).contains(&pause), "{pause:?} is not about {most:?}");
            most = (most * 2).min(LOCK_RETRY);
        }
        assert_eq!(most, LOCK_RETRY);
        let hour = Duration::from_secs(3_600);
        let mut acquisition = Acquisition { pause: 4 * hour, ..Acquisition::new(&lock, Mode::Exclusive, hour) };
        assert!(matches!(acquisition.step(), Ok(Step::Wait(pause)) if pause <= hour));
    }

    #[test]
    fn who_has_locked_a_file_that_is_deleted_before_its_record_is_there_accuses_nobody_and_does_not_get_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let lock = FileLock::new(folder.path().join("lock")).silent(true);
        let slow = Acquisition::new(&lock, Mode::Exclusive, Duration::ZERO);
        let Ok(Ok(locked)) = LockFile::open(&lock.path).unwrap().try_lock(Mode::Exclusive) else {
            panic!("it is free")
        };
        std::fs::remove_file(&lock.path).unwrap();
        let other = lock.try_acquire().unwrap().expect("the new file is free");
        assert!(matches!(slow.enter(locked).unwrap(), Attempt::Gone));
        other.verify().unwrap();
        let left: Vec<_> = Records::of(&lock.path).read(false).unwrap().iter().map(|found| found.name).collect();
        assert_eq!(left, [other.token()]);
    }
}
