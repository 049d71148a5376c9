//! Every duration and bound that is not an option: who waits for what, for how long, and what happens then.
//!
//! To change such a wait, change its constant here. The module docs of the code that uses a constant explain the wait; the table shows all
//! waits beside one another. This module imports nothing of the crate.
//!
//! Limits that a program can set are options: see [`sink::Queue`](crate::sink::Queue), [`sink::Roll`](crate::sink::Roll),
//! [`sink::max_open_files`](crate::sink::max_open_files), [`Config::max_record_bytes`](crate::Config::max_record_bytes), which is
//! [`MAX_RECORD_BYTES`] unless set, and [`Config::exit_deadline`](crate::Config::exit_deadline), which is
//! [`EXIT_DEADLINE`] unless set.
//!
//! | who waits | for what | how long | and then |
//! |---|---|---|---|
//! | the exit of the process | every queue to be written, and every output without sinks to be dropped | the exit deadline: [`EXIT_DEADLINE`], or none after a `shutdown` in vain | reports how many records are not written |
//! | `log::logger().flush()` | every output to be flushed | the exit deadline | reports how many records are not written |
//! | `shutdown`, called inside an output | every queue to be written | its own deadline or the exit deadline, whichever is shorter | returns |
//! | a log call that wrote past a closed queue, or a writer thread that leaves a queue without sinks | the output to write what it buffers | the exit deadline | reports the error |
//! | a fork | writer threads that are inside an output, starting or ending | [`FORK`] | forks; the child cannot use those outputs, and later forks do not wait for those threads |
//! | a writer thread | a fork, which waits for the others | [`STUCK`] at a time | works on |
//! | a writer thread whose output has held up a fork | that fork | until it is over: [`FORK`] at most | works on |
//! | the clock that goes by the processor's counter | the next reading of the system's clocks on the same thread | [`counter::WINDOW`] ticks | reads them |
//! | a log call with `Overflow::Block` | room in the queue; for a record that is longer than the queue, the queue to be written | `Queue::patience` since the output's last progress: [`PATIENCE`] unless set | drops its record; later calls do not wait until the output makes progress |
//! | a log call whose queue is closed, with `Overflow::Block` | the queue to be written | the exit deadline | drops its record; later calls do not wait |
//! | a log call whose queue is closed, otherwise | the queue to be written | [`CLOSED_QUEUE`] | drops its record; later calls do not wait |
//! | a log call at a level of `Queue::flush_at`, unless with `Overflow::Block` | room in the queue | [`FLUSH_AT`] | drops its record; later calls do not wait until the output was written to |
//! | a log call at a level of `Queue::flush_at`, or of `sync_at` | the flush, or the sync | [`FLUSH_AT`] | returns; later calls do not wait until the output was written to |
//! | a log call with `Overflow::DropOldest` | other threads, which take the room that it makes or have not committed the oldest record | [`EVICTION_ATTEMPTS`] | drops its record |
//! | a flush of several outputs | a direct output that another thread writes to, or log calls that wait for a queue | [`DIRECT_FLUSH`], then twice as long, and so on, in turns, until the deadline | returns an ledger that is `unflushed` |
//! | a forked child | a lock of a context of its parent's, which a thread of the parent may have held at the fork | [`INHERITED_LOCK`] | does without what it guards |
//! | a flush that came to hold the last reference to an output | another thread, which drops the output | [`DROPPED`] | returns |
//! | `flush_async` | a direct output that another thread writes to | [`TASK_FLUSH`] | returns an ledger that is `unflushed`, unless the output is a file |
//! | a write of one or several lines | room in an output that does not block | [`WRITABLE`] | the current line has failed; later lines do not wait until the output takes bytes |
//! | a write of one or several lines | a `write` that is interrupted | [`INTERRUPTIONS`] in a row | the current line has failed |
//! | a write of one or several lines | an `io::Write` that returns `WouldBlock` | [`WRITER_YIELDS`], for [`WRITABLE`] at most | the current line has failed |
//! | a flush or close | log calls on other threads, unless the caller is in a log call itself | its own deadline | returns an ledger with pending records |
//! | the first scopes under `layer()` | the rebuild of the interest cache | [`FIRST_REBUILD`] after the first scope | enter the scope |
//! | a scope under `layer()` in a forked child | the lock on how far the first rebuild is | [`REBUILD_LOCK`] | enters the scope; no scope of the child waits again |
//! | the rebuilding thread | callsites that other threads are registering | [`REBUILD_PAUSES`], after the first rebuild | ends |
//! | a thread that panics, with `Config::log_panics` | the thread that writes the record | [`PANIC_RECORD`] | panics on; the record follows when it can |
//! | the exit of the process, and `shutdown` | the thread that writes the last record of unclaimed events | [`LAST_RECORD`], and at most half of their time | reports the events on stderr; the record follows when it can |
//! | the record of unclaimed events | the next one | [`UNCLAIMED_PAUSE`], and then an unclaimed event, or the end | is written |
//! | `Config::install` | another installation, on another thread | [`INSTALLATION`] | tries to install all the same |
//! | a line of the fallback | room in stderr | [`FALLBACK_WRITABLE`] | the line is lost, and counted |
//! | a line of the fallback | other threads, which write a line of the fallback or a record to stderr | [`FALLBACK_LOCK`] in all | the line is lost, and counted |
//! | a write to a file that is stdout or stderr | other threads, which write to the stream | [`STREAM_LOCK`] | waits again, unless the stream has become another file |
//! | an outage whose report was lost | the next report | [`FALLBACK_WINDOW`] | the next loss reports it, beyond all limits |
//! | `FileOptions::open`, with other options than the open file has | the queues of sinks that are gone | [`FILE_IS_FREE`] | fails |
//! | `FileOptions::open` with `truncate` | the queues of sinks that are gone | [`FILE_IS_FREE`] | opens the file behind what it holds |
//! | a log file | the next check of where the file is | [`FILE_CHECK`] | the next record checks |
//! | `Sink::reopen`, `reopen_all` | a log file that another thread writes to | [`REOPEN`] in all | fails; the next write opens the file anew |
//! | `FileOptions::open` of a file that is open | a thread that writes to it | [`REOPEN`] | opens it anew, and finds that it is the same file |
//! | `FileOptions::open` of a descriptor of a file that is open | a thread that writes to it | [`REOPEN`] | fails |
//! | a log that could not roll | the next attempt | [`ROLL_RETRY`] | the next record tries again |
//! | a record in a queue | the next look of a writer thread at the queue | [`LINGER`] | is drained |
//! | the memory of a queue that is idle after a burst | records | [`REST`] | is given back, if the queue is idle then |
//! | a queue that is ready, or has lingered | the writer threads, when [`WRITER_PARALLELISM`] of them work | [`STUCK`], or until there are [`WRITER_THREADS`] | another writer thread takes it |
//! | an idle writer thread, unless it is the only idle one | work | [`SPARE_THREAD`] | ends |
//! | a writer thread | another thread that has reserved space for a record and not committed it | [`ENQUEUE_YIELDS`] | looks at the queue again after [`LINGER`] |
//! | a run of a program, once the program has exited | another process that holds its output open | `command::Run::linger`: [`COMMAND_LINGER`] unless set | logs what has come, and says that the output is still open |
//! | a program that is ended, between SIGTERM and SIGKILL | its own end | `command::Run::grace`: [`COMMAND_GRACE`] unless set | kills its group |
//! | the thread that waits for programs whose runs were dropped | their exits | [`REAPER_TICKS`], the last of them until there are none | looks again |
//! | a publication | a name that no other process uses for its temporaries | [`TEMPORARY_NAMES`] | fails |
//! | a publication | readers on the way through a folder that was replaced | [`REPLACED_FOLDER`] since that | removes the folder |
//! | a publication of a folder | others, which publish and remove the same one | [`EXCHANGE_ATTEMPTS`] | fails |
//! | a `lock::Fetch` whose `make` has failed in a way that may pass | the next attempt | [`FETCH_FIRST_PAUSE`], then twice as long, and so on, [`FETCH_LONGEST_PAUSE`] at most | tries again, `Fetch::retries` times: [`FETCH_RETRIES`] unless set |
//! | the exit of the process | a thread that changes the list of the groups of programs | [`COMMAND_GROUPS`] | leaves the groups running |
//! | the exit of the process | the ends of programs with a group of their own, which were told to end | [`COMMAND_EXIT_GRACE`] | kills their groups |
//! | `FileLock::acquire` and its twins | a lock that somebody else holds | their timeout, with attempts at intervals from [`LOCK_FIRST_RETRY`] to [`LOCK_RETRY`] | fail, and name the holder |
//! | `FileLock::acquire` and its twins | somebody who deletes the lock's file, or its folder, again and again | [`LOCK_ATTEMPTS`] at a time | wait as for a holder, or fail |
//! | `ensure_dir_writable` | others, who make or remove the same folders | [`FOLDER_ATTEMPTS`] | fails |
//! | `store::Lease::acquire` and its twin | a lease that somebody else holds | their timeout, with attempts at intervals from [`LEASE_FIRST_RETRY`] to [`LEASE_RETRY`], and when this process releases it | fail, and name the holder |
//! | `store::Lease::acquire` and its twin, after this process has released the lease | others, who may go first | the time that it was held divided by [`LEASE_REST_DIVISOR`], [`LEASE_RETRY`] at most | ask for it |
//! | `store::Lease::acquire` and its twin, where no server ends leases | the next sign of life of a holder | its TTL, and [`LEASE_MARGIN_PERCENT`] more | take the lease over |
//! | `store::Lease::acquire` and its twin | others, who take the lease in each attempt | [`LEASE_ATTEMPTS`] at a time | wait as for a holder |
//! | the keeper of a lease | the next renewal | the TTL divided by [`LEASE_RENEWALS`]; after one that failed, by [`LEASE_RETRIES`] | renews it |
//! | a step of a lease in a folder | others, who rename its file | [`LEASE_LISTINGS`], from [`LEASE_QUICK_LISTINGS`] on at intervals of [`LEASE_LISTING_PAUSE`] | fails |
//! | a command to Redis | its answer, and before that a connection | `RedisOptions::timeout` each: [`REDIS_TIMEOUT`] unless set; [`REDIS_RETRIES`] time more after a connection was cut, and again when the process was stopped and goes on, within that time | fails |
//! | the save of a document of a `store` | other saves of it | `StoreOptions::save_timeout`: [`STORE_SAVE`] unless set | fails, and returns the value |
//! | a document of a `store` whose cache has failed | the cache | no time if it failed within [`STORE_CACHE_QUICK`]; else [`STORE_CACHE_REST`] times as long as it took, [`STORE_CACHE_LONGEST_REST`] at most | asks it again |
//! | a thread that wakes tasks, or warns, for locks | something to do | [`SPARE_THREAD`] | ends |
//! | a thread that waits for a lock of `lock` | the lock | [`LOCK_REPORT`], then twice as long, and so on | logs that it still waits |
//! | `testing::wait_until`, `testing::retry` | the next look or attempt | [`TEST_FIRST_PAUSE`], then twice as long, and so on, [`TEST_LONGEST_PAUSE`] at most | look or try again, until their own deadline |
//! | a query of `testing` with `within` | records | its own deadline, or [`TEST_FAR`] if the clock does not reach that | goes on with what is there |
//! | whoever takes a turn of `testing::Turns` | the turns before it | [`TEST_TURN`] unless set | panics |
//! | the threads of `testing::run_together` | each other | [`TEST_START`] | panic |
//! | `testing::exclusive`, `shared` and `isolated` | tests that use the same | [`TEST_RESOURCE`]; told after [`TEST_TOLD`] | panic, and name the other test |
//! | `testing::isolated` | the end of what its test has made | [`TEST_LEAKS`] | panics, and names it |
//! | `testing::child` | the end of the child | [`TEST_CHILD`] unless set | kills it, and panics |
//! | the first in line for a `lock::Mutex` | others, which are faster | [`LOCK_TURNS`] in all | is handed the lock |

use std::time::Duration;

#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri), not(logscope_loom)))]
pub(crate) mod counter;
#[cfg(feature = "lock")]
mod locks;
#[cfg(feature = "lock")]
pub(crate) use locks::*;

#[cfg(feature = "store")]
mod documents;
#[cfg(feature = "store")]
mod leases;
#[cfg(feature = "store")]
pub(crate) use documents::{
    STORE_CACHE_LONGEST_REST, STORE_CACHE_QUICK, STORE_CACHE_REST, STORE_HEADER_BYTES, STORE_SAVE, STORE_SCHEMA_BYTES,
};
#[cfg(feature = "store")]
pub(crate) use leases::{
    LEASE_ATTEMPTS, LEASE_FIRST_RETRY, LEASE_LISTING_PAUSE, LEASE_LISTINGS, LEASE_MARGIN_PERCENT, LEASE_NAME_BYTES,
    LEASE_OWNER_BYTES, LEASE_QUICK_LISTINGS, LEASE_RENEWALS, LEASE_REST_DIVISOR, LEASE_RETRIES, LEASE_RETRY, LEASE_TTL,
    LEASE_TTLS,
};
#[cfg(feature = "redis")]
pub(crate) use leases::{REDIS_IDLE, REDIS_RETRIES, REDIS_TEXT_BYTES, REDIS_TIMEOUT};
#[cfg(feature = "testing")]
mod testing;
#[cfg(feature = "testing")]
pub(crate) use testing::*;
/// The most bytes of a record, unless the program sets it: see [`Config::max_record_bytes`](crate::Config::max_record_bytes).
pub(crate) const MAX_RECORD_BYTES: usize = 1 << 20;

/// How many names of key-values of the `log` crate are kept for the life of the process.
#[cfg(feature = "log")]
pub(crate) const LOG_NAMES: usize = 1_024;

/// The longest name of a key-value that is kept, in bytes.
#[cfg(feature = "log")]
pub(crate) const LONGEST_LOG_NAME: usize = 128;

/// The longest request id that is taken from a request, in bytes.
#[cfg(feature = "http")]
pub(crate) const REQUEST_ID_BYTES: usize = 128;

/// How much of the method of a request is in its context, in bytes.
#[cfg(feature = "http")]
pub(crate) const REQUEST_METHOD_BYTES: usize = 32;

/// How much of the path of a request is in its context, in bytes.
#[cfg(feature = "http")]
pub(crate) const REQUEST_PATH_BYTES: usize = 1_024;

/// The longest header that raises the verbosity of a request, in bytes.
#[cfg(feature = "http")]
pub(crate) const RAISE_HEADER_BYTES: usize = 256;

/// How often in a row a thread leaves the same span before it takes the subscriber to be one that never says that a span was left.
pub(crate) const MOST_TIMES_IN_A_SPAN: usize = 64;

/// How many spans a thread leaves at most, to work on something else: what a deep recursion enters, and an end if a subscriber has none.
pub(crate) const MOST_SPANS: usize = 1 << 16;

/// How long the exit of the process waits for queues to be written, unless the program sets it.
pub(crate) const EXIT_DEADLINE: Duration = Duration::from_secs(5);

/// How long a fork waits for writer threads that are inside an output, starting or ending.
pub(crate) const FORK: Duration = Duration::from_millis(500);

/// How many forks in a row, each in the child of the one before, may find a lock held. Later ones share the locks of the last: a child may
/// then wait for a thread of its parent.
pub(crate) const FORK_GENERATIONS: usize = 16;

/// The same for what each context and each output has of its own: how many forks in a row may find log calls in flight, or
/// the lock on its missing records held.
pub(crate) const CONTEXT_FORK_GENERATIONS: usize = 3;

/// How long a log call without `Overflow::Block` waits for a closed queue to be written, before it writes its own record.
pub(crate) const CLOSED_QUEUE: Duration = Duration::from_millis(100);

/// How long a log call with `Overflow::Block` waits while the output makes no progress, unless the program sets it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// How long a log call at a level of `Queue::flush_at` waits for room, and again for the flush.
pub(crate) const FLUSH_AT: Duration = Duration::from_secs(1);

/// How often a log call evicts the oldest records from a full queue and tries to enqueue its own.
pub(crate) const EVICTION_ATTEMPTS: u32 = 1_000;

/// How long a forked child waits for a lock of a context of its parent's.
pub(crate) const INHERITED_LOCK: Duration = Duration::from_millis(5);

/// How long a flush that came to hold the last reference to an output waits until another thread has dropped it.
pub(crate) const DROPPED: Duration = Duration::from_millis(10);

/// How long a flush of several outputs waits for one of them in the first turn, before it goes on with the others.
pub(crate) const DIRECT_FLUSH: Duration = Duration::from_millis(5);

/// How long the flush of a task waits for a direct output that another thread writes to.
pub(crate) const TASK_FLUSH: Duration = Duration::from_secs(1);

/// How long a write waits for room in an output that does not block: a pipe or a terminal in non-blocking mode.
pub(crate) const WRITABLE: Duration = Duration::from_secs(1);

/// How often in a row an interrupted `write` is repeated. A signal interrupts one or two, a broken writer all of them.
pub(crate) const INTERRUPTIONS: u32 = 10_000;

/// How often an `io::Write` that returns `WouldBlock` is called again: it offers no way to wait for room.
pub(crate) const WRITER_YIELDS: u32 = 100;

/// How long a line of the fallback waits for room in stderr.
#[cfg(unix)]
pub(crate) const FALLBACK_WRITABLE: Duration = Duration::from_millis(100);

/// How long a line of the fallback waits for other threads, which write to stderr: they may stand still in their writes.
pub(crate) const FALLBACK_LOCK: Duration = Duration::from_millis(5);

/// How long a write to a file that is a standard stream waits for other writers of the stream, before it looks whether the file still is the
/// stream.
#[cfg(feature = "file")]
pub(crate) const STREAM_LOCK: Duration = Duration::from_millis(5);

/// How many lines of each kind the fallback writes in each [`FALLBACK_WINDOW`].
pub(crate) const FALLBACK_LINES: u32 = 10;

/// The time in which the fallback writes at most [`FALLBACK_LINES`] lines of each kind.
pub(crate) const FALLBACK_WINDOW: Duration = Duration::from_secs(1);

/// How many contexts without sinks are reported in the life of the process, when they are logged to.
pub(crate) const SINKLESS_REPORTS: usize = 10;

/// How long a thread that panics waits until another thread has written the record of the panic.
pub(crate) const PANIC_RECORD: Duration = Duration::from_secs(5);

/// The most bytes of the environment variable by which a child process gets a context.
pub(crate) const INHERITED_BYTES: usize = 8 << 10;

/// How far the monotonic clock and the wall clock may disagree on the age of an inherited context, before the monotonic clock counts as that of
/// another machine.
pub(crate) const CLOCKS_AGREE: Duration = Duration::from_secs(1);

/// How long the end of the process waits until another thread has written the last record of unclaimed events.
pub(crate) const LAST_RECORD: Duration = Duration::from_secs(1);

/// How long it is at least from one record of unclaimed events to the next.
pub(crate) const UNCLAIMED_PAUSE: Duration = Duration::from_secs(60);

/// How many places with unclaimed events have counts of their own. A power of two.
pub(crate) const UNCLAIMED_PLACES: usize = 1_024;

/// How many threads have counts of their own in such a place. A power of two.
pub(crate) const UNCLAIMED_THREADS: usize = 16;

/// The longest target or file that a `log` record can have for counts of its own, in bytes.
pub(crate) const UNCLAIMED_NAME_BYTES: usize = 512;

/// How much of the name of a thread is kept with its count, in bytes.
pub(crate) const UNCLAIMED_LABEL_BYTES: usize = 128;

/// How many places a record of unclaimed events names.
pub(crate) const TOLD_PLACES: usize = 5;

/// How many bytes a record of unclaimed events has for each place.
pub(crate) const TOLD_PLACE_BYTES: usize = 160;

/// How long opening a file with other options, or to make it empty, waits for the queues of sinks that are gone.
#[cfg(feature = "file")]
pub(crate) const FILE_IS_FREE: Duration = Duration::from_secs(5);

/// How long a log file goes without a check of where it is.
#[cfg(feature = "file")]
pub(crate) const FILE_CHECK: Duration = Duration::from_millis(100);

/// How long `reopen`, and opening a file that is open already, wait for a thread that writes to the file.
pub(crate) const REOPEN: Duration = Duration::from_secs(1);

/// How many files that were moved a log keeps open until they are synced, at most, and how many directories.
#[cfg(feature = "file")]
pub(crate) const KEPT_WHEN_MOVED: usize = 4;

/// How many old files of a directory a log notes before it looks for the first time which of them are still there, and how many directories it
/// notes at most, until they are synced.
#[cfg(feature = "file")]
pub(crate) const NOTED: usize = 16;

/// How long a log that could not roll waits before it tries again.
#[cfg(feature = "file")]
pub(crate) const ROLL_RETRY: Duration = Duration::from_secs(1);

/// How long a queue lingers before a writer thread looks at it again. A record can get this old before it is drained, and a stream of
/// records can pause for this long without a wake-up.
pub(crate) const LINGER: Duration = Duration::from_millis(1);

/// How long after a burst the memory of a queue that is idle again is given back.
pub(crate) const REST: Duration = Duration::from_secs(1);

/// How long a writer thread works on one queue before it counts as stuck if it is inside the output then, so that another one works in its
/// place.
pub(crate) const STUCK: Duration = Duration::from_millis(5);

/// How long a writer thread waits for work before it ends, if another thread waits too.
pub(crate) const SPARE_THREAD: Duration = Duration::from_secs(5);

/// How often a writer thread yields to a thread that has not committed its record yet.
pub(crate) const ENQUEUE_YIELDS: u32 = 3;

/// The most writer threads that the process has: this many outputs may stand still at once before other queues wait for them.
pub(crate) const WRITER_THREADS: usize = 1_024;

/// How many writer threads work at once, at most, as long as no output holds one up. On a machine with fewer processors it is their number.
pub(crate) const WRITER_PARALLELISM: usize = 4;

/// How many batches of one queue a writer thread writes before the other queues have their turn.
pub(crate) const BATCHES_PER_TURN: u32 = 16;

/// How many bytes a writer thread drains before it writes the batch: the batch ends with the record that reaches them.
pub(crate) const BATCH_BYTES: usize = 128 << 10;

/// The largest buffer that a writer thread keeps for the next batch, in bytes.
pub(crate) const KEPT_BATCH_BYTES: usize = 1 << 20;

/// How long an installation waits for another one that is under way on another thread.
pub(crate) const INSTALLATION: Duration = Duration::from_secs(5);

/// How long a scope waits for the first rebuild of the interest cache, counted from the first scope.
pub(crate) const FIRST_REBUILD: Duration = Duration::from_secs(1);

/// How long a forked child waits for the lock on how far the first rebuild is, which a thread of the parent may have held at the fork.
pub(crate) const REBUILD_LOCK: Duration = Duration::from_millis(100);

/// How long the rebuilding thread sleeps before each rebuild after the first. Nobody waits for it.
pub(crate) const REBUILD_PAUSES: [Duration; 3] =
    [Duration::from_millis(1), Duration::from_millis(10), Duration::from_millis(85)];

/// How long the output of a program is read after its exit, if another process holds it open and the program did not set it.
pub(crate) const COMMAND_LINGER: Duration = Duration::from_secs(1);

/// How long a program that is ended has between SIGTERM and SIGKILL, unless the program that runs it sets it.
pub(crate) const COMMAND_GRACE: Duration = Duration::from_secs(5);

/// How many bytes of a line that a program prints one record takes, unless it is set.
pub(crate) const COMMAND_LINE_BYTES: usize = 64 << 10;

/// How many bytes of each stream of a program are captured at most.
pub(crate) const COMMAND_CAPTURE_BYTES: usize = 16 << 20;

/// How many bytes are read from a program at once.
pub(crate) const COMMAND_READ_BYTES: usize = 64 << 10;

/// Where the pipes of a program are read by threads: how long nothing comes before it is asked whether the program has exited.
#[cfg(any(test, not(unix), target_os = "openbsd", target_os = "redox"))]
pub(crate) const COMMAND_EXIT_TICK: Duration = Duration::from_millis(50);

/// How long the thread that waits for programs whose runs were dropped sleeps before it looks for the first time, the second time, and so on.
/// Nobody waits for it.
pub(crate) const REAPER_TICKS: [Duration; 4] =
    [Duration::from_millis(1), Duration::from_millis(10), Duration::from_millis(50), Duration::from_millis(500)];

/// How long the exit of the process waits for another thread, which changes the list of the groups of programs.
#[cfg(all(unix, not(any(target_os = "openbsd", target_os = "redox"))))]
pub(crate) const COMMAND_GROUPS: Duration = Duration::from_millis(5);

/// How long programs with a group of their own have between SIGTERM and SIGKILL when this process exits.
#[cfg(all(unix, not(any(target_os = "openbsd", target_os = "redox"))))]
pub(crate) const COMMAND_EXIT_GRACE: Duration = Duration::from_millis(500);

/// How often the exit of the process looks whether they have ended.
#[cfg(all(unix, not(any(target_os = "openbsd", target_os = "redox"))))]
pub(crate) const COMMAND_GROUPS_TICK: Duration = Duration::from_millis(1);

/// How many records of a test that has come to its end libtest gets, in case it fails all the same: the newest ones.
#[cfg(feature = "testing")]
pub(crate) const PASSED_TEST_RECORDS: usize = 1_000;
