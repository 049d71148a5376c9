//! What leases log. Nothing here is called while a lock of the library is held.

use std::time::Duration;

use super::backend::LeaseHolder;
use super::options::Lease;
use crate::error::Error;
use crate::lock::{Shown, log_always, log_once};

/// The target of all records.
const TARGET: &str = "logscope::store";

impl Lease {
    /// Returns where the lease is.
    pub(super) fn place(&self) -> String {
        self.backend.place(&self.name)
    }

    pub(super) fn log_waiting(&self, holder: Option<&LeaseHolder>) {
        if self.is_silent {
            return;
        }
        log_once(|| {
            if tracing::enabled!(target: TARGET, tracing::Level::DEBUG) {
                let (lease, holder) = (self.place(), named(holder));
                tracing::debug!(target: TARGET, lease, holder, "waiting for a lease");
            }
        });
    }

    pub(super) fn log_got(&self, fence: u64, waited: Duration) {
        if self.is_silent {
            return;
        }
        log_once(|| {
            if tracing::enabled!(target: TARGET, tracing::Level::DEBUG) {
                let lease = self.place();
                tracing::debug!(target: TARGET, lease, fence, waited = %Shown(waited), "got a lease");
            }
        });
    }

    pub(super) fn log_took_over(&self, fence: u64, before: &LeaseHolder) {
        if self.is_silent {
            return;
        }
        let (lease, before) = (self.place(), named(Some(before)));
        log_always(|| {
            tracing::warn!(
                target: TARGET, lease, fence, before,
                "took a lease over whose time was over: its holder may be dead, or still at work"
            );
        });
    }

    pub(super) fn log_broke(&self, holder: &LeaseHolder) {
        if self.is_silent {
            return;
        }
        let (lease, holder) = (self.place(), named(Some(holder)));
        log_always(|| {
            tracing::warn!(target: TARGET, lease, holder, "broke a lease: its holder may still be at work");
        });
    }

    pub(super) fn log_lost(&self, error: &Error) {
        if self.is_silent {
            return;
        }
        let lease = self.place();
        log_always(|| tracing::warn!(target: TARGET, lease, error = format_args!("{error:#}"), "a lease was lost"));
    }

    pub(super) fn log_not_renewed(&self, left: Duration, error: &Error) {
        if self.is_silent {
            return;
        }
        let lease = self.place();
        log_once(|| {
            let (left, error) = (Shown(left), format_args!("{error:#}"));
            tracing::debug!(target: TARGET, lease, %left, error, "cannot renew a lease: trying again");
        });
    }

    pub(super) fn log_not_released(&self, error: &Error) {
        if self.is_silent {
            return;
        }
        let lease = self.place();
        log_always(|| {
            let error = format_args!("{error:#}");
            tracing::warn!(
                target: TARGET, lease, error,
                "a lease may not be released: others may have to wait until its time is over"
            );
        });
    }

    pub(super) fn log_released(&self, fence: u64, held: Duration) {
        if self.is_silent {
            return;
        }
        log_once(|| {
            if tracing::enabled!(target: TARGET, tracing::Level::DEBUG) {
                let lease = self.place();
                tracing::debug!(target: TARGET, lease, fence, held = %Shown(held), "released a lease");
            }
        });
    }
}

fn named(holder: Option<&LeaseHolder>) -> String {
    holder.map(LeaseHolder::to_string).unwrap_or_default()
}
