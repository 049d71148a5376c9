//! The locks that this process holds.

use std::io;
use std::mem;
use std::path::Path;
use std::time::Instant;

use super::errors::{lost, not_holder, not_unlocked, unknown};
use super::identity::Identity;
use super::lock_file::{LockedFile, Owner};
use super::options::FileLock;
use super::record::Record;
use super::records::Records;
use super::timer::{Due, Timer};
use crate::error::Error;
use crate::lock::carry::{Job, bind};
use crate::lock::foreign::run_foreign;
use crate::lock::token::Token;
use crate::process::{ForkLocal, start_thread};
use crate::sync::{Arc, AtomicBool, Mutex, Ordering};

/// The locks of this process. A forked child holds none. No memory is requested or freed under the lock of this list, because the program's allocator
/// may log, to an output that takes file locks.
static HELD: ForkLocal<Mutex<Vec<Arc<Held>>>> = ForkLocal::new(Mutex::new(Vec::new()), |_| Mutex::new(Vec::new()));

fn add(held: Arc<Held>) {
    let mut room = Vec::new();
    loop {
        let mut list = HELD.get().lock();
        if list.len() == list.capacity() {
            if room.capacity() <= list.len() {
                let wanted = (2 * list.len()).max(8);
                drop(list);
                room = Vec::with_capacity(wanted);
                continue;
            }
            room.append(&mut list);
            mem::swap(&mut room, &mut list);
        }
        list.push(held);
        return;
    }
}

fn find(token: Token) -> Option<Arc<Held>> {
    HELD.get().lock().iter().find(|held| held.token() == token).cloned()
}

fn remove(token: Token) -> Option<Arc<Held>> {
    let mut list = HELD.get().lock();
    let index = list.iter().position(|held| held.token() == token)?;
    Some(list.swap_remove(index))
}

static WARNINGS: ForkLocal<Timer<Job>> =
    ForkLocal::new(Timer::new("logscope-warner", warn), |_| Timer::new("logscope-warner", warn));

/// Runs each on a thread of its own: the output that one logs to may stand still, and the others must not wait for it. If there is no thread, it is
/// logged at the release.
fn warn(job: Job) {
    drop(start_thread("logscope-warning", job));
}

/// A lock that is held, until it is released: by its guard or by its token.
pub(super) struct Held {
    lock: FileLock,
    record: Record,
    since: Instant,
    /// Tells a forked child that it is one, without a lock of this: a thread of the parent may have held that.
    owner: Owner,
    /// `None` once it is released.
    file: Mutex<Option<LockedFile>>,
    warning: Mutex<Option<Due>>,
    /// It was logged that it is held for long.
    is_told: AtomicBool,
}

impl Held {
    /// Notes that this process holds the lock on `file`.
    pub(super) fn new(lock: &FileLock, file: LockedFile, record: Record) -> Arc<Self> {
        let held = Arc::new(Held {
            lock: lock.clone(),
            since: Instant::now(),
            owner: Owner::this_process(),
            file: Mutex::new(Some(file)),
            warning: Mutex::new(None),
            is_told: AtomicBool::new(false),
            record,
        });
        add(Arc::clone(&held));
        held
    }

    /// Has it logged if the lock is held for long.
    pub(super) fn watch(self: &Arc<Self>) {
        let when = self.lock.warn_after.and_then(|after| self.since.checked_add(after));
        let Some(when) = when.filter(|_| !self.lock.is_silent) else { return };
        let held = Arc::downgrade(self);
        let job = bind(Box::new(move || {
            if let Some(held) = held.upgrade()
                && held.is_held()
            {
                held.tell_if_long();
            }
        }));
        // Without a thread, it is logged at the release.
        *self.warning.lock() = WARNINGS.get().at(when, job).ok();
    }

    fn tell_if_long(&self) {
        let held = self.since.elapsed();
        // Relaxed: one of those who tell does so, and nothing else depends on it.
        if self.lock.warn_after.is_some_and(|after| held >= after) && !self.is_told.swap(true, Ordering::Relaxed) {
            self.lock.log_held_long(held, &self.record);
        }
    }

    pub(super) fn lock(&self) -> &FileLock {
        &self.lock
    }

    pub(super) fn token(&self) -> Token {
        self.record.token
    }

    /// True if `path` is that of the lock, or another one of its file.
    fn is_at(&self, path: &Path) -> bool {
        *self.lock.path == *path || matches!(Identity::at(path), Ok(Some(file)) if file == self.record.file)
    }

    fn is_held(&self) -> bool {
        self.file.lock().is_some()
    }

    /// Checks that this process still holds the lock, and that nobody else can have it.
    pub(super) fn verify(&self) -> Result<(), Error> {
        if self.owner.is_parent() {
            return Err(self.not_held("this process was forked from the one that holds it"));
        }
        if !self.is_held() {
            return Err(self.not_held("it was released"));
        }
        match self.check_files() {
            Err(_) if !self.is_held() => Err(self.not_held("it was released")),
            checked => checked,
        }
    }

    /// The file that this process locks is open, so no other file has its identity.
    fn check_files(&self) -> Result<(), Error> {
        let path = &self.lock.path;
        let records = Records::of(path);
        let happened = || -> io::Result<Option<&str>> {
            Ok(match Identity::at(path)? {
                None => Some("its file was deleted"),
                Some(file) if file != self.record.file => Some("its file was replaced"),
                // Whoever got the lock while the file was another one has removed the record: even if the file is back now.
                Some(_) if !records.has(self.token())? => Some("its record was removed"),
                Some(_) => None,
            })
        };
        match happened().map_err(|error| unknown(path, error))? {
            None => Ok(()),
            Some(happened) => {
                let successor = records.successor(path, &self.record);
                Err(lost(path, happened, &self.record, successor.as_ref()))
            }
        }
    }

    fn not_held(&self, why: &str) -> Error {
        not_holder(&self.lock.path, self.token(), why)
    }

    /// Releases the lock, whatever has happened to it. Fails if somebody else can have got it in between.
    pub(super) fn release(&self) -> Result<(), Error> {
        if self.owner.is_parent() {
            // Closes this process's descriptor, unless a thread of the parent was just using it.
            drop(self.file.try_lock().and_then(|mut file| file.take()));
            return Err(self.not_held("this process was forked from the one that holds it"));
        }
        let Some(file) = self.file.lock().take() else { return Err(self.not_held("it was released")) };
        let held = remove(self.token());
        let warning = self.warning.lock().take().and_then(|due| WARNINGS.get().cancel(due));
        let checked = self.check_files();
        // First the record: the next owner would take one that is still there for that of an owner that died.
        Records::of(&self.lock.path).retire(self.token());
        let unlocked = file.unlock().map_err(|error| not_unlocked(&self.lock.path, error));
        drop(held);
        // It holds a span and a subscriber.
        run_foreign(|| drop(warning));
        self.tell_if_long();
        self.lock.log_released(self.since.elapsed());
        checked.and(unlocked)
    }
}

/// Releases the lock at the path of `lock` that this process holds under `token`.
pub(super) fn release(lock: &FileLock, token: Token) -> Result<(), Error> {
    match find(token) {
        Some(held) if held.is_at(&lock.path) => held.release(),
        _ => {
            let holder = Records::of(&lock.path).holder(&lock.path, None).unwrap_or_default();
            let why = match holder {
                Some(holder) => format!("this process does not hold it under this token; it is {holder}"),
                None => "nobody holds it".to_owned(),
            };
            Err(not_holder(&lock.path, token, why))
        }
    }
}
