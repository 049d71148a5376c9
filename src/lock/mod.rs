//! Locks between processes, which say who holds them.
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
//! # Files that appear whole: [`publish()`] and [`publish_dir`]
//!
//! They replace a file or a folder in one step: whoever opens it finds the old one or the new one, never a part.
//!
//! # Caches that are filled once: [`Fetch`]
//!
//! One maker at a time for each key, over threads, tasks and processes; all others are served by what it makes.
//!
//! # Limits
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
mod fetch;
mod file_lock;
mod folders;
mod publish;
mod token;

pub(crate) use carry::set_carrier;
pub use fetch::{Digest, Fetch, FetchPolicy, Fetched, MirrorBy};
pub use file_lock::{FileLock, FileLockGuard, Holder};
pub use folders::ensure_dir_writable;
pub use publish::{publish, publish_dir};
pub use token::Token;
