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
    /// Until when this process lets others go first.
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

    /// Notes that this process has released the lease at `now`, after it held it for so long.
    pub(super) fn note_release(&mut self, now: Duration, held: Duration) {
        let rest = jittered((held / LEASE_REST_DIVISOR).min(LEASE_RETRY));
        self.rests_until = self.rests_until.max(now.saturating_add(rest));
    }

    /// Returns for how much longer this process lets others go first.
    pub(super) fn rest(&self, now: Duration) -> Duration {
        self.rests_until.saturating_sub(now)
    }
}

/// Returns for how long a lease with this TTL must not have changed.
pub(super) fn patience(ttl: Duration) -> Duration {
    ttl.saturating_add(ttl.saturating_mul(LEASE_MARGIN_PERCENT) / 100)
}
