//! The system's clocks by the processor's counter: one reading tells the monotonic time and the wall-clock time, for less than half of what
//! either clock costs.
//!
//! A thread keeps an [anchor](Anchor): a moment at which it read the counter and both clocks together. To that it adds what the counter has gone
//! on since. After [`WINDOW`](crate::limits::counter::WINDOW) ticks, about a hundredth of a second, it reads the clocks anew. So a clock that is set
//! or slewed is followed within that time. How long a tick is, is [measured](Rates) against the monotonic clock, over a tenth of a second and
//! more, for the whole process.
//!
//! While the system's clocks run evenly, this holds:
//!
//! - Within a thread, the monotonic time never goes back. If an anchor is behind what the thread was told before, the time stands still meanwhile.
//! - It is behind the system's by less than 50 ns, so two threads are within 50 ns of each other. A clock takes about 20 ns to be read, and ticks
//!   are taken to be a millionth shorter than measured, so that a new anchor is not behind the old one. (Over a minute, 52 million readings of two
//!   threads on two busy cores: none was behind the system's clock by 5 ns, and less than one in 10,000 was behind what the other thread had read
//!   before, by 3.4 µs at most: see [`tsc::read`].)
//!
//! A clock that is slewed is off by so much as it is slewed in one window: by 7 µs for 0.05%, which NTP uses, and by 26 µs at most, since more
//! than 0.2% counts as a contradiction.
//!
//! The counter is used where Linux itself tells the time by it (its clock source is `tsc`): the kernel has found that it runs evenly, also
//! while a processor sleeps, and that all processors agree. Elsewhere, on other systems, in the first third of a second of a process, where
//! reading the counter and the clocks takes long, and whenever a measurement contradicts the one before, the clocks are read as always.
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
use std::io::{self, Read as _};
use std::time::{Duration, Instant, SystemTime};

use anchor::{Anchor, Times};
use rates::{Observed, Rate, Rates, Sample};

use super::epoch::{EPOCH, nanos};
use super::reading::{Reading, Wall};
use crate::limits::counter::{ATTEMPTS, MEASUREMENT, READING};
use crate::sync::{AtomicU8, AtomicU64, Mutex, Ordering};

/// The length of a tick, if it is known and the counter is trusted.
///
/// Relaxed: nothing else is read on the strength of it. A thread that sees an old value measures with that.
static RATE: AtomicU64 = AtomicU64::new(UNKNOWN);
const UNKNOWN: u64 = 0;
/// The system does not trust the counter.
const NEVER: u64 = u64::MAX;

/// It is only ever tried, so nobody waits for it. In a child that was forked off while somebody held it, the rate stays as it is.
static RATES: Mutex<Rates> = Mutex::new(Rates::new());

/// When the next measurement is due. Relaxed, as the rate. Not in the first tenth of a second: a short process measures nothing.
static DUE: AtomicU64 = AtomicU64::new(MEASUREMENT);

/// What the system has said of the counter, in [`ask_system`]. Relaxed: it stands for itself.
static TRUST: AtomicU8 = AtomicU8::new(UNASKED);
const UNASKED: u8 = 0;
const TRUSTED: u8 = 1;
const NOT_TRUSTED: u8 = 2;

thread_local! {
    // Without destructors, so that the destructors of other thread-locals can read the time.
    static ANCHOR: Cell<Anchor> = const { Cell::new(Anchor::NONE) };
    /// The latest monotonic time that this thread was told.
    static LATEST: Cell<u64> = const { Cell::new(0) };
}

/// Reads the system's clocks.
#[inline]
pub(super) fn read() -> Reading {
    match times() {
        Some(times) => told(times),
        None => read_clocks(),
    }
}

/// Reads the system's wall clock.
#[inline]
pub(super) fn wall() -> SystemTime {
    match times() {
        Some(times) => Wall::SinceUnixEpoch(times.wall).or_read(SystemTime::now),
        None => SystemTime::now(),
    }
}

/// Returns the times by the counter, if this thread has an anchor.
#[inline]
fn times() -> Option<Times> {
    let rate = RATE.load(Ordering::Relaxed);
    if rate == UNKNOWN || rate == NEVER {
        return None;
    }
    ANCHOR.get().at(tsc::read())
}

#[inline]
fn told(times: Times) -> Reading {
    let monotonic = times.monotonic.max(LATEST.get());
    LATEST.set(monotonic);
    Reading::of_counter(monotonic, times.wall)
}

/// Reads the clocks themselves. Anchors this thread if the counter is trusted.
#[cold]
#[inline(never)]
fn read_clocks() -> Reading {
    let now = Instant::now();
    if RATE.load(Ordering::Relaxed) == NEVER {
        return Reading::without_wall(now);
    }
    let Some(&epoch) = EPOCH.get() else {
        if let Some(_rates) = RATES.try_lock() {
            let _by_another_thread = EPOCH.set(now);
        }
        return Reading::without_wall(now);
    };
    let monotonic = nanos(now.saturating_duration_since(epoch));
    if monotonic >= DUE.load(Ordering::Relaxed)
        && let Some(mut rates) = RATES.try_lock()
    {
        // Before the attempt: if it fails, the next one is as far away.
        DUE.store(monotonic.saturating_add(MEASUREMENT), Ordering::Relaxed);
        measure(&mut rates, epoch);
    }
    if let Some(rate) = rate() {
        if let Some(sample) = sample(epoch) {
            let anchor = Anchor::new(&sample, rate);
            ANCHOR.set(anchor);
            return told(anchor.times());
        }
        // Here the counter costs more than it saves, until the next measurement at least.
        RATE.store(UNKNOWN, Ordering::Relaxed);
    }
    // The counter may have been ahead.
    let latest = monotonic.max(LATEST.get());
    LATEST.set(latest);
    Reading::without_wall(epoch + Duration::from_nanos(latest))
}

fn rate() -> Option<Rate> {
    match RATE.load(Ordering::Relaxed) {
        UNKNOWN | NEVER => None,
        rate => Some(Rate::from_bits(rate)),
    }
}

/// Measures the rate, if the system trusts the counter.
fn measure(rates: &mut Rates, epoch: Instant) {
    let rate = match ask_system() {
        NOT_TRUSTED => NEVER,
        TRUSTED => match sample(epoch).map_or(Observed::Contradiction, |sample| rates.observe(&sample)) {
            Observed::Nothing => return,
            Observed::Contradiction => UNKNOWN,
            Observed::Rate(rate) => rate.to_bits(),
        },
        _ => return,
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
        let after = wall_ticks.wrapping_sub(ticks);
        if ticks.wrapping_sub(before) < READING && after < READING {
            let wall = nanos(wall.duration_since(SystemTime::UNIX_EPOCH).ok()?);
            let since = rate().map_or(0, |rate| rate.nanos(after));
            let monotonic = nanos(monotonic.saturating_duration_since(epoch));
            return Some(Sample { ticks, monotonic, wall: wall.saturating_sub(since) });
        }
    }
    None
}

/// Asks the system whether it tells the time by the counter, unless it has said so before: when logscope is installed, since a process may give up
/// the right to open files after that, and else when the first measurement begins. Allocates nothing: this may be a log call of the allocator.
pub(super) fn ask_system() -> u8 {
    let known = TRUST.load(Ordering::Relaxed);
    if known != UNASKED {
        return known;
    }
    let mut name = [0; 16];
    let read = File::open("/sys/devices/system/clocksource/clocksource0/current_clocksource")
        .and_then(|mut file| file.read(&mut name));
    let said = match read {
        Ok(length) if name[..length].trim_ascii_end() == b"tsc" => TRUSTED,
        Ok(_) => NOT_TRUSTED,
        Err(error) if error.kind() == io::ErrorKind::NotFound => NOT_TRUSTED,
        // For the moment: there may be too many open files.
        Err(_) => UNASKED,
    };
    TRUST.store(said, Ordering::Relaxed);
    said
}
