//! All outputs of the process.

use std::time::Instant;

use super::delivery::Core;
use super::ledger::Outcome;
use super::queued::Flush;
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

/// Flushes all, and says what became of the records of those that are there.
pub(super) fn flush(deadline: Option<Instant>) -> Outcome {
    // Let go of outside the lock, where an output may be dropped.
    let all: Vec<Arc<Core>> = ALL.lock().iter().filter_map(Weak::upgrade).collect();
    // All begin before the first is waited for.
    let begun: Vec<_> = all.iter().map(|core| (core, Flush::begin(core, deadline, false))).collect();
    let outcomes = begun.into_iter().map(|(core, flush)| match flush {
        Some(flush) => flush.finish(deadline),
        None => core.outcome(),
    });
    outcomes.fold(Outcome::default(), Outcome::plus)
}
