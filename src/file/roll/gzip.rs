//! Compressing the files that a log has left, in the background.
//!
//! One thread does it for all logs, begins when there is something to do, and ends when there is nothing more; a log waits in
//! the queue once, however often it rolls. For each file it writes what it makes of it under a name of its own, gives that
//! the name of a compressed file when it is whole and on the device, and only then removes the file itself. So at every
//! moment one of the two is there whole, whatever ends the process, and when the log is opened again the rest is done:
//!
//! | is there | means | and then |
//! |---|---|---|
//! | `uno.1.log` | not begun | it is compressed |
//! | `uno.1.log`, `uno.1.log.gz.tmp` | interrupted | it is compressed from the beginning |
//! | `uno.1.log`, `uno.1.log.gz` | interrupted before the last step | the first is removed if the other has the same in it; else both stay |
//! | `uno.1.log.gz.tmp` alone | the file was removed as too old meanwhile | it is removed |
//!
//! A log that rolls removes its oldest files while this goes on. What it found under the one name may have the other by then,
//! or be in the directory's list under neither; so when a log's files are compressed, those that are too old are removed again.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process;

use flate2::write::GzEncoder;
use flate2::{Compression, Crc};

use super::retention::Retention;
use crate::fallback::tell;
use crate::file::descriptors::or_park;
use crate::file::name::{FileForm, FileId, LogFile, RolledNames};
use crate::file::os;
use crate::record::drop_quietly;
use crate::sync::{Arc, Mutex, thread};

/// How much is read at a time.
const CHUNK: usize = 64 << 10;

static QUEUE: Mutex<Queue> = Mutex::new(Queue::new());

struct Queue {
    jobs: VecDeque<Job>,
    /// The process that has a thread for them.
    worker: Option<u32>,
}

/// A log of which the files before one are to be compressed.
struct Job {
    names: Arc<RolledNames>,
    before: FileId,
    /// What stays of them.
    retention: Retention,
}

impl Queue {
    const fn new() -> Self {
        Queue { jobs: VecDeque::new(), worker: None }
    }

    /// Adds a job of this process; true if a thread is to be started for it.
    fn add(&mut self, new: Job, process: u32) -> bool {
        if self.worker.is_some_and(|worker| worker != process) {
            // This is the child of a fork: that thread is its parent's, which does those jobs.
            *self = Queue::new();
        }
        match self.jobs.iter_mut().find(|job| job.names == new.names) {
            Some(job) if job.before <= new.before => *job = new,
            Some(_) => {}
            None => self.jobs.push_back(new),
        }
        self.worker.replace(process).is_none()
    }
}

/// Has the files of a log that are older than `before` compressed, and what was begun brought to its end.
pub(in crate::file) fn compress_before(names: &Arc<RolledNames>, before: FileId, retention: Retention) {
    let new = Job { names: Arc::clone(names), before, retention };
    if !QUEUE.lock().add(new, process::id()) {
        return;
    }
    if let Err(error) = thread::Builder::new().name("logscope gzip".to_owned()).spawn(work) {
        QUEUE.lock().worker = None;
        tell(format_args!("log files are not compressed until one rolls again: no thread can be started: {error}"));
    }
}

fn work() {
    loop {
        let job = {
            let mut queue = QUEUE.lock();
            let Some(job) = queue.jobs.pop_front() else {
                // Under the same hold of the lock: who comes later starts another thread.
                queue.worker = None;
                return;
            };
            job
        };
        let result = catch_unwind(AssertUnwindSafe(|| job.run())).unwrap_or_else(|payload| {
            drop_quietly(payload);
            Err(io::Error::other("compressing it panicked"))
        });
        if let Err(error) = result {
            let log = job.names.log();
            tell(format_args!("an old file of {} is not compressed: {error}", log.display()));
        }
    }
}

impl Job {
    /// Does all that can be done, and returns the first error.
    fn run(&self) -> io::Result<()> {
        let members = match self.names.list() {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            members => members?,
        };
        let mut result = Ok(());
        for group in members.chunk_by(|one, other| one.id == other.id).filter(|group| group[0].id < self.before) {
            let plain = group.iter().find(|member| member.form == FileForm::Plain);
            let partial = group.iter().find(|member| member.form == FileForm::Partial);
            let done = match (plain, partial) {
                (Some(plain), _) => self.compress(plain).or_else(|error| match error.kind() {
                    // Removed as too old meanwhile, or with its directory.
                    ErrorKind::NotFound if !plain.path.exists() => Ok(()),
                    _ => Err(error),
                }),
                (None, Some(partial)) => fs::remove_file(&partial.path),
                (None, None) => Ok(()),
            };
            result = result.and(done);
        }
        self.remove_old();
        result
    }

    /// Removes what escaped the log when it rolled.
    fn remove_old(&self) {
        // The log has gone on since: the next job knows what stays.
        if QUEUE.lock().jobs.iter().any(|job| job.names == self.names) {
            return;
        }
        // The log has told what cannot be removed, or does when it rolls again.
        let _ = self.names.list().and_then(|members| self.retention.remove_old(&members, self.before));
    }

    fn compress(&self, plain: &LogFile) -> io::Result<()> {
        let [partial, compressed] =
            [FileForm::Partial, FileForm::Compressed].map(|form| self.names.path_as(plain.id, form));
        let mut from = or_park(|| os::open_to_read(&plain.path))?;
        // Somebody has a sink on it by its own name.
        if self.retention.keys.is_in_use(&os::identity_at(&plain.path)?) {
            return Ok(());
        }
        match or_park(|| os::open_to_read(&compressed)) {
            Ok(mut there) => {
                if holds(&mut there, &mut from)? {
                    return fs::remove_file(&plain.path);
                }
                return Err(io::Error::other(format!("{} is there, and is of another", compressed.display())));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        write_compressed(&mut from, &partial)
            .and_then(|()| replace(&plain.path, &partial, &compressed))
            .inspect_err(|_| drop(fs::remove_file(&partial)))
    }
}

/// Writes to `partial` what `from` has, compressed, with its mode and its time.
fn write_compressed(from: &mut File, partial: &Path) -> io::Result<()> {
    match fs::remove_file(partial) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut encoder = GzEncoder::new(or_park(|| os::create_new(partial))?, Compression::default());
    let length = io::copy(from, &mut encoder)?;
    let to = encoder.finish()?;
    let metadata = from.metadata()?;
    if metadata.len() != length {
        return Err(io::Error::other("it is still being written to"));
    }
    to.set_permissions(metadata.permissions())?;
    to.set_modified(metadata.modified()?)?;
    // The one that is whole is removed next, and a machine can lose its power.
    to.sync_all()
}

/// Puts `compressed`, which is `partial` until then, in the place of `plain`.
fn replace(plain: &Path, partial: &Path, compressed: &Path) -> io::Result<()> {
    fs::rename(partial, compressed)?;
    #[cfg(unix)]
    if let Some(directory) = compressed.parent() {
        // Its name, too, must be there before the other's goes.
        File::open(directory)?.sync_all()?;
    }
    match fs::remove_file(plain) {
        // Removed as too old meanwhile, and so is this.
        Err(error) if error.kind() == ErrorKind::NotFound => fs::remove_file(compressed),
        result => result,
    }
}

/// True if what is compressed in `compressed` is what `plain` has: going by the checksum and the length at its end.
fn holds(compressed: &mut File, plain: &mut File) -> io::Result<bool> {
    let mut all = Vec::new();
    let length = compressed.metadata()?.len();
    let Some(start) = length.checked_sub(8) else { return Ok(false) };
    io::Seek::seek(compressed, io::SeekFrom::Start(start))?;
    compressed.read_to_end(&mut all)?;
    let Ok(trailer) = <[u8; 8]>::try_from(all) else { return Ok(false) };
    let mut crc = Crc::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        match plain.read(&mut buffer)? {
            0 => break,
            read => crc.update(&buffer[..read]),
        }
    }
    let [sum, amount] = [crc.sum().to_le_bytes(), crc.amount().to_le_bytes()];
    Ok(trailer[..4] == sum && trailer[4..] == amount)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::keys::OwnKeys;
    use crate::file::registry::Registry;

    /// The files of `dir/uno.log` before the fourth, of which the newest three stay, with that.
    fn job(dir: &Path) -> Job {
        let registry: &Registry<os::Identity, (), ()> = Box::leak(Box::new(Registry::new()));
        let retention =
            Retention { keep: 3, keep_bytes: u64::MAX, room: 0, keys: OwnKeys::new(registry.new_id(), registry) };
        let names = RolledNames::new(&dir.join("uno.log"), None, true).unwrap();
        Job { names: Arc::new(names), before: FileId { period: None, index: 4 }, retention }
    }

    /// What is left when a log, as it rolls, finds an old file under its first name, and that is removed before the log does it.
    #[test]
    fn what_escaped_the_log_when_it_rolled_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["uno.1.log.gz", "uno.2.log.gz", "uno.3.log", "uno.4.log"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        let job = job(dir.path());
        job.run().unwrap();
        let names = &job.names;
        let left: Vec<_> = names.list().unwrap().iter().map(|member| names.path_as(member.id, member.form)).collect();
        let expected = ["uno.2.log.gz", "uno.3.log.gz", "uno.4.log"].map(|name| dir.path().join(name));
        assert_eq!(left, expected);
    }
    #[test]
    fn the_child_of_a_fork_has_a_thread_of_its_own() {
        const PARENT: u32 = 1;
        const CHILD: u32 = 2;
        let [uno, due] = ["uno", "due"].map(Path::new);
        let mut queue = Queue::new();
        assert!(queue.add(job(uno), PARENT), "it has no thread yet");
        assert!(!queue.add(job(uno), PARENT) && !queue.add(job(due), PARENT));
        assert_eq!(queue.jobs.len(), 2, "one for each log");
        assert!(queue.add(job(due), CHILD));
        assert_eq!(queue.jobs.len(), 1, "the others are done by the parent");
        assert!(!queue.add(job(uno), CHILD));
    }
}
