//! The end of the process, and forks.
//!
//! When the process ends in the ordinary way (a return from `main`, `exit`), the queues are closed and what is in them is written,
//! for [`exit_deadline`] at most; from then on, whoever still logs writes for itself. So nothing that was accepted is lost, not even
//! what is logged by other threads and by handlers that come later. The same is [`shutdown`] when it is asked for. Outputs whose last
//! sink is gone are waited for until they are dropped: what they keep to the end is a part of the log.
//!
//! An output that has not taken what was queued when the time is over is given up: what is logged later would come out of order, or never
//! come back. It is counted as dropped.

use std::time::{Duration, Instant};

use crate::background::list::{close_all, queues};
use crate::background::{QueuedOutput, closing, pool};
use crate::delivery::{Front as _, Outcome, flush_all};
use crate::fallback;
use crate::output::{drop_error, is_inside_output};
use crate::process::{exit_deadline, is_forked};
use crate::sync::{Arc, AtomicBool, Ordering};

/// Writes what is queued, within `deadline`; from now on, each call that logs writes for itself.
pub(crate) fn shutdown(deadline: Duration) -> Outcome {
    let until = Instant::now().checked_add(deadline);
    if !is_forked() {
        close_all();
        if is_inside_output() {
            // As at the end of the process, since that is what follows; and no longer, since it may be waiting for itself.
            let end = Instant::now().checked_add(exit_deadline());
            wait_for_all(until.into_iter().chain(end).min());
        }
    }
    let outcome = flush_all(until);
    // What has not been taken by now was given its time: neither what is logged later nor the end of the process waits for it again.
    if !is_forked() && until.is_some_and(|until| Instant::now() >= until) {
        for queued in queues() {
            if !queued.is_done() {
                GAVE_UP.store(true, Ordering::Relaxed);
                queued.abandon();
            }
            pool::let_go(queued);
        }
    }
    outcome
}

/// The time of a [`shutdown`] was over before everything that was queued was written. Relaxed, both where it is set and read: by one thread, or by ones that
/// have other ways to know what came first.
static GAVE_UP: AtomicBool = AtomicBool::new(false);

/// What happens when the process ends in the ordinary way.
pub(super) fn at_exit() {
    if is_forked() {
        return;
    }
    let has_given_up = GAVE_UP.load(Ordering::Relaxed);
    let patience = if has_given_up { Duration::ZERO } else { exit_deadline() };
    let until = Instant::now().checked_add(patience);
    close_all();
    let late = wait_for_all(until);
    // Two queues may be in front of one output, whose records are counted together.
    let mut cores: Vec<_> = late.iter().map(|queued| queued.core()).collect();
    cores.sort_by_key(|core| Arc::as_ptr(core));
    cores.dedup_by_key(|core| Arc::as_ptr(core));
    let pending: u64 = cores.iter().map(|core| core.outcome().pending).sum();
    if pending > 0 {
        late.iter().for_each(|queued| queued.abandon());
        let time = if has_given_up { String::from("the time that they had") } else { format!("{patience:?}") };
        fallback::tell(format_args!(
            "{pending} records that were queued are not written, because the process ends and its outputs did not take them within {time}"
        ));
    }
    drop(late);
    // From inside an output it could be waiting for that.
    if !is_inside_output() {
        closing::wait_for_closing_queues(until);
    }
}

/// Waits until all that is queued is written, and returns the queues of which that is not so when `until` comes. Unlike a flush, it
/// waits inside an output too, where nobody will come back later: only what this very thread is writing is not waited for.
fn wait_for_all(until: Option<Instant>) -> Vec<Arc<QueuedOutput>> {
    let requests = queues().into_iter().map(|queued| {
        let ticket = (!pool::is_at_hand(&queued)).then(|| Arc::clone(&queued).request_flush(until, false));
        // Not held while it waits: whoever lets go last drops the output, and that had better be a writer thread.
        (Arc::downgrade(&queued), queued.core().name().to_owned(), ticket)
    });
    let requests: Vec<_> = requests.collect();
    let late = requests.into_iter().filter_map(|(queued, name, ticket)| match ticket.and_then(|it| it.wait(until)) {
        Some(Ok(())) => None,
        Some(Err(error)) => {
            fallback::tell(format_args!("cannot flush {name}: {error}"));
            drop_error(error);
            None
        }
        None => queued.upgrade(),
    });
    late.collect()
}
