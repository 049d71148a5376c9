//! The dials that were turned since an isolated test began, so that they can be turned back.

use super::{Dial, Setting};
use crate::sync::{Arc, AtomicUsize, Mutex, Ordering, Weak};
use crate::verbosity::directives::Directives;

/// How many isolated tests note what is turned.
static NOTING: AtomicUsize = AtomicUsize::new(0);

/// What was turned, the newest first. A list of boxes, so that nothing is allocated or freed under its lock.
static TURNED: Mutex<Option<Box<Turn>>> = Mutex::new(None);

struct Turn {
    dial: Weak<Setting>,
    before: Arc<Directives>,
    /// How many turns are noted, with this one.
    count: usize,
    next: Option<Box<Turn>>,
}

/// Notes that a dial was turned, which had the value `before`.
pub(super) fn note(dial: &Arc<Setting>, before: &Arc<Directives>) {
    // Relaxed: a thread that works for an isolated test was started by it, or has synchronised with it, and sees the count.
    if NOTING.load(Ordering::Relaxed) == 0 {
        return;
    }
    let mut turn = Box::new(Turn { dial: Arc::downgrade(dial), before: Arc::clone(before), count: 1, next: None });
    let mut turned = TURNED.lock();
    turn.next = turned.take();
    turn.count += turn.next.as_ref().map_or(0, |next| next.count);
    *turned = Some(turn);
}

/// Notes which dials are turned, and turns them back when it is dropped.
pub(crate) struct TurnBack {
    /// How many turns were noted before.
    from: usize,
}

impl TurnBack {
    pub(crate) fn begin() -> Self {
        NOTING.fetch_add(1, Ordering::Relaxed);
        TurnBack { from: TURNED.lock().as_ref().map_or(0, |turned| turned.count) }
    }
}

impl Drop for TurnBack {
    fn drop(&mut self) {
        // The newest first, so that each dial has its oldest value in the end.
        loop {
            let mut turned = TURNED.lock();
            let Some(mut turn) = turned.take_if(|turn| turn.count > self.from) else { break };
            *turned = turn.next.take();
            drop(turned);
            if let Some(dial) = turn.dial.upgrade() {
                Dial(dial).put(Arc::clone(&turn.before));
            }
        }
        NOTING.fetch_sub(1, Ordering::Relaxed);
    }
}
