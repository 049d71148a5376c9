//! How long to wait after a failure, before the next attempt.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

use super::job::{Failure, Job};
use crate::error::Error;
use crate::limits::{FETCH_FIRST_PAUSE, FETCH_LONGEST_PAUSE};

/// The pauses between attempts: each is about twice as long as the one before, and none is the same in two processes.
pub(super) fn pauses(retries: usize) -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(FETCH_FIRST_PAUSE)
        .with_max_delay(FETCH_LONGEST_PAUSE)
        .with_factor(2.0)
        .with_max_times(retries)
        .with_jitter()
        .build()
}

/// Returns the next pause, if there is one that ends in time.
fn next_pause(pauses: &mut ExponentialBackoff, left: Duration) -> Option<Duration> {
    pauses.next().filter(|pause| *pause < left)
}

impl Job {
    /// Returns how long to wait after a failure, before the next attempt if that begins while there is time `left`. Otherwise returns
    /// the failure.
    pub(super) fn pause_after(
        &self,
        failure: Failure,
        is_lost: bool,
        pauses: &mut ExponentialBackoff,
        left: Duration,
    ) -> Result<Duration, Error> {
        // Who has removed the lock may have removed anything else.
        let pause = if is_lost || failure.is_transient { next_pause(pauses, left) } else { None };
        match pause {
            Some(pause) => {
                self.tell_retry(&failure.error, pause);
                Ok(pause)
            }
            None => {
                self.tell_failed(&failure);
                Err(failure.error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let pauses: Vec<Duration> = pauses(8).collect();
        assert_eq!(pauses.len(), 8);
        // The jitter adds a part of the first pause.
        for (pause, doubled) in pauses.iter().zip(0..) {
            let least = (FETCH_FIRST_PAUSE * (1 << doubled)).min(FETCH_LONGEST_PAUSE);
            assert!(*pause >= least && *pause <= least + FETCH_LONGEST_PAUSE, "{pause:?} is not about {least:?}");
        }
    }

    #[test]
    fn a_pause_that_would_end_too_late_is_none() {
        assert_eq!(next_pause(&mut pauses(8), FETCH_FIRST_PAUSE / 2), None);
        assert!(next_pause(&mut pauses(8), Duration::MAX).is_some());
        assert_eq!(next_pause(&mut pauses(0), Duration::MAX), None);
    }
}
