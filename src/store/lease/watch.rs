//! Watching a lease whose backend does not end it: when it has not changed for so long that its holder cannot have it any more.

use std::time::Duration;

use super::backend::LeaseState;
use crate::limits::LEASE_MARGIN_PERCENT;

/// What somebody has seen of a lease, and since when. All times are of the watcher's own clock: those of others are never compared.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// The state, and when it was first seen.
    seen: Option<(String, Duration)>,
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
}

/// Returns for how long a lease with this TTL must not have changed.
pub(super) fn patience(ttl: Duration) -> Duration {
    ttl.saturating_add(ttl.saturating_mul(LEASE_MARGIN_PERCENT) / 100)
}
