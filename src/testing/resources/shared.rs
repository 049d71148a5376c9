//! What several tests use, and some of them alone.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use super::folder::{file_name, shared_folder};
use crate::error::{Error, ErrorKind};
use crate::limits::{TEST_RESOURCE, TEST_TOLD};
use crate::lock::{FileLock, FileLockGuard, Semaphore, SemaphorePermit};
use crate::sync::{AtomicU64, Mutex, OnceLock, Ordering};
use crate::testing::told::{tell, this_thread};

/// How many can share a resource in one process. Who wants it alone takes all.
const SHARES: usize = 1 << 20;

/// How many uses there were, by which each has a number.
static USES: AtomicU64 = AtomicU64::new(0);

/// Uses something alone, among all tests that ask for it: in this process, and in others of this user. Waits until nobody else uses it.
///
/// ```
/// use logscope::testing::exclusive;
///
/// let database = exclusive("database");
/// // No other test that asks for "database" runs now.
/// drop(database);
/// ```
///
/// The name is all that counts: it is the same resource in all test binaries, also of other projects. The lock is the operating system's, so it
/// is free when a process dies.
///
/// A wait is told when it has taken a second, and when it is over, with the test that holds the resource: on stderr, which libtest shows only of a
/// test that fails, and at once with `--nocapture`; nextest shows it of a test that fails or takes too long. A thread that uses the resource
/// already gets it again, without a wait. Locks are in the folder that the environment variable `LOGSCOPE_TEST_SHARED` names, and else in
/// `logscope-testing-…`, with the number of the user, beside other temporary files.
///
/// # Panics
///
/// - If it takes more than ten minutes: the message says who holds the resource.
/// - If this thread [shares](shared) it already: two that did so would wait for each other.
/// - In a [child](crate::testing::child()), if the test that waits for its end in [`run`](crate::testing::Child::run) uses the resource: call `exclusive` inside `run`.
/// - If the lock's file cannot be made or used.
#[track_caller]
pub fn exclusive(name: &str) -> ResourceGuard {
    acquire(name, Use::Exclusive)
}

/// Uses something beside others that [share](shared) it, but beside nobody who wants it [alone](exclusive).
///
/// ```
/// use logscope::testing::shared;
///
/// let (database, same) = (shared("database"), shared("database"));
/// # drop((database, same));
/// ```
///
/// All else is as with [`exclusive`].
///
/// # Panics
///
/// As [`exclusive`]. A thread that uses the resource alone can share it.
#[track_caller]
pub fn shared(name: &str) -> ResourceGuard {
    acquire(name, Use::Shared)
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Use {
    Exclusive,
    Shared,
}

/// Ends the use of a resource when it is dropped; from [`exclusive`] and [`shared`].
///
/// It stays on its thread. Hold it in a variable for as long as you use the resource: `let _database = exclusive("database");`.
#[must_use = "the resource is free when the guard is dropped: bind it to a variable for as long as you use the resource"]
pub struct ResourceGuard(Rc<Held>);

impl fmt::Debug for ResourceGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResourceGuard").field("name", &self.0.name).field("use", &self.0.how).finish_non_exhaustive()
    }
}

/// A use of a resource by this thread. The fields are dropped in order: the lock between processes before the one between threads, who would try
/// the other in vain.
struct Held {
    name: String,
    how: Use,
    _between_processes: FileLockGuard,
    _in_process: HeldInProcess,
}

/// The environment variable by which a child is told what the thread that waits for it uses.
const HELD_BY_PARENT: &str = "LOGSCOPE_TEST_HELD";

/// Returns the variable by which a child learns what this thread uses, and what the threads use that wait for this process.
pub(crate) fn held_while_waiting() -> (&'static str, String) {
    let inherited = std::env::var(HELD_BY_PARENT).ok().filter(|held| !held.is_empty());
    let mut all: Vec<String> = inherited.into_iter().collect();
    HELD.with_borrow(|held| all.extend(held.iter().filter_map(Weak::upgrade).map(|held| entry(&held.name, held.how))));
    (HELD_BY_PARENT, all.join(","))
}

/// What is used, in the variable. The name of a file has no `,` and no `:`.
fn entry(name: &str, how: Use) -> String {
    format!("{how:?}:{}", file_name(name))
}

/// Returns true if a process waits for the end of this one, and keeps this one from using the resource until then.
fn is_held_by_parent(name: &str, how: Use) -> bool {
    let Ok(held) = std::env::var(HELD_BY_PARENT) else { return false };
    held.split(',')
        .any(|held| held == entry(name, Use::Exclusive) || (how == Use::Exclusive && held == entry(name, Use::Shared)))
}

thread_local! {
    /// What this thread uses.
    static HELD: RefCell<Vec<Weak<Held>>> = const { RefCell::new(Vec::new()) };
}

/// One resource, for the threads of this process.
struct Resource {
    permits: Semaphore,
    /// Who uses it, and since when.
    users: Mutex<Vec<(u64, String, Instant)>>,
}

/// A resource is never forgotten: there are few, and the process knows each by its name.
fn resource(name: &str) -> &'static Resource {
    static RESOURCES: OnceLock<Mutex<BTreeMap<String, &'static Resource>>> = OnceLock::new();
    let make = || -> &'static Resource {
        Box::leak(Box::new(Resource { permits: Semaphore::new(SHARES).silent(true), users: Mutex::new(Vec::new()) }))
    };
    RESOURCES.get_or_init(Mutex::default).lock().entry(name.to_owned()).or_insert_with(make)
}

/// A use of a resource in this process.
struct HeldInProcess {
    resource: &'static Resource,
    number: u64,
    _permit: SemaphorePermit<'static>,
}

impl Drop for HeldInProcess {
    fn drop(&mut self) {
        self.resource.users.lock().retain(|(number, ..)| *number != self.number);
    }
}

#[track_caller]
fn acquire(name: &str, how: Use) -> ResourceGuard {
    if let Some(held) = held_by_this_thread(name) {
        assert!(
            how == Use::Shared || held.how == Use::Exclusive,
            "this thread shares {name:?} and wants it alone: with another that does so it would wait for ever. \
             Drop the guard of `shared` first, or begin with `exclusive`"
        );
        return ResourceGuard(held);
    }
    assert!(
        !is_held_by_parent(name, how),
        "the test that started this child uses {name:?}: call `exclusive` inside `run`"
    );
    let mut waiting = Waiting { name, since: Instant::now(), is_told: false };
    let held = match waiting.acquire(how) {
        Ok(held) => Rc::new(held),
        Err(error) => panic!("cannot use {name:?}: {error:#}"),
    };
    HELD.with_borrow_mut(|all| {
        all.retain(|held| held.strong_count() > 0);
        all.push(Rc::downgrade(&held));
    });
    ResourceGuard(held)
}

fn held_by_this_thread(name: &str) -> Option<Rc<Held>> {
    HELD.with_borrow(|all| all.iter().filter_map(Weak::upgrade).find(|held| held.name == name))
}

/// A wait for a resource.
struct Waiting<'a> {
    name: &'a str,
    since: Instant,
    is_told: bool,
}

impl Waiting<'_> {
    fn acquire(&mut self, how: Use) -> Result<Held, Error> {
        let lock = FileLock::new(shared_folder()?.join("resources").join(file_name(self.name)))
            .purpose(format!("{how:?} use of {:?} by {}", self.name, this_thread()))
            .silent(true);
        let in_process = self.in_process(how)?;
        let between_processes = match self.between_processes(&lock, how, TEST_TOLD) {
            Err(error) if error.is_timeout() => {
                self.tell(|| {
                    lock.holder()
                        .ok()
                        .flatten()
                        .map_or_else(|| "another process".to_owned(), |holder| holder.to_string())
                });
                self.between_processes(&lock, how, self.left())?
            }
            result => result?,
        };
        if self.is_told {
            tell(format_args!("{} has {:?} now, after {:.1?}", this_thread(), self.name, self.since.elapsed()));
        }
        Ok(Held { name: self.name.to_owned(), how, _between_processes: between_processes, _in_process: in_process })
    }

    fn in_process(&mut self, how: Use) -> Result<HeldInProcess, Error> {
        let resource = resource(self.name);
        let permits = if how == Use::Exclusive { SHARES } else { 1 };
        let permit = match resource.permits.acquire_many_timeout(permits, TEST_TOLD)? {
            Some(permit) => permit,
            None => {
                let users = || {
                    let users = resource.users.lock();
                    let shown = users.iter().map(|(_, who, since)| format!("{who}, for {:.1?}", since.elapsed()));
                    format!("used by {}", shown.collect::<Vec<_>>().join(", "))
                };
                self.tell(users);
                let permit = resource.permits.acquire_many_timeout(permits, self.left())?;
                permit.ok_or_else(|| {
                    let text = format!("not free within {TEST_RESOURCE:?}: {}", users());
                    Error::new(ErrorKind::TimedOut, text)
                })?
            }
        };
        // Relaxed: only its own value counts.
        let number = USES.fetch_add(1, Ordering::Relaxed);
        resource.users.lock().push((number, this_thread(), Instant::now()));
        Ok(HeldInProcess { resource, number, _permit: permit })
    }

    fn between_processes(&self, lock: &FileLock, how: Use, timeout: Duration) -> Result<FileLockGuard, Error> {
        match how {
            Use::Exclusive => lock.acquire(timeout),
            Use::Shared => lock.acquire_shared(timeout),
        }
    }

    fn left(&self) -> Duration {
        TEST_RESOURCE.saturating_sub(self.since.elapsed())
    }

    fn tell(&mut self, who: impl FnOnce() -> String) {
        self.is_told = true;
        tell(format_args!("{} waits for {:?}: {}", this_thread(), self.name, who()));
    }
}
