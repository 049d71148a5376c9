//! Locks that expire, for holders on any host: [`Lease`].
//!
//! ```
//! use std::time::Duration;
//!
//! use logscope::store::{FolderLeases, Lease};
//!
//! # let folder = tempfile::tempdir()?;
//! # let shared = folder.path().join("leases");
//! let lease = Lease::new(FolderLeases::new(&shared), "build/uno").ttl(Duration::from_secs(30)).owner("nightly").keeper(true);
//! let guard = lease.acquire(Duration::from_secs(60))?;
//! // … work, and before each step that matters:
//! guard.verify()?;
//! # fn publish(_result: &str, _fence: u64) {}
//! publish("result", guard.fence()); // refuses a number that is lower than one that it has seen
//! guard.release()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`FileLock`](crate::lock::FileLock) is held until its holder releases it or dies, which the kernel of its host knows. Between hosts nobody
//! knows who has died. So a lease has a time, its TTL: a holder that does not renew it within that time has lost it, and the next one may have
//! it. On one host, use a `FileLock`, which has none of the limits below.
//!
//! | what a lease has | what it is for |
//! |---|---|
//! | [owner](Lease::owner), process, host | told to those who wait, in errors and in the log |
//! | [token](LeaseGuard::token) | names one acquisition: renewal and release act for it alone, so a stale holder touches nothing of the next one's |
//! | [TTL](Lease::ttl) and [renewal](LeaseGuard::renew) | by hand, or by a thread: [`keeper`](Lease::keeper) |
//! | [fencing number](LeaseGuard::fence) | rises with every owner, and is never given twice |
//!
//! # What happens
//!
//! | what happens | what follows |
//! |---|---|
//! | a holder dies | the next one has the lease when the TTL of the dead one, not its own, and a tenth are over: in Redis, since the last renewal; in a folder, since the next one began to watch it, or saw it renewed last; where it sees that there was a holder, it logs that at WARN |
//! | work takes longer than the TTL | [`remaining`](LeaseGuard::remaining) is zero; [`verify`](LeaseGuard::verify), [`renew`](LeaseGuard::renew) and [`release`](LeaseGuard::release) are [`LeaseLost`](crate::ErrorKind::LeaseLost), for good, whether or not somebody else has had it |
//! | an operator [breaks](Lease::break_lease) it | the same at the holder's next check, which asks the backend; both log it at WARN |
//! | the machine is suspended | the time goes on: the holder's clock runs meanwhile |
//! | the backend does not answer | an error of the kind [`Unreachable`](crate::ErrorKind::Unreachable). What was asked for may have been done, or not: the holder counts from the last renewal that it knows of, and a lease that it may have got is released, if that is possible |
//! | the holder forks | the lease stays the parent's. The copy of the guard in the child holds nothing, renews nothing, and releases nothing |
//! | the holder panics | the guard is dropped, which releases the lease |
//! | the guard is forgotten | it stays held for its TTL; with a keeper, until the process ends |
//!
//! # What a lease without fencing cannot promise
//!
//! That only one works at a time. Between the moment in which a holder checks its time and the moment in which its next step takes effect, the process can
//! stand still for any time: a page fault, a debugger, a suspended machine, a slow network. Nothing that it could check helps, because it
//! stands still *after* the check.
//!
//! ```text
//!            acquires, fence 7                             goes on: believes that it has the lease
//!  holder A ─────●━━━━━━ verify: fine ──┐                ┌── write "A", fence 7 ─────────────────────►
//!                                       └── stands still ┘        │
//!                          ◄────────── TTL ─────────►             │
//!                                                    ▼            │
//!  holder B ─────────── waits ───────────────────────●━━━━━━━━━━━━│━━ write "B", fence 8 ──────►
//!                                     acquires, fence 8           │       │
//!                                                                 ▼       ▼
//!  what they write to, without fencing:                       takes "A" in the middle of B's work
//!  what they write to, with fencing:       has seen 8:        refuses 7, and takes 8
//! ```
//!
//! So the last word has whoever takes the result. It keeps the highest fencing number that it has seen, and refuses a lower one *in the same step* in
//! which it takes the result: a row of a database with a condition, a document with a generation. Where the result goes to something that compares
//! no numbers, such as a plain file on NFS or a device, a lease makes two at a time rare, and not impossible.
//!
//! # Backends
//!
//! | | [`FolderLeases`] | `RedisLeases` (feature `redis`) | [`MemoryLeases`] |
//! |---|---|---|---|
//! | for | hosts that share a file system | hosts that share a server | tests, in one process |
//! | compare and act | `rename` from the exact name that was read | a script | a lock |
//! | who ends a lease | whoever waits, by watching it for the TTL and a tenth | the server, after the TTL and a tenth | the backend |
//! | whose clock | each its own; two clocks are never compared | the holder's and the server's, each for itself | the process's |
//! | fencing numbers | one more than the last; a new folder begins with the microseconds since 1970 | one more than the last, and at least the microseconds of the server's clock | one more than the last |
//! | after a crash of the host that stores it | as before: each acquisition is synced | as much as the server keeps; numbers rise all the same | gone |
//! | costs | a few requests to the file system for a step; a sync for an acquisition | a round trip for a step | nothing |
//! | waits | a thread each | a thread each | a thread each |
//!
//! A backend of one's own is a [`LeaseBackend`]. In a task, [`acquire_async`](Lease::acquire_async) asks each of them on a thread of its own and works with
//! any executor, also for Redis: a lease is asked for too rarely to be worth a second client, and a runtime that stands still cannot hold up a renewal.
//!
//! # Limits
//!
//! - **Who waits has no queue.** It looks again at random intervals of up to 100 ms, or when this process releases the lease. Somebody may wait
//!   much longer than others. So that nobody waits for ever, a process that has released a lease, and asks for it by the same `Lease` or a clone,
//!   lets others go first: for a random time of up to half of that for which it held it, up to 100 ms, and up to half of its time-out. A process
//!   that nobody competes with pays that, too: it cannot know. A process that does not have one `Lease` for all of its threads, but makes one for
//!   each acquisition, forgoes that.
//! - **A keeper shows that the process lives**, not that its work goes on. Its pauses do not count the time of suspension: a machine that sleeps for long
//!   between two renewals may lose a lease that it could just have kept.
//! - **Clocks** may differ in their speed by a tenth at most, and must not be set back while a server counts: Redis counts by its wall clock. A
//!   server whose clock is set forward ends leases early; then two may work at once, with different fencing numbers.
//! - **NFS.** A client may list a folder as it was some seconds ago. It then takes longer to see that a lease is free, and a rename from a name that is no
//!   longer there fails on the server: nobody gets a lease, renews it or verifies it by an old listing. The server must make `rename` whole, as all do, and must not be one of
//!   several copies. A mount that is not `hard` may give up a request that is done later.
//! - **A folder that somebody deletes** is made anew, unless the one above it is gone, too. Its holder has lost the lease. The numbers go on rising unless the clock of the host that makes it
//!   is behind that of the one which made the first. A folder that is brought back from a backup gives numbers again.
//! - **Redis** copies to replicas after it has answered. A failover can lose the last acquisition: the next owner gets a lease that another one holds. Its number
//!   is higher as long as the clocks of the two servers agree to within the time between the two acquisitions. A `maxmemory-policy` that evicts keys
//!   may evict a lease. For each name one small key stays: `<prefix>fence:<name>`. The client speaks to one server, without TLS.
//! - **A drop releases** by asking the backend, on the thread that drops; it waits for as long as that takes. At the end of the process nothing is released
//!   that is not dropped.
//! - Windows: other programs that have the file of a folder open, such as scanners for viruses, can make a rename fail; the step is an error then.
//!
//! # What is logged
//!
//! With the target `logscope::store`, in the context of the caller; what a keeper finds, in that of whoever got the lease. `lease` says which one, and where.
//!
//! | when | level | message | fields |
//! |---|---|---|---|
//! | a wait begins | DEBUG | `waiting for a lease` | `lease`, `holder` |
//! | the lease is got | DEBUG | `got a lease` | `lease`, `fence`, `waited` |
//! | it is taken from a holder whose time is over | WARN | `took a lease over whose time was over: …` | `lease`, `fence`, `before` |
//! | it is released | DEBUG | `released a lease` | `lease`, `fence`, `held` |
//! | it is lost | WARN, once | `a lease was lost` | `lease`, `error` |
//! | it is broken | WARN | `broke a lease: …` | `lease`, `holder` |
//! | a keeper cannot renew it | DEBUG | `cannot renew a lease: trying again` | `lease`, `left`, `error` |
//! | a guard is dropped, and the backend does not answer | WARN | `a lease may not be released: …` | `lease`, `error` |
//!
//! # Files
//!
//! | file | what |
//! |---|---|
//! | `backend` | the trait, and what passes through it |
//! | `folder`, `server`, `memory` | the backends |
//! | `clock`, `watch`, `bell` | the time; when a lease is over that nobody ends; waking those who wait |
//! | `options`, `acquisition`, `acquiring`, `public` | the name of a lease, and getting it: by a thread, by a task |
//! | `held`, `keeper`, `guard` | a lease that is held |

mod acquiring;
mod acquisition;
mod backend;
mod bell;
mod clock;
mod errors;
mod folder;
mod guard;
mod held;
mod keeper;
mod log;
mod memory;
mod options;
mod public;
#[cfg(feature = "redis")]
mod server;
mod watch;

pub use backend::{LeaseBackend, LeaseClaim, LeaseHolder, LeaseState};
pub use folder::FolderLeases;
pub use guard::LeaseGuard;
pub use memory::MemoryLeases;
pub use options::Lease;
#[cfg(feature = "redis")]
pub use server::RedisLeases;

#[cfg(all(test, not(logscope_loom)))]
mod tests;
