//! What a test harness may change in the logger, and what it learns of it: which clock new contexts have, and which isolated test contexts, outputs and
//! threads are made under.
//!
//! The harness is a room at the other end of the crate, and the logger imports nothing of it. So it leaves functions here. A program without
//! tests leaves none: a new context then has the system's clocks, and nothing is noted.
//!
//! # Isolated tests
//!
//! Without the feature `testing` nothing is noted, and nothing here takes time or room. With it, and while no isolated test runs, whoever makes
//! something asks one number. A thread is marked with the test that it works for: the test's own thread, and the threads that it starts by
//! [`thread`](crate::thread). What an unmarked thread makes belongs to the test that the current context was made under.

#[cfg(feature = "testing")]
use std::cell::Cell;

use crate::clock::Clock;
use crate::sync::OnceLock;
#[cfg(feature = "testing")]
use crate::sync::{AtomicU64, AtomicUsize, Mutex, Ordering};

/// Returns the clock of the test that this thread works for.
static CLOCK_OF_TEST: OnceLock<fn() -> Option<Clock>> = OnceLock::new();

/// Has each new context ask `clock_of_test` for its clock, unless it is given one.
#[cfg(feature = "testing")]
pub(crate) fn ask_for_clocks(clock_of_test: fn() -> Option<Clock>) {
    let _ = CLOCK_OF_TEST.set(clock_of_test);
}

/// Returns the clock of a new context that is given none.
pub(crate) fn clock_under_test() -> Clock {
    CLOCK_OF_TEST.get().and_then(|clock_of_test| clock_of_test()).unwrap_or(Clock::SYSTEM)
}

/// An isolated test. Zero is none.
#[cfg(feature = "testing")]
pub(crate) type Mark = u64;

/// How many isolated tests are under way.
#[cfg(feature = "testing")]
static ISOLATED: AtomicUsize = AtomicUsize::new(0);

#[cfg(feature = "testing")]
static OF_CURRENT_CONTEXT: OnceLock<fn() -> Mark> = OnceLock::new();

#[cfg(feature = "testing")]
static THREADS: Mutex<Vec<MarkedThread>> = Mutex::new(Vec::new());

#[cfg(feature = "testing")]
thread_local! {
    static MARK: Cell<Mark> = const { Cell::new(0) };
}

/// A thread that was started under an isolated test, and has not ended.
#[cfg(feature = "testing")]
struct MarkedThread {
    number: u64,
    mark: Mark,
    name: String,
}

/// Returns the isolated test that the caller works for, or zero.
#[cfg(feature = "testing")]
#[inline]
pub(crate) fn mark() -> Mark {
    // Relaxed: whoever works for a test was started by it, or has a context of it, and so sees the count.
    if ISOLATED.load(Ordering::Relaxed) == 0 {
        return 0;
    }
    match MARK.get() {
        0 => OF_CURRENT_CONTEXT.get().map_or(0, |of_current_context| of_current_context()),
        mark => mark,
    }
}

/// Has what unmarked threads make belong to the test that `of_current_context` returns. All callers give the same function.
#[cfg(feature = "testing")]
pub(crate) fn find_by(of_current_context: fn() -> Mark) {
    let _ = OF_CURRENT_CONTEXT.set(of_current_context);
}

/// An isolated test that runs on this thread until this is dropped.
#[cfg(feature = "testing")]
pub(crate) struct Isolated {
    pub(crate) mark: Mark,
    before: Mark,
}

#[cfg(feature = "testing")]
impl Isolated {
    pub(crate) fn begin() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        ISOLATED.fetch_add(1, Ordering::Relaxed);
        let mark = NEXT.fetch_add(1, Ordering::Relaxed);
        Isolated { mark, before: MARK.replace(mark) }
    }
}

#[cfg(feature = "testing")]
impl Drop for Isolated {
    fn drop(&mut self) {
        MARK.set(self.before);
        ISOLATED.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Returns the names of the threads that were started under the test and have not ended.
#[cfg(feature = "testing")]
pub(crate) fn threads_of(mark: Mark) -> Vec<String> {
    let threads = THREADS.lock();
    threads.iter().filter(|thread| thread.mark == mark).map(|thread| thread.name.clone()).collect()
}

/// What a thread that is started works for. Dropped when the thread has ended, or could not be started.
pub(crate) struct Started {
    #[cfg(feature = "testing")]
    number: Option<(u64, Mark)>,
}

impl Started {
    /// Notes that the caller starts a thread.
    #[cfg(feature = "testing")]
    pub(crate) fn by_caller(name: Option<&str>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = Some(mark()).filter(|mark| *mark != 0).map(|mark| {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = name.unwrap_or("without a name").to_owned();
            THREADS.lock().push(MarkedThread { number, mark, name });
            (number, mark)
        });
        Started { number }
    }

    #[cfg(not(feature = "testing"))]
    #[inline]
    pub(crate) fn by_caller(_: Option<&str>) -> Self {
        Started {}
    }

    /// Runs the thread's work.
    #[inline]
    pub(crate) fn run<T>(self, work: impl FnOnce() -> T) -> T {
        #[cfg(feature = "testing")]
        if let Some((_, mark)) = self.number {
            MARK.set(mark);
        }
        work()
    }
}

#[cfg(feature = "testing")]
impl Drop for Started {
    fn drop(&mut self) {
        if let Some((number, _)) = self.number {
            let mut threads = THREADS.lock();
            if let Some(index) = threads.iter().position(|thread| thread.number == number) {
                let ended = threads.swap_remove(index);
                drop(threads);
                drop(ended);
            }
        }
    }
}
