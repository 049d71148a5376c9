//! Single live instances, locks that expire, and documents that do not fork.
//!
//! # Which of these do I need
//!
//! | to | use |
//! |---|---|
//! | have the threads of this process share one instance per key: per file, per project, per device | [`Registry`] |
//! | keep a small document on disk, which several threads and processes change | [`Store`] |
//! | let one process at a time change it, on any host | [`Store`] with [`StoreOptions::lease`] |
//! | read it, and nothing else | [`Store::open_readonly`] |
//! | keep other processes out, on any host, for a time at most, with a number that whatever they write to can check | [`Lease`] |
//! | keep out the processes of *this* host, until the holder ends | [`lock::FileLock`](crate::lock::FileLock) |
//! | protect a value that only this process has | [`lock::Mutex`](crate::lock::Mutex) |
//!
//! This module is above [`lock`](crate::lock), and nothing of the logger uses it. What it logs has the target `logscope::store`.
//!
//! # One live instance per key: [`Registry`]
//!
//! Two threads that open the same thing at once get the same instance, which is made once. A look, and then the making, would give them two. The next
//! instance of a key is made when the `Drop` of the one before is over, so what only one can have, such as a serial port, is never opened twice.
//!
//! ```
//! use logscope::store::{Instance, Registry};
//!
//! let ports: Registry<String, u32> = Registry::new();
//! let open = |name: &str| ports.get_or_try_insert_with(&name.to_owned(), || Ok::<_, std::io::Error>(9_600));
//!
//! let (one, other) = (open("/dev/ttyUSB0")?, open("/dev/ttyUSB0")?);
//! assert!(Instance::ptr_eq(&one, &other));
//! drop((one, other));
//! assert!(ports.is_empty(), "the last one removes it");
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Locks that expire: [`Lease`]
//!
//! A lock whose holder may vanish with its host. It ends after its time, unless it is renewed, and each owner gets a higher *fencing number*. A holder
//! that stood still for longer than that does not know that it is over, so whatever it writes to must refuse older numbers. [`lease`] says what
//! is promised, and what cannot be; a [`Store`] checks the numbers by itself.
//!
//! ```
//! use std::time::Duration;
//!
//! use logscope::store::{FolderLeases, Lease};
//!
//! # let folder = tempfile::tempdir()?;
//! # let shared = folder.path();
//! let lease = Lease::new(FolderLeases::new(shared.join("leases")), "nightly").ttl(Duration::from_secs(10));
//! let guard = lease.acquire(Duration::from_secs(60))?;
//! guard.verify()?;
//! println!("the work of owner number {}", guard.fence());
//! guard.release()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Documents: [`Store`]
//!
//! A value of a type of yours, as JSON at a path. All threads that open the path share one instance. Whoever changes it locks it, gets the value as
//! it is then, and saves it; it is saved only if nobody else has saved since.
//!
//! ```
//! use std::time::Duration;
//!
//! use logscope::store::{FolderLeases, Lease, Store};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Clone, Default, Deserialize, Serialize)]
//! struct Project { builds: u64 }
//!
//! # let folder = tempfile::tempdir()?;
//! # let project = folder.path();
//! let lease = Lease::new(FolderLeases::new(project.join("leases")), "state").ttl(Duration::from_secs(10)).keeper(true);
//! let state: Store<Project> = Store::options().schema("project").lease(lease).open(project.join("state.json"))?;
//!
//! let mut guard = state.lock(Duration::from_secs(60))?; // or lock_async
//! guard.builds += 1;
//! if let Err(error) = guard.save() {
//!     println!("not saved: {error}");
//!     let _unsaved = error.into_value();
//! }
//! assert_eq!(state.read()?.builds, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | what happens | what follows |
//! |---|---|
//! | another process saves | the next [`read`](Store::read) and the next [`lock`](Store::lock) have what it has saved |
//! | another process saves while a guard is there (without a lease, or past it) | the guard's save is [`LockLost`](crate::ErrorKind::LockLost), and returns the value |
//! | the lease ends, or is broken, while a guard is there | the same, also if nobody else has come |
//! | an operator clears all locks while a guard is there | the same: who saves over what it has not read is refused by the document itself |
//! | a holder is killed | the document is the old one or the new one, whole; the next one has it when the lease is over, at once without a lease |
//! | a guard is dropped, or its thread panics | the changes are forgotten |
//! | the file is damaged, or is none of a store | [`Corrupt`](crate::ErrorKind::Corrupt) for all who open, lock or save, and for a `read` of what has changed since the last one; it stays as it is |
//! | the file is removed | the document begins anew, or with what its cache has, if there is one: remove it there, too; a guard that has read it cannot save |
//! | the process forks | the child opens its own; guards and leases stay the parent's |
//! | the backend of the lease is gone | [`Unreachable`](crate::ErrorKind::Unreachable) for who locks or saves, whatever [`CacheGone`] says; `read` goes on. Leases in a folder survive an outage of Redis |
//! | a cache is configured, and gone | [`CacheGone`] says: the disk alone, and a record at WARN, or an error. When it is back, the higher [`DocumentVersion`] is the document: disk and cache are compared. If one is not the successor of the other, the one that is not used is kept beside the document, as `state.json.<generation>.<token>`, and a WARN names both |
//! | a cache has something that is no document | as if it were gone; the next opening or saving with the disk alone replaces it, and a copy is kept, as `state.json.cache.<digest>`. One of another schema, or of a later version of this library, stays |
//!
//! A save writes a new file, syncs it, renames it into place and syncs the folder, under a [`FileLock`](crate::lock::FileLock) (`state.json.lock`)
//! that is held for that long only. So it takes as long as a sync, milliseconds on most disks. A `read` of a document that has not changed opens the
//! file and reads its first line. A `lock` and a `save` read it all, to find out whether it is damaged.
//!
//! ## What is logged of them
//!
//! | when | level | message | fields |
//! |---|---|---|---|
//! | a document is opened, read again, or saved | DEBUG | `opened a document`, `read a document again`, `saved a document` | `document`, `generation`; `from` (`disk`, `cache`, `nothing`) or `fence` |
//! | a cache cannot be used | WARN, once until it is back | `the cache of a document cannot be used: the disk is used alone until it can` | `document`, `error` |
//! | it is back | INFO | `the cache of a document can be used again` | `document` |
//! | it has another document than the disk, or a newer one | WARN | `the disk and the cache of a document disagree: …` | `document`, `disk`, `cache`, `used`, and `kept` (a copy of the other one) or `error` |
//! | it has what is no document | WARN | `the document replaces what its cache had, …` | `document`, and `kept` or `error` |
//! | the lease was lost between a save and its release | WARN | `saved a document, but its lease was lost after that` | `document`, `error` |
//! | the backend did not answer to that release | WARN | `saved a document, but its lease may not be released: …` | `document`, `error` |
//! | the lock for saving was cleared in the middle of a save | WARN | `saved a document, but the lock for saving was cleared meanwhile …` | `document`, `error` |
//!
//! When a process has died in the middle of a save, the next save logs `a process died while it saved a document: …` at INFO, with the target
//! `logscope::lock`. What file locks and leases log comes in between; waits within the process are logged as those of a [`lock::Mutex`](crate::lock::Mutex) named `the
//! document` and its path, with the place in the program where it was locked. These records are written while the caller has the document locked, or saves it: a subscriber must not lock this very
//! document.
//!
//! # Limits
//!
//! - Without a lease, two processes can have a document locked at once. The second one to save is refused, and has to begin again. With one, a holder that
//!   outlives it is refused.
//! - Who deletes `state.json.lock` in the very moment in which two processes save can have one save lost, which is logged at WARN. Clearing
//!   the locks at any other time loses nothing.
//! - A save that stands still between its last look at the lease and the renaming can come after the end of the lease. It loses nothing: the next holder
//!   has read the document before, so its own save is refused, and it begins again.
//! - A process that is stopped in the middle of a save keeps the lock for saving, so the saves of all others fail with
//!   [`TimedOut`](crate::ErrorKind::TimedOut) until it goes on or ends; also when its lease is over.
//! - Two users cannot share a document that both of them save: the lock for saving, and what leases in a folder consist of, can be used only by who has made
//!   them. Others may [read](Store::open_readonly) it.
//! - The lock for saving is one of the operating system: documents on NFS need a server with locks.
//! - A document is read and written whole, and is all in memory: it is for kilobytes, not for gigabytes. There are no transactions over several.
//! - Paths are compared after their folder was made canonical. Names that differ in case, or hard links, are other documents, also where the file
//!   system takes them for one; so give a document one name. A symbolic link to a document is refused.
//! - A change of the file by hand is found out by its digest when the document is opened, locked or saved. A `read` of a document that is open sees the
//!   first line and the length of the file alone, and then has what it had before. [`Store::open_unlocked`] is the way to repair a document, also a damaged one: what it [writes](UnlockedStore::write) is newer than
//!   what a cache has. Who moves the file away instead gets what the cache has.
//! - A cache is a copy, not a place to save to: what is saved is on disk first. Hosts that have no disk in common must not share a cache.
//! - A document that was removed, and begun anew or [repaired](UnlockedStore::write) while its cache was gone, is newer than what the cache has by the
//!   clock of the host: not if that was set back meanwhile. So it is where the disk, too, was not there yet: a service that starts before its disk is
//!   mounted, and while its cache is gone, begins a document anew, and with one save it wins over all saves before. Then the older document is kept as
//!   `state.json.<generation>.<token>`, but not used: have services wait for their disk, or use [`CacheGone::Refuse`]. Who brings back an old copy of a document without a lease, saves it while the cache
//!   is gone, and does not reach the cache's generation, gets the cache's. Both are told at WARN. Who goes beyond that generation before the cache is back
//!   cannot be told from who went on from what the cache has: that is replaced, and nothing is said.
//! - `Serialize`, `Deserialize`, `Clone` and `Drop` of a value run without any lock of the library, but may run while the caller has the document
//!   locked: they must not lock it. When the last `Store` of a document is dropped, whoever opens the document waits until the `Drop` of its value is
//!   over; a `Drop` that opens it itself gets an error.
//! - Fencing numbers are those of one backend. Whoever changes the backend of a document's lease, from Redis to a folder say, gets lower numbers, which
//!   the document refuses until [`UnlockedStore::write`] has it forget the highest one.

mod carried;
mod document;
pub mod lease;
#[cfg(feature = "redis")]
mod redis_client;

#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub use document::RedisCache;
pub use document::{
    CacheGone, DocumentCache, DocumentVersion, ReadOnlyStore, SaveError, Store, StoreGuard, StoreOptions,
    StoreSnapshot, UnlockedStore,
};
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub use lease::RedisLeases;
pub use lease::{FolderLeases, Lease, LeaseBackend, LeaseClaim, LeaseGuard, LeaseHolder, LeaseState, MemoryLeases};
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub use redis_client::RedisOptions;

pub use crate::registry::{Instance, Registry};
