//! What locks log, and when: never while the caller holds the lock, and never while it stands in line for it.
//!
//! So what the subscriber does cannot hold anybody up, and a subscriber may use the very lock that is logged about. That takes the same locks,
//! and would log again: what a lock would log inside of such a log call is left out. A subscriber that panics panics nobody who uses a lock.

use std::cell::Cell;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

use super::foreign::run_foreign;
use crate::limits::LOCK_REPORT;
use crate::sync::Arc;

/// A place in the source of the program.
pub(super) type Place = &'static Location<'static>;

/// How a lock is called in the log, and whether it logs at all.
#[derive(Debug)]
pub(super) struct Label {
    pub(super) name: Option<&'static str>,
    /// A name that is known at run time only, which is used then.
    pub(super) own_name: Option<Arc<str>>,
    /// Where it was made.
    pub(super) made: Place,
    pub(super) is_silent: bool,
}

/// How somebody waited for a lock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waited {
    pub(super) time: Duration,
    /// Where those got the lock who had it when the wait began.
    pub(super) holder: Option<Place>,
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.own_name.as_deref().or(self.name) {
            Some(name) => f.write_str(name),
            None => write!(f, "the lock of {}:{}", self.made.file(), self.made.line()),
        }
    }
}

/// ", held by src/cache.rs:12", or nothing.
struct HeldBy(Option<Place>);

impl fmt::Display for HeldBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |place| write!(f, ", held by {}:{}", place.file(), place.line()))
    }
}

impl Label {
    pub(super) fn log_wait(&self, holder: Option<Place>) {
        self.log(|| {
            tracing::debug!(
                target: "logscope::lock",
                lock = %self,
                held_by = holder.map(tracing::field::display),
                "waiting for {self}{}", HeldBy(holder)
            );
        });
    }

    pub(super) fn log_long_wait(&self, waited: Waited) {
        self.log(|| {
            tracing::info!(
                target: "logscope::lock",
                lock = %self,
                waited_ms = millis(waited.time),
                held_by = waited.holder.map(tracing::field::display),
                "still waiting for {self} after {:.1?}{}", waited.time, HeldBy(waited.holder)
            );
        });
    }

    /// A task that waits has no timer, so this may be the only record of its long wait.
    pub(super) fn log_given_up(&self, waited: Waited) {
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(
                    target: "logscope::lock",
                    lock = %self,
                    waited_ms = millis(waited.time),
                    held_by = waited.holder.map(tracing::field::display),
                    "gave up waiting for {self} after {:.1?}{}", waited.time, HeldBy(waited.holder)
                )
            };
        }
        self.log(|| if waited.time >= LOCK_REPORT { log!(info) } else { log!(debug) });
    }

    /// Logs that a lock was got after a wait, held, and released.
    pub(super) fn log_release(&self, waited: Waited, held: Duration) {
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(
                    target: "logscope::lock",
                    lock = %self,
                    waited_ms = millis(waited.time),
                    held_by = waited.holder.map(tracing::field::display),
                    held_ms = millis(held),
                    "released {self}, held for {held:.1?} after a wait of {:.1?}{}", waited.time, HeldBy(waited.holder)
                )
            };
        }
        self.log(|| if waited.time >= LOCK_REPORT { log!(info) } else { log!(debug) });
    }

    fn log(&self, log: impl FnOnce()) {
        if !self.is_silent {
            log_once(log);
        }
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

thread_local! {
    static IS_INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Runs a log call of a lock, unless this thread is inside of one: the subscriber uses locks itself, and each of them would log again.
pub(crate) fn log_once(log: impl FnOnce()) {
    if !IS_INSIDE.get() {
        log_always(log);
    }
}

/// Runs a log call of a lock in any case. For what is told once, and so cannot go on for ever.
pub(crate) fn log_always(log: impl FnOnce()) {
    let was_inside = IS_INSIDE.replace(true);
    run_foreign(log);
    IS_INSIDE.set(was_inside);
}
