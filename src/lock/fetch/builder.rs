//! What a caller asks for.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::digest::Digest;
use super::job::Job;
use super::key::folder_name;
use super::mirror::MirrorBy;
use super::policy::{FetchPolicy, Fetched};
use super::{blocking, task};
use crate::limits::FETCH_RETRIES;
use crate::lock::file_lock::FileLock;
use crate::sync::Arc;

/// Fetches something into a cache that threads, tasks and processes share, and only one of them makes it.
///
/// ```
/// use std::io::Write as _;
/// use logscope::lock::Fetch;
///
/// # let folder = tempfile::tempdir()?; let cache = folder.path().join("cache"); let tool = folder.path().join("build/gcc.tar");
/// // In eight builds at once: one of them downloads.
/// let fetch = Fetch::new("gcc@13.2.0", &cache).mirror_to(&tool);
/// let fetched = fetch.get(|file| file.write_all(b"the compiler"))?;
/// assert!(fetched.made);
/// assert_eq!(std::fs::read(&tool)?, b"the compiler");
///
/// assert!(!fetch.get(|_| unreachable!("it is there"))?.made);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// - **One maker.** `make` runs under the file lock of the key, which is the only lock that is held then. Others who ask for the key wait, and are
///   served by what it makes, as far as their [policy](FetchPolicy) allows. Other keys are not concerned.
/// - **Whole.** What `make` writes is [published](crate::lock::publish()): readers of the cache and of mirrors find the old file or the new one.
/// - **Mirrors** are made while the lock is held, so nobody who respects the lock removes or replaces the entry before its mirror is there. A
///   mirror that is there already and whole, which is to say the entry itself or a file with the same contents, is left alone.
/// - **Failures.** If `make` fails or panics, or the process dies in it, the old entry stays, and the next caller tries again. I/O errors that may
///   pass (a broken connection, a time-out, an early end) are [retried](Fetch::retries) while the lock is held.
/// - **The log** has what was found, made, retried and mirrored: target `logscope::lock`, level DEBUG, failures WARN.
///
/// The cache has a folder for each key, whose name begins with what can be read of the key; no key leads out of the cache. In it is the file
/// `entry`, with its lock and a record. A program that cleans the cache takes the [lock](Fetch::lock) and removes the file
/// [`entry`](Fetch::entry_path). If somebody removes all of it without the lock, no caller gets a part of a file: whoever is under way makes the
/// entry again, as often as it [retries](Fetch::retries).
///
/// `make` may fetch other keys, but not its own: it would wait for itself. Two that fetch each other's wait for one another.
#[derive(Clone, Debug)]
#[must_use = "nothing is fetched before `get` or `get_async`"]
pub struct Fetch {
    job: Job,
    timeout: Option<Duration>,
    retries: usize,
}

impl Fetch {
    /// Prepares to fetch `key` into the folder `cache`, which is made if it is missing.
    ///
    /// The key is any text. What is in the cache under a key should always be the same, so a version belongs in the key. Relative paths, here and in
    /// [`mirror_to`](Fetch::mirror_to), are meant from the current directory as it is now.
    pub fn new(key: impl Into<String>, cache: impl AsRef<Path>) -> Self {
        let key = key.into();
        let cache = cache.as_ref();
        // As the folder of "name" is: the current one.
        let cache = if cache.as_os_str().is_empty() { Path::new(".") } else { cache };
        let folder = absolute(cache).join(folder_name(&key));
        let job = Job {
            policy: FetchPolicy::default(),
            mirror: None,
            mirror_by: MirrorBy::default(),
            digest: None,
            entry: folder.join("entry"),
            record: folder.join("record"),
            lock: FileLock::new(folder.join("lock")).purpose(format!("fetch {key}")),
            silent: false,
            key,
        };
        Fetch { job, timeout: None, retries: FETCH_RETRIES }
    }

    /// Sets which entries serve the call: any that is there, unless set.
    pub fn policy(mut self, policy: FetchPolicy) -> Self {
        self.job.policy = policy;
        self
    }

    /// Has the entry mirrored to `path`. Missing folders are made; a file or link that is there is replaced and never written through.
    pub fn mirror_to(mut self, path: impl Into<PathBuf>) -> Self {
        self.job.mirror = Some(absolute(&path.into()));
        self
    }

    /// Sets whether the mirror may be the same file as the entry: a hard link where possible, unless set.
    pub fn mirror_by(mut self, by: MirrorBy) -> Self {
        self.job.mirror_by = by;
        self
    }

    /// Expects the entry to have this SHA-256 digest. What `make` writes is refused if it has another, and an entry that has another is made
    /// again.
    ///
    /// An entry that was made for this digest is read again only when its length or the time of its last change is another. Others are read in each
    /// call. So somebody who writes to the entry, or to a mirror that is the same file, and puts the time back is not noticed.
    pub fn digest(mut self, digest: impl Into<Digest>) -> Self {
        self.job.digest = Some(digest.into());
        self
    }

    /// Sets how long the call waits for others, and retries: without end, unless set.
    ///
    /// What is under way is not cut off: `make` may have time-outs of its own, and a future can be dropped.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets how often a failure that may pass is retried: three times, unless set. Each pause is twice as long as the one before, with some
    /// jitter.
    ///
    /// `make` says by the kind of its error whether it may pass: those of connections, `Interrupted`, `TimedOut`, `UnexpectedEof` and `WouldBlock`
    /// do, `NotFound`, `PermissionDenied`, `StorageFull`, `InvalidData` and `Other` do not.
    pub fn retries(mut self, retries: usize) -> Self {
        self.retries = retries;
        self
    }

    /// Has the fetch and its lock log nothing, if `silent`.
    pub fn silent(mut self, silent: bool) -> Self {
        self.job.lock = self.job.lock.silent(silent);
        self.job.silent = silent;
        self
    }

    /// Returns the path of the entry in the cache, which may not be there.
    #[must_use]
    pub fn entry_path(&self) -> &Path {
        &self.job.entry
    }

    /// Returns the lock of the key, for a program that cleans the cache.
    #[must_use]
    pub fn lock(&self) -> FileLock {
        self.job.lock.clone()
    }

    /// Returns the entry, and has `make` make it if the cache has none that serves.
    ///
    /// `make` writes the entry to an empty file. It is called again after a failure that may pass, with another empty file.
    ///
    /// The call blocks the thread while others make, and while `make` does. In a task, use [`get_async`](Fetch::get_async).
    ///
    /// # Errors
    ///
    /// - [`Make`](crate::ErrorKind::Make): `make` has failed. Its error is the source.
    /// - [`DigestMismatch`](crate::ErrorKind::DigestMismatch): what it has made is not what was expected.
    /// - [`TimedOut`](crate::ErrorKind::TimedOut): the lock could not be had in time; the error names its holder.
    /// - [`Lock`](crate::ErrorKind::Lock): the folder of the cache cannot be written to, and the entry in it, if there is one, does not serve.
    /// - [`LockLost`](crate::ErrorKind::LockLost): somebody has deleted the lock in each attempt.
    /// - [`Publish`](crate::ErrorKind::Publish): the entry or the mirror could not be written.
    pub fn get(&self, make: impl FnMut(&mut File) -> io::Result<()>) -> Result<Fetched, crate::Error> {
        blocking::get(&self.job, self.timeout, self.retries, make)
    }

    /// Returns the entry, and has the future that `make` returns make it if the cache has none that serves.
    ///
    /// As [`get`](Fetch::get), for any executor, none of whose threads waits: `make` runs in the calling task, which also tries the lock from time to
    /// time, and everything else that blocks on threads of logscope's, as long as the system starts threads. The call begins when the future is first polled. If the future is dropped while it waits or makes, the old
    /// entry stays and others go on at once; if it is dropped when all is made, the entry is still published.
    ///
    /// The future of `make` gets the file, and all must be written when it ends. `tokio::fs::File::from_std` makes a file of tokio's of it, which
    /// needs a `flush` at the end. An async closure cannot change what it captures here; `|file| { attempts += 1; async move { … } }` can.
    ///
    /// ```
    /// # use logscope::lock::Fetch;
    /// use std::io::Write as _;
    ///
    /// # let cache = tempfile::tempdir()?;
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let fetch = Fetch::new("gcc@13.2.0", cache.path());
    /// let fetched = fetch.get_async(async |mut file| file.write_all(b"the compiler")).await?;
    /// assert!(fetched.made);
    /// # Ok::<(), logscope::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`get`](Fetch::get).
    pub async fn get_async<M, F>(&self, make: M) -> Result<Fetched, crate::Error>
    where
        M: FnMut(File) -> F,
        F: Future<Output = io::Result<()>>,
    {
        task::get(Arc::new(self.job.clone()), self.timeout, self.retries, make).await
    }
}

/// Returns the path from the root, without looking whether it is there.
fn absolute(path: &Path) -> PathBuf {
    // An empty path fails, or one from a current directory that was removed. Using it will say so.
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
