//! Forcing an interleaving.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::time::{Duration, Instant};

use super::signal::Signal;
use crate::limits::TEST_TURN;
use crate::sync::{Arc, Mutex, thread};
use crate::testing::told::this_thread;

/// Forces an interleaving: threads and tasks take their turns in one fixed order. Clones are the same order.
///
/// ```
/// use logscope::testing::Turns;
///
/// let turns = Turns::new(["read", "write", "read again"]);
/// let balance = std::sync::atomic::AtomicU32::new(1);
/// # use std::sync::atomic::Ordering::Relaxed;
/// std::thread::scope(|threads| {
///     threads.spawn(|| {
///         let first = turns.take("read", || balance.load(Relaxed));
///         let second = turns.take("read again", || balance.load(Relaxed));
///         assert_eq!((first, second), (1, 5));
///     });
///     threads.spawn(|| turns.take("write", || balance.store(5, Relaxed)));
/// });
/// turns.finish();
/// ```
///
/// Each name is a turn. Who [takes](Turns::take) it waits until all turns before it are over. A name that is there several times is several turns:
/// the first call takes the first of them.
///
/// A turn that does not come within the [deadline](Turns::deadline) is a panic, which says who waited for which turn, and whose turn it was. It, and
/// a panic inside a turn, end the waits of all others, with a panic that says so. That a call blocks can be shown too: start it in one turn
/// without waiting for it, and have the next turn let it go on.
#[derive(Clone)]
pub struct Turns(Arc<Shared>);

struct Shared {
    names: Vec<String>,
    deadline: Duration,
    /// Set once for each turn that is over.
    over: Signal,
    state: Mutex<State>,
}

struct State {
    /// Who has taken each turn, or waits for it.
    takers: Vec<Option<Taker>>,
    failed: Option<String>,
}

struct Taker {
    thread: String,
    place: &'static Location<'static>,
    has_begun: bool,
}

impl Turns {
    /// Makes an order of turns.
    ///
    /// # Panics
    ///
    /// If there are none.
    #[must_use]
    #[track_caller]
    pub fn new(names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        assert!(!names.is_empty(), "an order of turns needs a turn at least");
        let state = State { takers: names.iter().map(|_| None).collect(), failed: None };
        let over = Signal::named("a turn is over");
        Turns(Arc::new(Shared { names, deadline: TEST_TURN, over, state: Mutex::new(state) }))
    }

    /// Sets how long each turn is waited for, on the monotonic clock: 30 seconds unless set.
    ///
    /// # Panics
    ///
    /// If there is a clone already.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        let shared = Arc::get_mut(&mut self.0).expect("the deadline is set before the turns are cloned");
        shared.deadline = deadline;
        self
    }

    /// Waits for the turn `name`, runs `work` in it, and ends it.
    ///
    /// # Panics
    ///
    /// If the turn does not come in time, if another turn has panicked, or if there is no such turn that nobody has taken.
    #[track_caller]
    pub fn take<R>(&self, name: &str, work: impl FnOnce() -> R) -> R {
        let place = Location::caller();
        let turn = self.enter(name, place);
        // All before it: so many are over then. If one fails, so many too.
        let waited = self.0.over.wait_for(turn as u64, self.0.deadline);
        let running = self.begin(turn, place, waited.is_ok());
        let result = work();
        running.end();
        result
    }

    /// Waits for the turn `name`, and ends it at once.
    ///
    /// # Panics
    ///
    /// Those of [`take`](Turns::take).
    #[track_caller]
    pub fn pass(&self, name: &str) {
        self.take(name, || ());
    }

    /// Waits for the turn `name` in a task, awaits `work` in it, and ends it. The turn is taken by this call, and waited for from it on.
    ///
    /// A future that is dropped inside its turn ends the waits of the others, as a panic does.
    ///
    /// # Panics
    ///
    /// Those of [`take`](Turns::take).
    #[track_caller]
    pub fn take_async<F: Future>(&self, name: &str, work: F) -> impl Future<Output = F::Output> + use<F> {
        let place = Location::caller();
        let turn = self.enter(name, place);
        let (turns, waits) = (self.clone(), self.0.over.wait_for_async(turn as u64, self.0.deadline));
        async move {
            let waited = waits.await;
            let running = turns.begin(turn, place, waited.is_ok());
            let result = work.await;
            running.end();
            result
        }
    }

    /// Waits until all turns are over.
    ///
    /// # Panics
    ///
    /// If they are not in time, or if a turn has panicked.
    #[track_caller]
    pub fn finish(&self) {
        let waited = self.0.over.wait_for(self.0.names.len() as u64, self.0.deadline);
        let failed = self.0.state.lock().failed.clone();
        if let Some(failed) = failed {
            panic!("{failed}");
        }
        if waited.is_err() {
            panic!("the turns were not over within {:?}: {self}", self.0.deadline);
        }
    }

    /// Returns the number of the turn, which nobody else has taken then.
    fn enter(&self, name: &str, place: &'static Location<'static>) -> usize {
        let mut state = self.0.state.lock();
        let free = self.0.names.iter().zip(&state.takers).position(|(own, taker)| own == name && taker.is_none());
        let Some(turn) = free else {
            let is_taken = self.0.names.iter().any(|own| own == name);
            drop(state);
            let why = if is_taken { "was taken already, as often as it is there" } else { "is not there" };
            panic!("{place}: the turn {name:?} {why}: {self}");
        };
        state.takers[turn] = Some(Taker { thread: this_thread(), place, has_begun: false });
        turn
    }

    fn begin(&self, turn: usize, place: &'static Location<'static>, is_in_time: bool) -> RunningTurn<'_> {
        let mut state = self.0.state.lock();
        let failed = state.failed.clone();
        if failed.is_none() && is_in_time {
            let taker = Taker { thread: this_thread(), place, has_begun: true };
            state.takers[turn] = Some(taker);
            return RunningTurn { turns: self, turn, since: Instant::now() };
        }
        drop(state);
        let (name, waited) = (&self.0.names[turn], this_thread());
        match failed {
            Some(failed) => panic!("{place}: the turn {name:?} does not come: {failed}"),
            None => {
                let deadline = self.0.deadline;
                let text = format!("the thread {waited} waited {deadline:?} in vain for the turn {name:?}: {self}");
                self.fail(format!("{text}\n(waited for at {place})"));
                panic!("{place}: {text}");
            }
        }
    }
}

impl Turns {
    /// Ends all waits, because a turn does not come. The first reason is told.
    fn fail(&self, why: String) {
        self.0.state.lock().failed.get_or_insert(why);
        // So many are enough, however many are over.
        self.0.names.iter().for_each(|_| self.0.over.set());
    }
}

/// Says which turns are over, whose turn it is, and who waits for which.
impl fmt::Display for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let over = self.0.over.count() as usize;
        let state = self.0.state.lock();
        for (turn, name) in self.0.names.iter().enumerate() {
            write!(f, "\n  {}. {name:?}: ", turn + 1)?;
            match &state.takers[turn] {
                _ if turn < over => f.write_str("over")?,
                Some(Taker { thread, place, has_begun: true }) => write!(f, "under way in {thread}, at {place}")?,
                Some(Taker { thread, place, .. }) => write!(f, "{thread} waits for it, at {place}")?,
                None if turn == over => f.write_str("is next, and nobody has come to take it")?,
                None => f.write_str("nobody has come to take it")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turns")
            .field("names", &self.0.names)
            .field("over", &self.0.over.count())
            .finish_non_exhaustive()
    }
}

/// A turn that is under way. If it is dropped and not ended, it has failed.
struct RunningTurn<'a> {
    turns: &'a Turns,
    turn: usize,
    since: Instant,
}

impl RunningTurn<'_> {
    fn end(self) {
        self.turns.0.over.set();
        std::mem::forget(self);
    }
}

impl Drop for RunningTurn<'_> {
    fn drop(&mut self) {
        let how = if thread::panicking() { "panicked" } else { "was dropped before its end" };
        let (name, after) = (&self.turns.0.names[self.turn], self.since.elapsed());
        self.turns.fail(format!("the turn {name:?} {how} after {after:?}, in {}", this_thread()));
    }
}
