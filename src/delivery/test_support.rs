//! An output and a queue for tests of `delivery`, which count what is asked of them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::any::Any;
use std::io;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use super::{Core, Front};
use crate::bytes::Line;
use crate::output::{AnyOutput, Output};
use crate::queue::FlushTicket;
use crate::sync::{Arc, AtomicBool, AtomicU64, Ordering, Weak};

/// An output that keeps its lines, and returns an error where a test asks for one.
#[derive(Default)]
pub(super) struct Probe {
    pub(super) text: Mutex<String>,
    pub(super) flushes: AtomicU64,
    pub(super) syncs: AtomicU64,
    /// The kind of the error of each flush and sync, if they fail.
    pub(super) error: Mutex<Option<io::ErrorKind>>,
    /// A flush takes all the time that it is given, in vain.
    pub(super) stands_still: AtomicBool,
    /// The least time that a flush was given.
    pub(super) least: Mutex<Option<Duration>>,
}

impl Probe {
    /// Returns a probe, and the core of an output that it is.
    pub(super) fn core() -> (Arc<Probe>, Arc<Core>) {
        let probe = Arc::new(Probe::default());
        (Arc::clone(&probe), Core::new(AnyOutput::Lines(Box::new(probe))))
    }

    pub(super) fn fail(&self, kind: io::ErrorKind) {
        *self.error.lock().unwrap() = Some(kind);
    }

    /// How often the output was flushed, and how often it was synced.
    pub(super) fn calls(&self) -> (u64, u64) {
        (self.flushes.load(Ordering::Relaxed), self.syncs.load(Ordering::Relaxed))
    }

    fn result(&self) -> io::Result<()> {
        self.error.lock().unwrap().map_or(Ok(()), |kind| Err(kind.into()))
    }
}

impl Output for Arc<Probe> {
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        self.text.lock().unwrap().push_str(str::from_utf8(line.bytes()).unwrap());
        Ok(())
    }

    fn flush(&self, deadline: Duration) -> io::Result<()> {
        self.flushes.fetch_add(1, Ordering::Relaxed);
        let mut least = self.least.lock().unwrap();
        *least = Some(least.map_or(deadline, |least| least.min(deadline)));
        if self.stands_still.load(Ordering::Relaxed) {
            thread::sleep(deadline);
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.result()
    }

    fn sync(&self, _: Duration) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.result()
    }

    fn describe(&self) -> String {
        "probe".to_owned()
    }
}

/// A queue that does nothing but what a test does for it.
#[derive(Default)]
pub(super) struct FakeFront {
    pub(super) tickets: Mutex<Vec<Arc<FlushTicket>>>,
    /// True if a flush is done as soon as it is requested.
    pub(super) is_empty: AtomicBool,
    /// How many requests ask for a sync too.
    pub(super) syncs: AtomicU64,
    pub(super) withdrawn: AtomicU64,
    pub(super) given_up: AtomicU64,
    pub(super) is_being_written: AtomicBool,
}

impl FakeFront {
    /// Returns a queue in front of `core`. A flush of it is done at once if it `is_empty`.
    pub(super) fn before(core: &Core, is_empty: bool) -> Arc<FakeFront> {
        let front = Arc::new(FakeFront { is_empty: is_empty.into(), ..FakeFront::default() });
        let weak: Weak<dyn Front> = Arc::downgrade(&front) as Weak<dyn Front>;
        core.fronts().lock().push(weak);
        front
    }

    /// How many flushes were requested.
    pub(super) fn requests(&self) -> usize {
        self.tickets.lock().unwrap().len()
    }
}

impl Front for FakeFront {
    fn request_flush(self: Arc<Self>, _: Option<Instant>, sync: bool) -> Arc<FlushTicket> {
        let ticket = Arc::new(FlushTicket::new());
        if self.is_empty.load(Ordering::Relaxed) {
            ticket.complete(Ok(()));
        }
        self.syncs.fetch_add(sync.into(), Ordering::Relaxed);
        self.tickets.lock().unwrap().push(Arc::clone(&ticket));
        ticket
    }

    fn withdraw_flush(self: Arc<Self>, ticket: &Arc<FlushTicket>) {
        assert!(
            self.tickets.lock().unwrap().iter().any(|own| Arc::ptr_eq(own, ticket)),
            "the ticket is of another queue"
        );
        self.withdrawn.fetch_add(1, Ordering::Relaxed);
    }

    fn give_up_abandoned_calls(self: Arc<Self>) {
        self.given_up.fetch_add(1, Ordering::Relaxed);
    }

    fn is_being_written(&self) -> bool {
        self.is_being_written.load(Ordering::Relaxed)
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}
