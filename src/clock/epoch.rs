//! The epoch of the counter: from where its monotonic times count, in nanoseconds. Instants are made of them when they are asked for; the calculation
//! with two instants takes longer than all else that is done for the time of a record.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::sync::OnceLock;

/// Set under the lock of the counter's rates, so that no forked child waits for a thread of its parent which sets it.
pub(super) static EPOCH: OnceLock<Instant> = OnceLock::new();

thread_local! {
    // Without destructor, so that the destructors of other thread-locals can read the time.
    static LAST_ORIGIN: Cell<LastOrigin> = const { Cell::new(LastOrigin { instant: None, since_epoch: 0 }) };
}

/// The origin from which a thread counted last, and how many nanoseconds it is after the epoch.
#[derive(Clone, Copy)]
struct LastOrigin {
    instant: Option<Instant>,
    since_epoch: i64,
}

/// How far an origin is from the epoch at most, to be remembered: a century.
const LONG: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Returns the instant so many nanoseconds after the epoch, which is set: times by the counter count from it.
#[inline]
pub(super) fn instant(monotonic: u64) -> Instant {
    match EPOCH.get() {
        Some(epoch) => *epoch + Duration::from_nanos(monotonic),
        None => unreachable!("the times of an anchor count from the epoch"),
    }
}

/// Returns the time from `origin` to so many nanoseconds after the epoch, or zero if that is earlier.
#[inline]
pub(super) fn elapsed(origin: Instant, monotonic: u64) -> Duration {
    let LastOrigin { instant, since_epoch } = LAST_ORIGIN.get();
    if instant == Some(origin) { after(since_epoch, monotonic) } else { elapsed_since_another(origin, monotonic) }
}

/// Returns the time between two moments in nanoseconds since the epoch, or zero if the second is earlier.
#[inline]
fn after(since_epoch: i64, monotonic: u64) -> Duration {
    Duration::from_nanos(monotonic.cast_signed().saturating_sub(since_epoch).max(0).cast_unsigned())
}

#[cold]
#[inline(never)]
fn elapsed_since_another(origin: Instant, monotonic: u64) -> Duration {
    if let Some(&epoch) = EPOCH.get() {
        let (distance, is_later) = match origin.checked_duration_since(epoch) {
            Some(distance) => (distance, true),
            None => (epoch.saturating_duration_since(origin), false),
        };
        // An origin that is centuries away is not remembered, so that no number overflows.
        if distance < LONG {
            let nanos = nanos(distance).cast_signed();
            let since_epoch = if is_later { nanos } else { -nanos };
            LAST_ORIGIN.set(LastOrigin { instant: Some(origin), since_epoch });
            return after(since_epoch, monotonic);
        }
    }
    instant(monotonic).saturating_duration_since(origin)
}

/// As nanoseconds: 584 years at most.
pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
