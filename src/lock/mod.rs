//! Locks for threads, tasks and processes, which say who holds them; files that appear whole, once.
//!
//! # Which of these do I need
//!
//! | to | use |
//! |---|---|
//! | protect a datum that threads and tasks of this process use | [`Mutex`] |
//! | let at most `n` of them do something at once | [`Semaphore`] |
//! | keep other processes out, too: of a folder, a device, a port | [`FileLock`] |
//! | replace a file or a folder that others read meanwhile | [`publish()`], [`publish_dir`] |
//! | fetch or make something once, for many threads, tasks and processes | [`Fetch`] |
//! | make folders that nobody else can write to, while others make them too | [`ensure_dir_writable`] |
//!
//! # For threads and tasks: [`Mutex`] and [`Semaphore`]
//!
//! A [`Mutex`] is one lock for a datum that both threads and tasks use: [`lock`](Mutex::lock) waits on the thread,
//! [`lock_async`](Mutex::lock_async) in the task, on any executor. Two locks for it, a thread's and a task's, would exclude nobody. A
//! [`Semaphore`] is the same for a number of permits.
//!
//! ```
//! use std::sync::Arc;
//! use logscope::lock::Mutex;
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let fetched = Arc::new(Mutex::new(Vec::new()).named("fetched"));
//!
//! let thread = std::thread::spawn({
//!     let fetched = Arc::clone(&fetched);
//!     move || fetched.lock().push("toolchain")
//! });
//! let task = tokio::spawn({
//!     let fetched = Arc::clone(&fetched);
//!     async move { fetched.lock_async().await.push("framework") }
//! });
//! # task.await.unwrap();
//! # thread.join().unwrap();
//! # assert_eq!(fetched.lock().len(), 2);
//! # });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ## What holds for both
//!
//! - A waiting task blocks no thread of its executor. A future that is dropped, also one that was just woken, loses no wake-up.
//! - Nobody starves. A mutex lets threads and tasks that are running be faster than the first in line while that one is being woken, but no more
//!   than 256 times; then it is handed the lock. A semaphore is first come, first served.
//! - A guard may be held over an `.await`, and be dropped on another thread.
//! - A panic releases what was held, and does not poison it. What the lock protects must be right at each point where code can panic.
//! - A lock that nobody holds is got by one atomic step, and requests no memory.
//!
//! ## What is logged
//!
//! Plain `tracing` events with the target `logscope::lock`, in the context of whoever waits. Only waits are logged: a lock that is free is got
//! without a word.
//!
//! | when | level | message | fields |
//! |---|---|---|---|
//! | a wait begins | DEBUG | `waiting for fetched, held by src/fetch.rs:88` | `lock`, `held_by` |
//! | a thread has waited for 1 s, 2 s, 4 s and so on | INFO | `still waiting for fetched after 1.0s, held by src/fetch.rs:88` | `lock`, `held_by`, `waited_ms` |
//! | a wait ends without the lock | DEBUG; INFO if it took 1 s or longer | `gave up waiting for fetched after 1.5s, held by src/fetch.rs:88` | `lock`, `held_by`, `waited_ms` |
//! | who had to wait has released it | DEBUG; INFO if the wait took 1 s or longer | `released fetched, held for 3.0ms after a wait of 1.2s, held by src/fetch.rs:88` | `lock`, `held_by`, `waited_ms`, `held_ms` |
//!
//! `held_by` is the place in the source where the lock was got by whoever had it when the wait began; of those who share a semaphore, by the last.
//! A lock without a name is called after the place where it was made. There is no event at the moment when a lock is got: nothing is logged while
//! the caller holds the lock or stands in line for it, so that the subscriber's work holds up nobody else, and a subscriber may use the very lock
//! that is logged about. What locks would log inside such an event is left out. A task has no timer here: that it waited for long is told when it
//! has released the lock, or given up. A thread steps out of the line to log that it still waits, and then back to its place; so it does not if it
//! has collected some of several permits, which it would lose by that. A subscriber that panics panics nobody who uses a lock.
//!
//! `silent(true)` has a lock log nothing. That is for locks under an output, whose waits would log to the output that waits.
//!
//! ## Limits
//!
//! - Locks are not reentrant: who locks a mutex that it holds waits for ever, as with std's.
//! - `lock` and `acquire` block the thread. In a task they block the executor's thread, and on a runtime with one worker for ever if the lock is
//!   held by another task of it. In a task, use `lock_async`, or give the thread up first, as with `tokio::task::block_in_place`.
//! - A waiting future that is neither polled nor dropped keeps its place. If it is first in line, the lock is handed to it in the end, and nobody
//!   else gets it. So do not hold such a future while you await something else that needs the lock. The same holds for a future that is
//!   forgotten (`mem::forget`), and for a guard that is: its lock stays held.
//! - In a forked child, a lock that another thread of the parent held at the fork, or was just taking or releasing, stays held. Those who waited for
//!   it in the parent do not wait in the child.
//!
//! # Between processes: [`FileLock`]
//!
//! ```
//! use std::time::Duration;
//!
//! use logscope::lock::FileLock;
//!
//! # let folder = tempfile::tempdir()?;
//! # let cache = folder.path().join("cache");
//! let lock = FileLock::new(cache.join("gcc.lock")).purpose("unpack gcc");
//! let guard = lock.acquire(Duration::from_secs(60))?;
//! // No other thread or process that asks for this lock has it now.
//! guard.release()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The lock is the operating system's (`flock`, or `LockFileEx` on Windows) on a file that exists for nothing else. The system releases it when
//! the process dies, however that happens, so no lock is ever left behind, and nothing has to guess whether one is. Beside the file stands a
//! folder, `gcc.lock.holders`, with a record of each holder: its process, host, program, since when it holds the lock, and what for. So whoever
//! waits in vain is told for whom: `held for 12 s by pid 4711 (uno) on build7`.
//!
//! | what happens | what follows |
//! |---|---|
//! | a holder is killed | the next owner has the lock at once, and logs once at WARN that the holder died: what the lock guards may be half done |
//! | the lock file is deleted or replaced while it is held | somebody else can get a lock on the new file: no program can prevent that. The holder learns it from [`verify`](FileLockGuard::verify) and at its release, with the names of both, and the next owner logs it once at WARN |
//! | the lock file is deleted while nobody holds it | nothing: nobody gets a lock on a file that is not at its path any more |
//! | a thread forks while it holds the lock | the lock stays the parent's. What the child does to its copy of the guard changes nothing |
//! | a thread starts a program while it holds the lock | the program knows nothing of it |
//! | the host of a holder crashes | a local lock is gone with it; one on a network file system is released when its server notices |
//!
//! ## What is logged of them
//!
//! With the same target, in the context of the caller. `lock` is the path, `mode` is `exclusive` or `shared`.
//!
//! | when | level | message | fields |
//! |---|---|---|---|
//! | a wait begins | DEBUG | `waiting for a file lock` | `lock`, `mode`, `holder` |
//! | it has taken a second | INFO | `still waiting for a file lock` | `lock`, `mode`, `holder`, `waited` |
//! | it ends without the lock | DEBUG | `did not get a file lock` | `lock`, `error` |
//! | the lock is got | DEBUG | `got a file lock` | `lock`, `mode`, `waited` |
//! | it is released | DEBUG | `released a file lock` | `lock`, `held` |
//! | it is held for longer than [`warn_after`](FileLock::warn_after) | WARN, once | `a file lock is held for long` | `lock`, `holder`, `held` |
//! | a guard is dropped that has lost it | WARN | `a file lock was lost` | `lock`, `error` |
//! | the holder before died, or its file was deleted or replaced | WARN, once | `the owner of a file lock died …`, `a file lock was deleted or replaced …` | `lock`, `owner` |
//!
//! "Got" is logged while the lock is held: a subscriber or an output that takes this very lock must use one that is [`silent`](FileLock::silent).
//!
//! # Files that appear whole: [`publish()`] and [`publish_dir`]
//!
//! They replace a file or a folder in one step: whoever opens it finds the old one or the new one, never a part.
//!
//! ```
//! use std::fs;
//! use std::io::Write as _;
//!
//! use logscope::lock::{publish, publish_dir};
//!
//! # let folder = tempfile::tempdir()?;
//! # let build = folder.path();
//! publish(build.join("config.json"), |file| file.write_all(b"{}"))?;
//! publish_dir(build.join("include"), |new| fs::write(new.join("board.h"), "#define LED 13"))?;
//! # assert_eq!(fs::read_to_string(build.join("include/board.h"))?, "#define LED 13");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Caches that are filled once: [`Fetch`]
//!
//! One maker at a time for each key, over threads, tasks and processes; all others are served by what it makes.
//!
//! ```
//! use std::io::Write as _;
//! use std::time::Duration;
//!
//! use logscope::lock::{Fetch, FetchPolicy};
//!
//! # let folder = tempfile::tempdir()?;
//! # let (cache, build) = (folder.path().join("cache"), folder.path().join("build"));
//! let index = Fetch::new("index.json", &cache)
//!     .policy(FetchPolicy::MaxAge(Duration::from_secs(3_600)))
//!     .mirror_to(build.join("index.json"))
//!     .timeout(Duration::from_secs(60))
//!     .get(|file| file.write_all(b"[]"))?;
//! println!("{} has the index, {:?} old", index.path.display(), index.age);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What it logs has the target `logscope::lock` and the field `key`. What its file lock logs comes in between.
//!
//! | when | level | message | fields |
//! |---|---|---|---|
//! | an entry serves | DEBUG | `found in the cache, made 3.2s ago` | `mirror` |
//! | none serves | DEBUG | `not in the cache: making it`, `in the cache, but begun before this call: making it`, `in the cache, but made 2.0h ago: making it` | |
//! | the entry has another digest | WARN | `the cache entry has not the expected digest: making it` | `found` |
//! | it is made | DEBUG | `made in 1.2s and published` | `mirror` |
//! | a failure that may pass | WARN | `failed: next attempt in 130.0ms`, and then `making it again` at DEBUG | `error` |
//! | any other failure | WARN | `failed: the cache stays as it is`, or `failed after it was published` if only the mirror is missing | `error` |
//!
//! # Errors
//!
//! All are of the one type [`Error`](crate::Error). Each kind that comes from here has a predicate; the text says which lock, path or key it is about.
//!
//! | predicate | kind | from | what has happened |
//! |---|---|---|---|
//! | [`is_timeout`](crate::Error::is_timeout) | `TimedOut` | [`FileLock::acquire`] and its twins, [`Fetch::get`] | somebody else has held the lock all the time; the text says who |
//! | [`is_lock_lost`](crate::Error::is_lock_lost) | `LockLost` | [`FileLockGuard::verify`], [`release`](FileLockGuard::release), [`Fetch::get`] | the lock's file was deleted or replaced while the lock was held; the text names both owners |
//! | [`is_not_holder`](crate::Error::is_not_holder) | `NotHolder` | the same, and [`FileLock::release`] | who was to release the lock does not hold it; nothing is changed |
//! | [`is_lock_failed`](crate::Error::is_lock_failed) | `Lock` | all of [`FileLock`], [`Fetch::get`], [`ensure_dir_writable`] | the lock's file or a folder cannot be made or used; the system's error is the source |
//! | [`is_closed`](crate::Error::is_closed) | `Closed` | [`Semaphore::acquire`] and its twins | the semaphore is closed |
//! | [`is_publish_failed`](crate::Error::is_publish_failed) | `Publish` | [`publish()`], [`publish_dir`], [`Fetch::get`] | a file, a folder or a mirror could not be put in place; what was there is still there |
//! | [`is_make_failed`](crate::Error::is_make_failed) | `Make` | [`Fetch::get`] | `make` has failed; its error is the source, and the old entry is still there |
//! | [`is_digest_mismatch`](crate::Error::is_digest_mismatch) | `DigestMismatch` | [`Fetch::get`] | what `make` has made is not what was expected; the old entry is still there |
//! | [`is_parse`](crate::Error::is_parse) | `Parse` | [`Token`] and [`Digest`], read from a text | the text is none |
//!
//! A [`Mutex`] has no errors. That a lock is not free, or is not in time, is no error of [`Mutex`] and [`Semaphore`] but a `None`, and so it is of
//! [`FileLock::try_acquire`].
//!
//! # Limits of what is published and fetched
//!
//! - A `make` that hangs holds up all who ask for its key, for ever or until their [time-out](Fetch::timeout). If it fails, each of those who wait
//!   tries in its turn, [retries](Fetch::retries) included: if a server is down, that takes long where many wait. So give calls a time-out.
//! - After a power cut what was published is there, whole. The folders that were made above it are not synced: a new cache or mirror may be missing.
//! - NFS: a client may see for some seconds what was there before. So what [`FetchPolicy`] says of makes in other machines is as exact as that. On
//!   a file system without locks, what dead processes have left is not cleared.
//! - Windows: a file that somebody has open cannot be replaced unless they allow it: the publication fails, and the old file stays. Permissions
//!   are not carried over, and folders are links, which not everybody may make.
//! - Clocks: ages are told as [`MaxAge`](FetchPolicy::MaxAge) says. For how long a replaced folder stays, and whether a file was changed since its
//!   digest was taken, is told by the clock of the file system, and as exactly as that ticks.
//!
//! # Limits of locks between processes
//!
//! - The lock is advisory: it keeps out whoever asks for it, and nobody else. Who can write to its folder can delete it. The file itself can be
//!   opened, and so locked, by the user who made it only.
//! - Who cannot write its record, on a full disk for example, does not get the lock.
//! - Whoever waits looks again at intervals of up to 25 ms, at random. There is no queue: under a lock that is never free for long, somebody
//!   may wait much longer than others.
//! - A child that was forked off (without running a program) while the lock was held, and that outlives its parent, has the lock's file open.
//!   If the parent dies without releasing the lock, the lock is free when the child ends or drops its copy of the guard.
//! - NFS: Linux turns these locks into locks of the server, which all clients then respect. Servers without them give an error. Between machines,
//!   "held for" is as exact as their clocks.
//! - Windows: locks are taken by `LockFileEx`. A deleted file keeps its name there as long as somebody has it open on older versions. Whether a
//!   process whose record is there still lives is known on Unix only, so the record of a shared holder that died is cleared by the next
//!   exclusive one.

mod carry;
mod core;
mod fetch;
mod file_lock;
mod folders;
mod foreign;
mod gate;
mod line;
mod log;
mod mutex;
mod owned_permit;
mod parker;
mod publish;
mod semaphore;
mod stats;
mod token;
mod waiter;
mod word;

pub(crate) use carry::set_carrier;
#[cfg(feature = "store")]
pub(crate) use carry::{Job, bind};
#[cfg(feature = "store")]
pub(crate) use fetch::try_offload;
pub use fetch::{Digest, Fetch, FetchPolicy, Fetched, MirrorBy};
#[cfg(feature = "testing")]
pub(crate) use file_lock::WakeUp;
pub use file_lock::{FileLock, FileLockGuard, Holder};
#[cfg(feature = "store")]
pub(crate) use file_lock::{Owner, Shown, before, name_of_this_process, one_line};
pub use folders::ensure_dir_writable;
#[cfg(feature = "store")]
pub(crate) use folders::{ensure_last_io, jittered};
#[cfg(feature = "testing")]
pub(crate) use foreign::ForeignWaker;
#[cfg(feature = "store")]
pub(crate) use foreign::run_foreign;
#[cfg(feature = "store")]
pub(crate) use log::{log_always, log_once};
pub use mutex::{Mutex, MutexGuard, OwnedMutexGuard};
pub use owned_permit::OwnedSemaphorePermit;
#[cfg(feature = "testing")]
pub(crate) use parker::Parker;
#[cfg(all(test, feature = "store", not(logscope_loom)))]
pub(crate) use publish::fail_next_folder_sync;
#[cfg(feature = "store")]
pub(crate) use publish::sync_folder;
pub use publish::{publish, publish_dir};
pub use semaphore::{Semaphore, SemaphorePermit};
pub use stats::{LockStats, Timings};
pub use token::Token;
