//! Measures two things against each other on a machine that does other things too.
//!
//! Each subject is calibrated to rounds of the same length. The rounds of the two alternate, so that a disturbance of the machine
//! affects both. The times are medians, and the ratio is the median of the ratios of neighbouring rounds.
//! Time is thread time, which stands still while other programs run, because no subject waits for anything. (The jobs that write files
//! are measured in another way: see their module.)

use std::time::{Duration, Instant};

use cpu_time::ThreadTime;

use crate::alloc;

/// One operation to measure: runs it this many times, and returns what that took.
pub type Subject = Box<dyn FnMut(u64) -> Sample>;

/// What a number of operations took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    pub time: Duration,
    pub allocations: u64,
}

/// Measures `operation`.
pub fn subject(operation: impl FnMut() + 'static) -> Subject {
    within(|round| round(), operation)
}

/// Measures `operation` inside `around`, which is entered once for a whole round: a scope, a subscriber, a span.
pub fn within(around: impl Fn(&mut dyn FnMut()) + 'static, mut operation: impl FnMut() + 'static) -> Subject {
    Box::new(move |times| {
        let mut sample = Sample::default();
        around(&mut || {
            // The first call makes what is cached for a span or a thread, which is not to be measured.
            operation();
            let requests = alloc::requests();
            let start = ThreadTime::now();
            repeat(times, &mut operation);
            sample = Sample { time: start.elapsed(), allocations: alloc::requests() - requests };
        });
        sample
    })
}

/// Apart and never inlined, because instructions are counted inside this function alone: `benches/count-instructions` knows it by name.
#[inline(never)]
fn repeat(times: u64, operation: &mut impl FnMut()) {
    for _ in 0..times {
        operation();
    }
}

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How long both sides run before the first round, at least. A process knows the rate of its processor's counter after a third of a second, and
    /// tells the time by the system's clocks until then; measured without a pause, half the rounds would be of one kind, and half of the other.
    pub warm_up: Duration,
    pub rounds: usize,
    pub round: Duration,
    /// For the jobs that write files, whose rounds have a fixed size.
    pub file_rounds: usize,
    /// How many records a thread writes to its file in a round.
    pub records: u64,
}

impl Plan {
    /// For reliable numbers.
    pub const FULL: Plan = Plan {
        warm_up: Duration::from_millis(600),
        rounds: 31,
        round: Duration::from_millis(12),
        file_rounds: 11,
        records: 100_000,
    };
    /// To see that everything runs.
    pub const QUICK: Plan =
        Plan { warm_up: Duration::ZERO, rounds: 5, round: Duration::from_millis(2), file_rounds: 3, records: 10_000 };
}

/// The result: nanoseconds and allocations for each operation.
#[derive(Clone, Copy, Debug)]
pub struct Comparison {
    pub ours: f64,
    pub theirs: f64,
    /// Their time divided by ours: above 1 we are faster.
    pub ratio: f64,
    pub our_allocations: f64,
    pub their_allocations: f64,
}

/// Measures `ours` against `theirs`.
pub fn compare(plan: Plan, ours: &mut Subject, theirs: &mut Subject) -> Comparison {
    let begin = Instant::now();
    let (our_times, their_times) = (calibrate(plan, ours), calibrate(plan, theirs));
    while begin.elapsed() < plan.warm_up {
        let _ = (ours(our_times), theirs(their_times));
    }
    let rounds: Vec<(PerOperation, PerOperation)> = (0..plan.rounds)
        .map(|_| (PerOperation::of(ours(our_times), our_times), PerOperation::of(theirs(their_times), their_times)))
        .collect();
    Comparison {
        ours: median(rounds.iter().map(|(ours, _)| ours.nanos)),
        theirs: median(rounds.iter().map(|(_, theirs)| theirs.nanos)),
        ratio: median(rounds.iter().map(|(ours, theirs)| theirs.nanos / ours.nanos)),
        our_allocations: mean(rounds.iter().map(|(ours, _)| ours.allocations)),
        their_allocations: mean(rounds.iter().map(|(_, theirs)| theirs.allocations)),
    }
}

struct PerOperation {
    nanos: f64,
    allocations: f64,
}

impl PerOperation {
    fn of(sample: Sample, times: u64) -> Self {
        let times = times as f64;
        PerOperation { nanos: sample.time.as_secs_f64() * 1e9 / times, allocations: sample.allocations as f64 / times }
    }
}

/// Returns how many operations of `subject` make a round. The calls that find this out warm the subject up.
pub fn calibrate(plan: Plan, subject: &mut Subject) -> u64 {
    let mut times = 1;
    loop {
        let time = subject(times).time;
        if time >= plan.round / 4 {
            return ((times as f64 * plan.round.as_secs_f64() / time.as_secs_f64()) as u64).max(1);
        }
        times *= 2;
    }
}

pub fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = numbers.collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[middle],
        _ => sorted[middle - 1].midpoint(sorted[middle]),
    }
}

/// The mean, not the median, so that one operation of a thousand that allocates shows.
pub fn mean(numbers: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = numbers.fold((0.0, 0.0), |(sum, count), number| (sum + number, count + 1.0));
    sum / count
}
