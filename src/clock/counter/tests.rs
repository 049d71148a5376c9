use std::sync::atomic::{AtomicU64 as Shared, Ordering as Order};
use std::thread;

use proptest::prelude::*;

use super::super::Origin;
use super::super::epoch::elapsed;
use super::*;
use crate::limits::counter::{MEASUREMENT, WINDOW};

/// A processor's counter, and the clocks of its system, by which a tick takes `per_mille / 1000` ns.
#[derive(Clone, Copy)]
struct Machine {
    ticks: u64,
    monotonic: u64,
    wall: u64,
    per_mille: u64,
}

impl Machine {
    fn new(per_mille: u64) -> Self {
        Machine { ticks: 1 << 40, monotonic: 5_000, wall: 1_700_000_000_000_000_000, per_mille }
    }

    fn run(&mut self, ticks: u64) {
        let nanos = ticks * self.per_mille / 1_000;
        self.ticks += ticks;
        self.monotonic += nanos;
        self.wall += nanos;
    }

    fn run_nanos(&mut self, nanos: u64) {
        self.run(nanos * 1_000 / self.per_mille);
    }

    fn sample(&self) -> Sample {
        Sample { ticks: self.ticks, monotonic: self.monotonic, wall: self.wall }
    }

    fn measure(&mut self, rates: &mut Rates) -> Observed {
        self.run_nanos(MEASUREMENT + 1_000);
        rates.observe(&self.sample())
    }

    fn rate(&mut self) -> Rate {
        let mut rates = Rates::new();
        for _ in 0..2 {
            assert_eq!(self.measure(&mut rates), Observed::Nothing);
        }
        match self.measure(&mut rates) {
            Observed::Rate(rate) => rate,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_rate_is_used_once_two_measurements_agree_and_no_more_after_a_contradiction() {
    let (mut machine, mut rates) = (Machine::new(4_000), Rates::new());
    assert_eq!(machine.measure(&mut rates), Observed::Nothing, "a measurement begins");
    assert_eq!(machine.measure(&mut rates), Observed::Nothing, "one");
    assert!(matches!(machine.measure(&mut rates), Observed::Rate(_)));
    // Linux slews its clocks by so much at most.
    machine.per_mille = 4_002;
    assert!(matches!(machine.measure(&mut rates), Observed::Rate(_)));
    // The machine was suspended: the counter has gone on.
    machine.ticks += 3_000_000_000;
    assert_eq!(machine.measure(&mut rates), Observed::Contradiction);
    assert_eq!(machine.measure(&mut rates), Observed::Contradiction, "that was no rate of this machine");
    assert!(matches!(machine.measure(&mut rates), Observed::Rate(_)), "two measurements agree");
    // It goes on with a counter that was set back.
    machine.ticks = 7;
    assert_eq!(machine.measure(&mut rates), Observed::Contradiction);
    assert_eq!(machine.measure(&mut rates), Observed::Nothing);
    assert!(matches!(machine.measure(&mut rates), Observed::Rate(_)));
}

#[test]
fn no_anchor_tells_a_time_after_its_window_or_before_it() {
    let mut machine = Machine::new(400);
    let rate = machine.rate();
    let anchor = Anchor::new(&machine.sample(), rate);
    assert!(anchor.at(machine.ticks + WINDOW - 1).is_some());
    for ticks in [machine.ticks + WINDOW, machine.ticks - 1, 0, u64::MAX] {
        assert_eq!(anchor.at(ticks), None);
    }
    for ticks in [0, 1, WINDOW, machine.ticks] {
        assert_eq!(Anchor::NONE.at(ticks), None);
    }
}

proptest! {
    /// A thread that reads a counter of any frequency, at any times: its time never goes back, and is behind the clock's by a millionth of a window
    /// at most, and by what reading it took.
    #[test]
    fn the_time_of_a_thread_never_goes_back_and_is_right(
        per_mille in 20_u64..15_000,
        late in 0_u64..20,
        pauses in prop::collection::vec(0_u64..3 * WINDOW, 1..200),
    ) {
        let mut machine = Machine::new(per_mille);
        let rate = machine.rate();
        let (mut anchor, mut latest) = (Anchor::NONE, 0);
        for (n, pause) in pauses.into_iter().enumerate() {
            machine.run(pause);
            let times = anchor.at(machine.ticks).unwrap_or_else(|| {
                // The counter is read some nanoseconds after the clock.
                let since = if n % 2 == 0 { late } else { 0 };
                let mut sample = machine.sample();
                sample.monotonic -= since;
                sample.wall -= since;
                anchor = Anchor::new(&sample, rate);
                anchor.times()
            });
            // What the thread is told.
            let times = Times { monotonic: times.monotonic.max(latest), ..times };
            // A measurement is exact to a nanosecond.
            let window = WINDOW * per_mille / 1_000;
            let most = late + window / (1 << 20) + window / MEASUREMENT + 3;
            prop_assert!(machine.monotonic + 1 >= times.monotonic, "{} is ahead of {}", times.monotonic, machine.monotonic);
            prop_assert!(machine.monotonic - times.monotonic.min(machine.monotonic) <= most);
            prop_assert!(machine.wall.abs_diff(times.wall) <= most);
            latest = times.monotonic;
        }
    }
}

#[test]
fn the_time_of_a_thread_that_was_told_a_later_one_stands_still_until_then() {
    let told_at = |monotonic| told(Times { monotonic, wall: 7 });
    thread::spawn(move || {
        let epoch = *EPOCH.get_or_init(Instant::now);
        let after = |nanos| epoch + Duration::from_nanos(nanos);
        assert_eq!(told_at(5_000).instant(), after(5_000));
        // An anchor that is behind: the one before was ahead.
        let behind = told_at(4_000);
        assert_eq!(behind.instant(), after(5_000));
        assert_eq!(behind.wall().or_read(SystemTime::now), SystemTime::UNIX_EPOCH + Duration::from_nanos(7));
        assert_eq!(told_at(5_001).instant(), after(5_001));
    })
    .join()
    .expect("it holds");
}

/// Whether this machine tells the time by its counter. Waits until it does, if the system trusts it.
fn uses_the_counter() -> bool {
    let start = Instant::now();
    loop {
        let _ = read_clocks();
        match RATE.load(Ordering::Relaxed) {
            NEVER => return false,
            UNKNOWN => assert!(start.elapsed() < Duration::from_secs(60), "two measurements agree"),
            _ => return true,
        }
        thread::yield_now();
    }
}

/// How far two readings of one moment are apart at most. Far more than is promised: this machine may do anything between two instructions, but
/// the readings on both sides bound what is asked for.
const SLACK: Duration = Duration::from_micros(2);

#[test]
fn both_times_are_those_of_the_system() {
    if !uses_the_counter() {
        return;
    }
    let start = Instant::now();
    let mut last = read().instant();
    while start.elapsed() < Duration::from_millis(300) {
        let (before, wall_before) = (Instant::now(), SystemTime::now());
        let reading = read();
        let (after, wall_after) = (Instant::now(), SystemTime::now());
        assert!(reading.instant() >= last, "it never goes back");
        assert!(reading.instant() + SLACK >= before && reading.instant() <= after + SLACK);
        let wall = reading.wall().or_read(SystemTime::now);
        // Somebody may set the clock meanwhile.
        if wall_before <= wall_after {
            assert!(wall + SLACK >= wall_before && wall <= wall_after + SLACK);
        }
        last = reading.instant();
    }
}

#[test]
fn elapsed_times_are_those_of_the_instants() {
    let epoch = *EPOCH.get_or_init(Instant::now);
    let wall = SystemTime::UNIX_EPOCH;
    let now = 3 * 86_400_000_000_007;
    let years = |years: u64| Duration::from_secs(years * 365 * 86_400);
    let ages = [0, 1, 999_999_999, now - 1, now, now + 1].map(Duration::from_nanos);
    let ages = ages.into_iter().chain([years(99), years(101), years(400), years(800)]);
    let origins = ages.flat_map(|age| [epoch.checked_add(age), epoch.checked_sub(age)]).flatten();
    let origins: Vec<_> = origins.map(|instant| Origin::from_parts(instant, wall)).collect();
    assert!(origins.len() > 10, "the system knows instants before the epoch");
    // The first reads after another origin, and the second after itself.
    for monotonic in [now, now + 1_000] {
        for origin in origins.iter().chain(origins.iter().rev()) {
            for _ in 0..2 {
                let expected = origin.elapsed_at(epoch + Duration::from_nanos(monotonic));
                assert_eq!(elapsed(origin.instant(), monotonic), expected, "{origin:?}");
            }
        }
    }
}

#[test]
fn what_a_thread_reads_after_another_is_not_before_it() {
    if !uses_the_counter() {
        return;
    }
    let epoch = *EPOCH.get().expect("the counter is in use");
    // What was read last by any thread, which each reading of every thread follows.
    let latest = Shared::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200_000 {
                    let before = latest.load(Order::SeqCst);
                    let now = nanos(read().instant() - epoch);
                    // Far more than what a processor reads early while it waits for another core.
                    assert!(now + 5 * nanos(SLACK) >= before, "{now} after {before}");
                    latest.fetch_max(now, Order::SeqCst);
                }
            });
        }
    });
}

/// How far the counter's times are from the system's, and one thread's from another's:
/// `cargo test --release --all-features --lib -- --ignored --nocapture over_a_minute`.
#[test]
#[ignore = "takes a minute, and prints what is measured"]
fn over_a_minute() {
    assert!(uses_the_counter(), "the system does not tell the time by the counter");
    let epoch = *EPOCH.get().expect("the counter is in use");
    let latest = Shared::new(0);
    let end = Instant::now() + Duration::from_secs(60);
    let measure = || {
        let (mut behind, mut wall_apart, mut threads_apart) = (Vec::new(), Vec::new(), Vec::new());
        while Instant::now() < end {
            let (before, wall_before) = (Instant::now(), SystemTime::now());
            let other = latest.load(Order::SeqCst);
            let reading = read();
            let (wall_after, after) = (SystemTime::now(), Instant::now());
            assert!(reading.instant() <= after + SLACK);
            behind.push(nanos(before.saturating_duration_since(reading.instant())));
            let wall = reading.wall().or_read(SystemTime::now);
            let apart = wall_before.duration_since(wall).or_else(|_| wall.duration_since(wall_after));
            wall_apart.push(nanos(apart.unwrap_or_default()));
            let now = nanos(reading.instant() - epoch);
            threads_apart.push(other.saturating_sub(now));
            latest.fetch_max(now, Order::SeqCst);
        }
        [behind, wall_apart, threads_apart]
    };
    let measured =
        thread::scope(|scope| [scope.spawn(measure), scope.spawn(measure)].map(|thread| thread.join().unwrap()));
    for (what, number) in [("behind the system's clock", 0), ("wall-clock time", 1), ("behind another thread", 2)] {
        let mut values: Vec<_> = measured.iter().flat_map(|measured| &measured[number]).collect();
        values.sort_unstable();
        let part = |part: f64| values[((values.len() - 1) as f64 * part) as usize];
        println!(
            "{what}: {} ns in 99%, {} in 99.99%, {} at most, of {}",
            part(0.99),
            part(0.9999),
            part(1.0),
            values.len()
        );
    }
}
