//! The system's clocks by the processor's counter: one reading tells the monotonic time and the wall-clock time, for less than half of what
//! either clock costs.
//!
//! A thread keeps an [anchor](Anchor): a moment at which it read the counter and both clocks together. To that it adds what the counter has gone
//! on since. After [`WINDOW`](crate::limits::counter::WINDOW) ticks, about a hundredth of a second, it reads the clocks anew. So a clock that is set or slewed is
//! followed within that time, and no error lasts longer, however wrong the counter is. How long a tick is, is [measured](Rates) against the
//! monotonic clock, over a tenth of a second and more, for the whole process.
//!
//! While the system's clocks run evenly, this holds:
//!
//! - Within a thread, the monotonic time never goes back, also from one anchor to the next.
//! - It is behind the system's by less than 50 ns, so two threads are within 50 ns of each other. A clock takes about 20 ns to be read, and ticks
//!   are taken to be a millionth shorter than measured, so that a new anchor is not behind the old one. (Over a minute, 52 million readings of two
//!   threads on two busy cores: none was behind the system's clock by 5 ns, and one in more than 10,000 was behind what the other thread had read
//!   before, by 3.4 µs at most: see [`tsc::read`].)
//!
//! While Linux slews its clocks, by 0.05% at most, a window can be 7 µs off.
//!
//! The counter is used where Linux itself tells the time by it (its clock source is `tsc`): the kernel has found that it runs evenly, also
//! while a processor sleeps, and that all processors agree. Elsewhere, on other systems, in the first moments of a process, and
//! whenever a measurement contradicts the one before, the clocks are read as always.
//!
//! The crates `quanta` and `fastant` replace `Instant::now` in the same way. Both measure the rate once, for which the first caller waits or a
//! constructor runs before `main`; neither follows a clock that is slewed, and neither tells the wall-clock time.

mod anchor;
mod rates;
#[cfg(test)]
mod tests;
mod tsc;

use std::cell::Cell;
use std::fs::File;
use std::io::Read as _;
use std::time::{Duration, Instant, SystemTime};

use anchor::{Anchor, Times};
use rates::{Observed, Rate, Rates, Sample};

use super::reading::{Reading, Wall};
use crate::limits::counter::{ATTEMPTS, READING};
use crate::sync::{AtomicU64, Mutex, OnceLock, Ordering};

/// The length of a tick, if it is known and the counter is trusted.
///
/// Relaxed: nothing else is read on the strength of it. A thread that sees an old value measures with that.
static RATE: AtomicU64 = AtomicU64::new(UNKNOWN);
const UNKNOWN: u64 = 0;
/// The system does not trust the counter.
const NEVER: u64 = u64::MAX;

/// It is only ever tried, so nobody waits for it. In a child that was forked off while somebody held it, the rate stays as it is.
static RATES: Mutex<Rates> = Mutex::new(Rates::new());

/// From where monotonic times count.
static EPOCH: OnceLock<Instant> = OnceLock::new();

thread_local! {
    // Without destructors, so that the destructors of other thread-locals can read the time.
    static ANCHOR: Cell<Anchor> = const { Cell::new(Anchor::NONE) };
    /// The latest monotonic time that this thread was told.
    static LATEST: Cell<u64> = const { Cell::new(0) };
}

/// Reads the system's clocks.
#[inline]
pub(super) fn read() -> Reading {
    let rate = RATE.load(Ordering::Relaxed);
    if rate != UNKNOWN
        && rate != NEVER
        && let Some(times) = ANCHOR.get().at(tsc::read())
    {
        return told(times);
    }
    read_clocks()
}

#[inline]
fn told(times: Times) -> Reading {
    LATEST.set(times.monotonic);
    match EPOCH.get() {
        Some(epoch) => {
            Reading { instant: *epoch + Duration::from_nanos(times.monotonic), wall: Wall::SinceUnixEpoch(times.wall) }
        }
        None => unreachable!("the times of an anchor count from the epoch"),
    }
}

/// Reads the clocks themselves. Anchors this thread if the counter is trusted.
#[cold]
#[inline(never)]
fn read_clocks() -> Reading {
    let now = Instant::now();
    if RATE.load(Ordering::Relaxed) == NEVER {
        return Reading { instant: now, wall: Wall::Unread };
    }
    let epoch = *EPOCH.get_or_init(|| now);
    let monotonic = nanos(now.saturating_duration_since(epoch));
    if let Some(mut rates) = RATES.try_lock()
        && rates.is_due(monotonic)
        && let Some(sample) = sample(epoch)
    {
        follow(rates.observe(&sample));
    }
    let anchor = rate().and_then(|rate| Some(Anchor::new(&sample(epoch)?, rate, LATEST.get())));
    if let Some(anchor) = anchor {
        ANCHOR.set(anchor);
        return told(anchor.times());
    }
    // The counter may have been ahead.
    let latest = monotonic.max(LATEST.get());
    LATEST.set(latest);
    Reading { instant: epoch + Duration::from_nanos(latest), wall: Wall::Unread }
}

fn rate() -> Option<Rate> {
    match RATE.load(Ordering::Relaxed) {
        UNKNOWN | NEVER => None,
        rate => Some(Rate::from_bits(rate)),
    }
}

/// Has the threads use what was measured.
fn follow(observed: Observed) {
    let rate = match observed {
        Observed::Nothing => return,
        Observed::Contradiction => UNKNOWN,
        // Asked when there is a rate, so that a short process does not ask, and again after each contradiction.
        Observed::Rate(_) if rate().is_none() && !is_trusted_by_system() => NEVER,
        Observed::Rate(rate) => rate.to_bits(),
    };
    RATE.store(rate, Ordering::Relaxed);
}

/// Reads the counter and both clocks. `None` if something came in between, again and again, or if the wall clock is before 1970.
fn sample(epoch: Instant) -> Option<Sample> {
    for _ in 0..ATTEMPTS {
        let before = tsc::read();
        let monotonic = Instant::now();
        // The counter after the clock: the time that it then stands for has passed.
        let ticks = tsc::read();
        let wall = SystemTime::now();
        let wall_ticks = tsc::read();
        if wall_ticks.wrapping_sub(before) < READING {
            let wall = nanos(wall.duration_since(SystemTime::UNIX_EPOCH).ok()?);
            let since = rate().map_or(0, |rate| rate.nanos(wall_ticks - ticks));
            let monotonic = nanos(monotonic.saturating_duration_since(epoch));
            return Some(Sample { ticks, monotonic, wall: wall.saturating_sub(since) });
        }
    }
    None
}

/// Whether Linux tells the time by the counter. Allocates nothing: this may be a log call of the allocator.
fn is_trusted_by_system() -> bool {
    let mut name = [0; 16];
    let read = File::open("/sys/devices/system/clocksource/clocksource0/current_clocksource")
        .and_then(|mut file| file.read(&mut name));
    matches!(read, Ok(length) if name[..length].trim_ascii_end() == b"tsc")
}

/// As nanoseconds: 584 years at most.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
