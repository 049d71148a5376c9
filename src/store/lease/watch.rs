//! What the attempts of a process know of a lease between them.
//!
//! A lease whose backend does not end it is watched: when it has not changed for long enough, its holder cannot have it any more.
//!
//! And who has released a lease lets others go first. They do not see that it is free before they look again. A process that worked, released the
//! lease and took it at once for the next work would have it nearly always.

use std::time::Duration;

use super::backend::LeaseState;
use crate::limits::{LEASE_MARGIN_PERCENT, LEASE_REST_DIVISOR, LEASE_RETRY};
use crate::lock::jittered;

/// What somebody has seen of a lease, and since when. All times are of the watcher's own clock: those of others are never compared.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// The state, and when it was first seen.
    seen: Option<(String, Duration)>,
    /// How many threads of this process wait for the lease.
    waiting: usize,
    /// When this process released the lease last, so that it lets others go first.
    released: Duration,
    /// Until when it does.
    rests_until: Duration,
}

impl Watch {
    /// Notes what is seen at `now`, which must be after the look. Returns for how much longer the lease must not be taken: zero if it may be.
    ///
    /// The holder counts its time from before its last renewal began. That renewal was seen after it was made, so the watcher counts later.
    pub(super) fn left(&mut self, state: &LeaseState, now: Duration) -> Duration {
        let Some(holder) = &state.holder else {
            self.seen = None;
            return Duration::ZERO;
        };
        if let Some(left) = state.left {
            // The backend ends it: what is over is not seen.
            return left.max(Duration::from_millis(1));
        }
        let since = match &self.seen {
            Some((version, since)) if *version == state.version => *since,
            _ => {
                self.seen = Some((state.version.clone(), now));
                now
            }
        };
        patience(holder.ttl).saturating_sub(now.saturating_sub(since))
    }

    /// Notes that a thread begins to wait for the lease.
    pub(super) fn begin_wait(&mut self) {
        self.waiting += 1;
    }

    /// Notes that it has ended.
    pub(super) fn end_wait(&mut self) {
        // A forked child has not the waits of its parent.
        self.waiting = self.waiting.saturating_sub(1);
    }

    /// Notes that this process has released the lease at `now`, after it held it for so long.
    ///
    /// Nobody is known to be let go first if the lease `is_in_process` and no thread waits for it.
    pub(super) fn note_release(&mut self, now: Duration, held: Duration, is_in_process: bool) {
        if is_in_process && self.waiting == 0 {
            return;
        }
        let rest = jittered((held / LEASE_REST_DIVISOR).min(LEASE_RETRY));
        self.released = now;
        self.rests_until = self.rests_until.max(now.saturating_add(rest));
    }

    /// Returns for how much longer somebody of this process who has wanted the lease since `since` lets others go first.
    ///
    /// Within the process, those who waited already at the release are these others. Between processes they are not: two threads that pass the lease on
    /// to one another would keep it from all other processes.
    pub(super) fn rest(&self, since: Duration, now: Duration, is_in_process: bool) -> Duration {
        if is_in_process && since < self.released { Duration::ZERO } else { self.rests_until.saturating_sub(now) }
    }
}

/// Returns for how long a lease with this TTL must not have changed.
pub(super) fn patience(ttl: Duration) -> Duration {
    ttl.saturating_add(ttl.saturating_mul(LEASE_MARGIN_PERCENT) / 100)
}
