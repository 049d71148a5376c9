//! All outputs of the process.

use std::time::Instant;

use super::delivery::Core;
use super::ledger::Outcome;
use super::queued::{Flush, is_forked};
use crate::sync::{Arc, Mutex, Weak};

static ALL: Mutex<Vec<Weak<Core>>> = Mutex::new(Vec::new());

/// Enters an output. Once for each.
pub(super) fn enter(core: &Arc<Core>) {
    let mut all = ALL.lock();
    if all.len() == all.capacity() {
        all.retain(|core| core.strong_count() > 0);
    }
    all.push(Arc::downgrade(core));
}

/// What became of the records of outputs that are gone.
static GONE: Mutex<Outcome> = Mutex::new(Outcome::NOTHING);

/// Counts in what became of the records of an output that goes.
pub(super) fn leave(outcome: Outcome) {
    // In a forked child another thread's lock may be held for ever.
    if !is_forked() {
        let gone = &mut *GONE.lock();
        *gone = gone.plus(outcome);
    }
}

/// Flushes all, and says what became of the records of the process, those of outputs that are gone among them.
pub(super) fn flush(deadline: Option<Instant>) -> Outcome {
    // Let go of outside the lock, where an output may be dropped.
    let all: Vec<Arc<Core>> = ALL.lock().iter().filter_map(Weak::upgrade).collect();
    // All begin before the first is waited for.
    let begun: Vec<_> = all.iter().map(|core| (core, Flush::begin(core, deadline, false))).collect();
    let outcomes = begun.into_iter().map(|(core, flush)| match flush {
        Some(flush) => flush.finish(deadline),
        None => core.outcome(),
    });
    let open = outcomes.fold(Outcome::default(), Outcome::plus);
    if is_forked() { open } else { open.plus(*GONE.lock()) }
}
