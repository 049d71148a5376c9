//! Every duration and bound that is not an option: who waits for what, how long, and what happens after that.
//!
//! The module docs of the code that uses a limit explain the wait; this table shows all of them beside one another. It imports nothing of
//! the crate. Limits that a program can set are options instead: see [`sink::Queue`](crate::sink::Queue),
//! [`sink::Roll`](crate::sink::Roll), [`sink::max_open_files`](crate::sink::max_open_files) and
//! [`Configure::exit_deadline`](crate::Configure::exit_deadline), whose default is [`EXIT_DEADLINE`].
//!
//! | who waits | for what | limit | and then |
//! |---|---|---|---|
//! | the end of the process | the queues to be written | [`EXIT_DEADLINE`] | tells how many records are not written |
//! | a fork | writer threads that are inside an output | [`FORK`] | forks; the child cannot write to those outputs |
//! | a log call whose queue is closed | the queue to be written, with `Overflow::Block` | the exit deadline | drops its record |
//! | a log call whose queue is closed | the queue to be written, otherwise | [`CLOSED_QUEUE`] | drops its record |
//! | a log call at a level of `Queue::flush_at` | room in the queue, and the flush | [`FLUSH_AT`] | returns; the next calls do not wait |
//! | a log call with `Overflow::DropOldest` | another thread to finish its record | [`EVICTIONS`] | drops its record |
//! | `flush_async` | a direct output that another thread writes to | [`TASK_FLUSH`] | the outcome is not complete |
//! | one line | room in an output that does not block | [`WRITABLE`] | the record has failed; the next lines do not wait |
//! | one line | a `write` that is interrupted | [`INTERRUPTIONS`] | the record has failed |
//! | one line | an `io::Write` that says `WouldBlock` | [`WRITER_YIELDS`] | the record has failed |
//! | a line of the fallback | room in stderr | [`FALLBACK_WRITABLE`] | the line is lost, and counted |
//! | a line of the fallback in a forked child | the lock of the fallback | [`FALLBACK_LOCK`] | the line is lost, and counted |
//! | `FileOptions::open` with other options | the queue of sinks that are gone | [`FILE_IS_FREE`] | is refused |
//! | a log file | the next look at where the file is | [`FILE_LOOK`] | looks |
//! | a log that could not roll | the next attempt | [`ROLL_RETRY`] | tries again |
//! | a record in a queue | the next look at the queue | [`LINGER`] | is written |
//! | a queue that is ready | a writer thread that is held up by another output | [`HELD_UP`] | is taken over by a spare thread |
//! | a spare writer thread | work | [`SPARE_THREAD`] | ends |
//! | a writer thread | a thread that is in the middle of enqueueing a record | [`ENQUEUE_YIELDS`] | looks again after `LINGER` |
//! | a context's flush | a direct delivery of another thread | [`LEDGER_LOOK`] to [`LONGEST_LEDGER_LOOK`], until its deadline | looks again |
//! | an installation | another installation | [`INSTALLATION`] | goes on |
//! | the first scope under `layer()` | the rebuild of the interest cache | [`FIRST_REBUILD`] | goes on |
//! | the rebuilding thread | callsites that other threads are registering | [`REBUILD_PAUSES`] within [`REBUILD_WINDOW`] | ends |

use std::time::Duration;

/// How long the end of the process waits for queues to be written, unless the program sets it.
pub(crate) const EXIT_DEADLINE: Duration = Duration::from_secs(5);

/// How long a fork waits for writer threads that are inside an output.
pub(crate) const FORK: Duration = Duration::from_millis(500);

/// How long a log call that must not block waits for a closed queue to be written, before it writes its own record.
pub(crate) const CLOSED_QUEUE: Duration = Duration::from_millis(100);

/// How long a log call at a level of `Queue::flush_at` waits for room, and again for the flush.
pub(crate) const FLUSH_AT: Duration = Duration::from_secs(1);

/// How often a log call makes room in a full queue whose room other threads take.
pub(crate) const EVICTIONS: u32 = 1_000;

/// How long a task's flush waits for a direct output that another thread is writing to.
pub(crate) const TASK_FLUSH: Duration = Duration::from_secs(1);

/// How long one line waits for room in an output that does not block: a pipe or a terminal in non-blocking mode.
pub(crate) const WRITABLE: Duration = Duration::from_secs(1);

/// How often in a row an interrupted `write` is repeated. A signal interrupts one or two, a broken writer all of them.
pub(crate) const INTERRUPTIONS: u32 = 10_000;

/// How often an `io::Write` that says `WouldBlock`, and that offers no way to wait, is called again.
pub(crate) const WRITER_YIELDS: u32 = 100;

/// How long a line of the fallback waits for room in stderr.
pub(crate) const FALLBACK_WRITABLE: Duration = Duration::from_millis(100);

/// How long a forked child waits for the lock of the fallback, which a thread of the parent may have held at the fork.
pub(crate) const FALLBACK_LOCK: Duration = Duration::from_millis(100);

/// How many lines the fallback writes in each [`FALLBACK_WINDOW`].
pub(crate) const FALLBACK_LINES: u32 = 10;

/// The time in which the fallback writes [`FALLBACK_LINES`] lines at most.
pub(crate) const FALLBACK_WINDOW: Duration = Duration::from_secs(1);

/// How long opening a file with other options waits for the queue of sinks that are gone.
pub(crate) const FILE_IS_FREE: Duration = Duration::from_secs(5);

/// How long an answer to where a log file is stays valid.
pub(crate) const FILE_LOOK: Duration = Duration::from_millis(100);

/// How long a log that could not roll waits before it tries again.
pub(crate) const ROLL_RETRY: Duration = Duration::from_secs(1);

/// How long a writer thread leaves a queue alone after it has worked on it. So old may a record get before it is written, and so long may
/// a stream of records pause without having to wake a thread.
pub(crate) const LINGER: Duration = Duration::from_millis(1);

/// How long a queue that is ready waits for a writer thread that is held up, before a spare thread takes it over.
pub(crate) const HELD_UP: Duration = Duration::from_millis(20);

/// How long a spare writer thread waits for work before it ends.
pub(crate) const SPARE_THREAD: Duration = Duration::from_secs(5);

/// How often a writer thread yields to a thread that is in the middle of enqueueing a record.
pub(crate) const ENQUEUE_YIELDS: u32 = 3;

/// The most writer threads that the process has.
pub(crate) const WRITER_THREADS: usize = 16;

/// The most writer threads while the process ends, so that outputs that stand still do not keep others from being written.
pub(crate) const WRITER_THREADS_AT_EXIT: usize = 64;

/// How many writer threads work at once, at most, as long as none is held up.
pub(crate) const EAGER_WRITER_THREADS: usize = 4;

/// How many batches of one queue a writer thread writes before other queues have their turn.
pub(crate) const BATCHES_PER_TURN: u32 = 16;

/// About how many bytes a writer thread hands to an output at once.
pub(crate) const BATCH_BYTES: usize = 128 << 10;

/// The largest buffer that a writer thread keeps for the next batch, in bytes.
pub(crate) const KEPT_BATCH_BYTES: usize = 1 << 20;

/// How long an installation waits for another one that is under way on another thread.
pub(crate) const INSTALLATION: Duration = Duration::from_secs(5);

/// How long a scope waits for the first rebuild of the interest cache, counted from the first scope.
pub(crate) const FIRST_REBUILD: Duration = Duration::from_secs(1);

/// How long the rebuilding thread sleeps before each rebuild after the first. Nobody waits for it.
pub(crate) const REBUILD_PAUSES: [Duration; 3] =
    [Duration::from_millis(1), Duration::from_millis(10), Duration::from_millis(85)];

/// How long after the first scope the rebuilding thread may begin a rebuild. It ends when its next rebuild would begin later.
pub(crate) const REBUILD_WINDOW: Duration = Duration::from_millis(120);

/// How long a context's flush sleeps before it looks at the ledger again, at first. Each sleep is twice as long as the one before.
pub(crate) const LEDGER_LOOK: Duration = Duration::from_micros(10);

/// The longest sleep between two looks at the ledger.
pub(crate) const LONGEST_LEDGER_LOOK: Duration = Duration::from_millis(5);
