//! The exit of the process, and [`shutdown`].
//!
//! When the process exits in an ordinary way (by a return from `main`, or `exit`), all queues are closed, and their records are written, for
//! [`exit_deadline`] at most. Each later log call writes its own record. So no accepted record is lost, and neither is a record that another
//! thread or a later exit handler logs. The exit also waits until every output whose last sink is gone is dropped, because what the output
//! buffers until then is a part of the log. [`shutdown`] does the same when the program calls it.
//!
//! If an output has not taken its records in time, its queues are abandoned: later records are dropped and counted, because they would be
//! written out of order, or block for ever.

use std::io;
use std::time::{Duration, Instant};

use crate::background::list::{close_all, queues};
use crate::background::{QueuedOutput, pool};
use crate::delivery::closing::wait_for_closing;
use crate::delivery::{Front as _, Ledger, flush_all};
use crate::fallback;
use crate::limits::LAST_RECORD;
use crate::output::{drop_error, is_inside_output};
use crate::process::{exit_deadline, is_forked};
use crate::sync::{Arc, AtomicBool, OnceLock, Ordering, Weak};

/// Closes all queues and writes their records, within `deadline`. Each later log call writes its own record.
pub(crate) fn shutdown(deadline: Duration) -> Ledger {
    let until = Instant::now().checked_add(deadline);
    write_last_records(deadline);
    if !is_forked() {
        close_all();
        if is_inside_output() {
            // A flush does not wait inside an output, but the exit does, and it follows. No longer than the exit, because the call may wait
            // for itself.
            let exit_end = Instant::now().checked_add(exit_deadline());
            let late = wait_for_queues(until.into_iter().chain(exit_end).min());
            late.into_iter().for_each(pool::drop_on_writer_thread);
        }
    }
    let ledger = flush_all(until);
    // The outputs had their time: neither later log calls nor the exit of the process wait for them again.
    if !is_forked() && until.is_some_and(|until| Instant::now() >= until) {
        for queued in queues() {
            if !queued.is_done() {
                TIMED_OUT.store(true, Ordering::Relaxed);
                queued.abandon();
            }
            pool::drop_on_writer_thread(queued);
        }
    }
    ledger
}

/// Writes what the room of layers has to say before the end, for a time at most.
static LAST_RECORDS: OnceLock<fn(Duration)> = OnceLock::new();

/// Has `write` be called at the beginning of the end. Returns true the first time.
pub(super) fn set_last_records(write: fn(Duration)) -> bool {
    LAST_RECORDS.set(write).is_ok()
}

/// Calls what [`set_last_records`] was given. It gets a part of the time only: the queues of other outputs need the rest, if it stands still.
fn write_last_records(deadline: Duration) {
    if let Some(write) = LAST_RECORDS.get() {
        write(LAST_RECORD.min(deadline / 2));
    }
}

/// Does what there is to do at the exit of a process that may have no queues.
pub(super) fn at_exit_without_queues() {
    write_last_records(exit_patience());
}

/// Returns how long the exit may wait.
fn exit_patience() -> Duration {
    if TIMED_OUT.load(Ordering::Relaxed) { Duration::ZERO } else { exit_deadline() }
}

/// True if the deadline of a [`shutdown`] has passed before all queued records were written. Relaxed, both where it is set and read: one
/// thread does both, or the threads have other ways to know which came first.
static TIMED_OUT: AtomicBool = AtomicBool::new(false);

/// Writes the records of all queues when the process exits in an ordinary way.
pub(super) fn at_exit() {
    let patience = exit_patience();
    let until = Instant::now().checked_add(patience);
    write_last_records(patience);
    if is_forked() {
        return;
    }
    close_all();
    let late = wait_for_queues(until);
    // Two queues may be in front of one output, which counts the records of both.
    let mut cores: Vec<_> = late.iter().map(|queued| queued.core()).collect();
    cores.sort_by_key(|core| Arc::as_ptr(core));
    cores.dedup_by_key(|core| Arc::as_ptr(core));
    let pending: u64 = cores.iter().map(|core| core.ledger().pending).sum();
    // No notice can follow: the log will not say that these records are missing.
    let unnoticed: u64 =
        cores.iter().map(|core| core.unnoticed()).chain(late.iter().map(|queued| queued.unnoticed())).sum();
    drop(cores);
    if pending > 0 {
        late.iter().filter(|queued| !queued.is_done()).for_each(|queued| queued.abandon());
    }
    if pending + unnoticed > 0 {
        let time = if patience.is_zero() { String::from("the time that they had") } else { format!("{patience:?}") };
        let notices = match unnoticed {
            0 => String::new(),
            count => format!("; the logs have no notice of {count} more records"),
        };
        fallback::report(format_args!(
            "{pending} records that were queued are not written, because the process ends and its outputs did not take them within \
             {time}{notices}"
        ));
    }
    late.into_iter().for_each(pool::drop_on_writer_thread);
    // Not inside an output, which could wait for itself.
    if !is_inside_output() {
        wait_for_closing(until);
    }
}

/// Waits until the records of all queues are written. Returns the queues whose records are not written when `until` comes. Unlike a flush,
/// this waits inside an output too, because nobody flushes later. It does not wait for the queue
/// that this very thread drains, but returns it.
fn wait_for_queues(until: Option<Instant>) -> Vec<Arc<QueuedOutput>> {
    let requests = queues().into_iter().map(|queued| {
        let ticket = (!pool::is_draining(&queued)).then(|| Arc::clone(&queued).request_flush(until, false));
        // Weak, so that a queue can be dropped while this thread waits.
        let request = (Arc::downgrade(&queued), queued.core().name().to_owned(), ticket);
        pool::drop_on_writer_thread(queued);
        request
    });
    let requests: Vec<_> = requests.collect();
    let late = requests.into_iter().filter_map(|(queued, name, ticket)| match ticket.and_then(|it| it.wait(until)) {
        Some(Ok(())) => None,
        Some(Err(error)) => {
            report_unflushed(&queued, &name, error);
            None
        }
        None => queued.upgrade(),
    });
    late.collect()
}

/// Reports that the output of a queue, called `name`, could not be flushed.
#[cold]
fn report_unflushed(queued: &Weak<QueuedOutput>, name: &str, error: io::Error) {
    match queued.upgrade() {
        Some(queued) => {
            queued.report_unflushed(error);
            pool::drop_on_writer_thread(queued);
        }
        // Dropped meanwhile, because no sink held it.
        None if error.kind() == io::ErrorKind::Unsupported => drop_error(error),
        None => {
            fallback::report(format_args!("cannot flush {name}: {error}"));
            drop_error(error);
        }
    }
}
