//! Which failures may pass, and how long to wait before the next attempt.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

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
pub(super) fn next_pause(pauses: &mut ExponentialBackoff, left: Duration) -> Option<Duration> {
    pauses.next().filter(|pause| *pause < left)
}

/// Returns true if the same may succeed a moment later. What fails for want of a right, of room, or of the thing itself will fail again.
pub(super) fn is_transient(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::BrokenPipe
            | ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::HostUnreachable
            | ErrorKind::Interrupted
            | ErrorKind::NetworkDown
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NotConnected
            | ErrorKind::ResourceBusy
            | ErrorKind::StaleNetworkFileHandle
            | ErrorKind::TimedOut
            | ErrorKind::UnexpectedEof
            | ErrorKind::WouldBlock
    )
}

/// Returns true if `error` says that nothing may be written where the lock should be.
pub(super) fn is_read_only(error: &Error) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem);
        }
        source = error.source();
    }
    false
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
