//! Compresses the files that a log no longer writes to, in the background.
//!
//! One thread compresses the files of all logs. It starts when there is something to do, and ends when there is nothing left. A log is in
//! the queue at most once, however often it rolls. The thread writes the compressed form of a file to a temporary file, renames that when
//! it is complete and on the storage device, and only then removes the original. So whatever ends the process, at every moment the original
//! or its compressed form is complete. When the log is opened again, the thread finishes the work:
//!
//! | files | meaning | what the thread does |
//! |---|---|---|
//! | `uno.1.log` | not begun | compresses it |
//! | `uno.1.log`, `uno.1.log.gz.tmp` | interrupted | compresses it from the beginning |
//! | `uno.1.log`, `uno.1.log.gz` | interrupted before the last step | removes the original if the contents are the same, else leaves both |
//! | `uno.1.log.gz.tmp` alone | the original was removed as too old in the meantime | removes it |
//!
//! While this goes on, the log may roll and remove its oldest files. The listing of the directory that it works from can be out of date:
//! a file may have changed from the original's name to the compressed one, or, while it was renamed, have been listed under neither. So
//! after compressing the files of a log, the thread removes the files that are too old once more.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process;

use flate2::write::GzEncoder;
use flate2::{Compression, Crc};

use super::retention::Retention;
use crate::fallback::report;
use crate::file::descriptors::retry_after_parking;
use crate::file::name::{FileForm, FileId, LogFile, RolledNames};
use crate::file::os;
use crate::process::start_thread;
use crate::record::drop_quietly;
use crate::sync::{Arc, Mutex};

/// How many bytes are read at a time.
const CHUNK: usize = 64 << 10;

static JOBS: Mutex<JobQueue> = Mutex::new(JobQueue::new());

struct JobQueue {
    jobs: VecDeque<Job>,
    /// The process whose thread does the jobs; none if there is no thread.
    worker_process: Option<u32>,
}

/// Compress all files of one log that are older than one of them.
struct Job {
    names: Arc<RolledNames>,
    before: FileId,
    /// How many of them are kept.
    retention: Retention,
}

impl JobQueue {
    const fn new() -> Self {
        JobQueue { jobs: VecDeque::new(), worker_process: None }
    }

    /// Adds a job of `process`. Returns true if the caller must start a thread.
    fn add(&mut self, new: Job, process: u32) -> bool {
        if self.worker_process.is_some_and(|worker_process| worker_process != process) {
            // This process is the child of a fork. The thread and the jobs belong to the parent.
            *self = JobQueue::new();
        }
        match self.jobs.iter_mut().find(|job| job.names == new.names) {
            Some(job) if job.before <= new.before => *job = new,
            Some(_) => {}
            None => self.jobs.push_back(new),
        }
        self.worker_process.replace(process).is_none()
    }
}

/// Queues the files of a log that are older than `before` for compression, and interrupted compressions to be finished.
pub(in crate::file) fn compress_before(names: &Arc<RolledNames>, before: FileId, retention: Retention) {
    let new = Job { names: Arc::clone(names), before, retention };
    if !JOBS.lock().add(new, process::id()) {
        return;
    }
    if let Err(error) = start_thread("logscope-gzip", run_jobs) {
        JOBS.lock().worker_process = None;
        report(format_args!("log files are not compressed until one rolls again: no thread can be started: {error}"));
    }
}

fn run_jobs() {
    loop {
        let job = {
            let mut queue = JOBS.lock();
            let Some(job) = queue.jobs.pop_front() else {
                // In the same critical section: whoever adds a job later starts another thread.
                queue.worker_process = None;
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
            report(format_args!("an old file of {} is not compressed: {error}", log.display()));
        }
    }
}

impl Job {
    /// Compresses all files that can be compressed, and returns the first error.
    fn run(&self) -> io::Result<()> {
        let files = match self.names.list() {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            files => files?,
        };
        let mut result = Ok(());
        for group in files.chunk_by(|one, other| one.id == other.id).filter(|group| group[0].id < self.before) {
            let plain = group.iter().find(|file| file.form == FileForm::Plain);
            let partial = group.iter().find(|file| file.form == FileForm::Partial);
            let done = match (plain, partial) {
                (Some(plain), _) => self.compress(plain).or_else(|error| match error.kind() {
                    // It was removed as too old in the meantime, or with its directory.
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

    /// Removes old files that the log missed when it rolled, because they were being renamed.
    fn remove_old(&self) {
        // The log has rolled since. The next job knows how many files are kept now.
        if JOBS.lock().jobs.iter().any(|job| job.names == self.names) {
            return;
        }
        // An error is not reported here: the log has reported it, or does so when it rolls again.
        let _ = self.names.list().and_then(|files| self.retention.remove_old(&files, self.before));
    }

    fn compress(&self, plain: &LogFile) -> io::Result<()> {
        let [partial, compressed] =
            [FileForm::Partial, FileForm::Compressed].map(|form| self.names.path_as(plain.id, form));
        let mut from = retry_after_parking(|| os::open_for_reading(&plain.path))?;
        // A sink was opened on this very file, by its own name.
        if self.retention.keys.is_in_use(&os::identity_at(&plain.path)?) {
            return Ok(());
        }
        match retry_after_parking(|| os::open_for_reading(&compressed)) {
            Ok(mut existing) => {
                if is_compressed_copy(&mut existing, &mut from)? {
                    return fs::remove_file(&plain.path);
                }
                return Err(io::Error::other(format!("{} exists already, with other contents", compressed.display())));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        write_compressed(&mut from, &partial)
            .and_then(|()| put_in_place(&plain.path, &partial, &compressed))
            .inspect_err(|_| drop(fs::remove_file(&partial)))
    }
}

/// Writes the compressed contents of `from` to a new file `partial`, with the same mode and modification time.
fn write_compressed(from: &mut File, partial: &Path) -> io::Result<()> {
    match fs::remove_file(partial) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut encoder = GzEncoder::new(retry_after_parking(|| os::create_new(partial))?, Compression::default());
    let length = io::copy(from, &mut encoder)?;
    let to = encoder.finish()?;
    let metadata = from.metadata()?;
    if metadata.len() != length {
        return Err(io::Error::other("it is still being written to"));
    }
    to.set_permissions(metadata.permissions())?;
    to.set_modified(metadata.modified()?)?;
    // The original is removed next, so the compressed form must survive a power cut.
    to.sync_all()
}

/// Renames `partial` to `compressed`, and removes `plain`.
fn put_in_place(plain: &Path, partial: &Path, compressed: &Path) -> io::Result<()> {
    fs::rename(partial, compressed)?;
    if let Some(directory) = compressed.parent() {
        // The new name must survive a power cut before the original is removed.
        let directory = os::Folder::hold(directory)?;
        os::sync_folder(&directory, 0)?;
    }
    match fs::remove_file(plain) {
        // The original was removed as too old in the meantime, so its compressed form is too old as well.
        Err(error) if error.kind() == ErrorKind::NotFound => fs::remove_file(compressed),
        result => result,
    }
}

/// Returns true if `compressed` holds the contents of `plain`, judged by the checksum and the length at its end.
fn is_compressed_copy(compressed: &mut File, plain: &mut File) -> io::Result<bool> {
    let mut trailer = Vec::new();
    let length = compressed.metadata()?.len();
    let Some(start) = length.checked_sub(8) else { return Ok(false) };
    io::Seek::seek(compressed, io::SeekFrom::Start(start))?;
    compressed.read_to_end(&mut trailer)?;
    let Ok(trailer) = <[u8; 8]>::try_from(trailer) else { return Ok(false) };
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
    use crate::registry::KeyedRegistry as Registry;

    /// Compresses the files of `dir/uno.log` before the fourth, and keeps the newest three files, the fourth included.
    fn job(dir: &Path) -> Job {
        let registry: &Registry<os::Identity, (), ()> = Box::leak(Box::new(Registry::new()));
        let retention =
            Retention { keep: 3, keep_bytes: u64::MAX, reserved: 0, keys: OwnKeys::new(registry.new_id(), registry) };
        let names = RolledNames::new(&dir.join("uno.log"), None, true).unwrap();
        Job { names: Arc::new(names), before: FileId { period: None, index: 4 }, retention }
    }

    /// The log, as it rolls, lists an old file by its original name. Before the log removes it, the file is compressed and renamed.
    #[test]
    fn files_that_the_log_missed_when_it_rolled_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["uno.1.log.gz", "uno.2.log.gz", "uno.3.log", "uno.4.log"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        let job = job(dir.path());
        job.run().unwrap();
        let names = &job.names;
        let left: Vec<_> = names.list().unwrap().iter().map(|file| names.path_as(file.id, file.form)).collect();
        let expected = ["uno.2.log.gz", "uno.3.log.gz", "uno.4.log"].map(|name| dir.path().join(name));
        assert_eq!(left, expected);
    }

    #[test]
    fn the_child_of_a_fork_starts_its_own_thread() {
        const PARENT: u32 = 1;
        const CHILD: u32 = 2;
        let [uno, due] = ["uno", "due"].map(Path::new);
        let mut queue = JobQueue::new();
        assert!(queue.add(job(uno), PARENT), "there is no thread yet");
        assert!(!queue.add(job(uno), PARENT) && !queue.add(job(due), PARENT));
        assert_eq!(queue.jobs.len(), 2, "one job for each log");
        assert!(queue.add(job(due), CHILD));
        assert_eq!(queue.jobs.len(), 1, "the parent does its own jobs");
        assert!(!queue.add(job(uno), CHILD));
    }
}
