//! The thread that renews a lease while its guard lives.
//!
//! Each lease with a keeper has a thread of its own. A renewal waits for its backend, for seconds if a server does not answer, and without end if a
//! network file system hangs. On one thread for all, one dead server would cost this process all its leases.
//!
//! A forked child has no such thread, and its copy of the guard renews nothing.

use std::io;

use super::held::Held;
use crate::limits::{LEASE_RENEWALS, LEASE_RETRIES};
use crate::lock::{Job, bind, run_foreign};
use crate::process::start_thread;
use crate::sync::Arc;

/// Starts the keeper of a lease. It ends with the guard, or when the lease is lost.
pub(super) fn start(held: &Arc<Held>) -> io::Result<()> {
    let told = Arc::downgrade(held);
    // Carried to where the caller logs now. It may be dropped without a run: whoever finds a loss first tells of it.
    let tell = bind(Box::new(move || {
        if let Some(held) = told.upgrade() {
            held.tell();
        }
    }));
    let held = Arc::clone(held);
    drop(start_thread("logscope-keeper", move || keep(&held, tell))?);
    Ok(())
}

fn keep(held: &Held, tell: Job) {
    let ttl = held.claim.ttl;
    let mut pause = ttl / LEASE_RENEWALS;
    loop {
        let rings = held.end.rings();
        if held.has_ended() {
            break;
        }
        held.end.wait(rings, pause);
        if held.has_ended() {
            break;
        }
        pause = match held.renew() {
            Ok(()) => ttl / LEASE_RENEWALS,
            Err(error) if error.is_lease_lost() => {
                run_foreign(tell);
                return;
            }
            Err(_) if held.has_ended() => break,
            Err(error) => {
                held.lease.log_not_renewed(held.remaining(), &error);
                // The time may be over before: the next call finds that.
                (ttl / LEASE_RETRIES).min(held.remaining())
            }
        };
    }
    // It holds a span and a subscriber.
    run_foreign(|| drop(tell));
}
