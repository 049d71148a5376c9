//! One round of one contender.

use std::error::Error;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::str::FromStr;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use crate::alloc;

/// A way to write lines to files.
pub trait Files {
    /// The log of one thread in one round.
    type Log: Send;

    /// Opens the file at `path`, which is not there yet, or files whose names begin with its stem.
    fn open(path: &Path) -> Result<Self::Log, Box<dyn Error>>;

    /// Logs this many records.
    fn log(log: &mut Self::Log, records: u64);

    /// Returns when the system has all of them.
    fn finish(logs: Vec<Self::Log>) {
        drop(logs);
    }
}

/// [`play`] for one contender.
pub type Play = fn(usize, u64) -> Result<Round, Box<dyn Error>>;

/// The result of a round.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// The records of all threads.
    records: u64,
    /// From the first log call until the system had the last line.
    time: Duration,
    /// The sum over all threads of the time from a thread's first log call to the return of its last one.
    caller_time: Duration,
    /// By the threads that log. Allocations of other threads are not counted.
    allocations: u64,
    pub lost: u64,
}

/// Has each of `threads` threads log `records` records.
pub fn play<F: Files>(threads: usize, records: u64) -> Result<Round, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let paths: Vec<_> = (0..threads).map(|thread| folder.path().join(format!("{thread}.log"))).collect();
    let logs = paths.iter().map(|path| F::open(path)).collect::<Result<Vec<_>, _>>()?;
    let barrier = Barrier::new(threads);
    let produced = thread::scope(|scope| {
        let threads = logs.into_iter().map(|log| scope.spawn(|| produce::<F>(log, records, &barrier)));
        let threads: Vec<_> = threads.collect();
        let produced = threads.into_iter().map(|thread| thread.join().map_err(|_| "a thread panicked"));
        produced.collect::<Result<Vec<_>, _>>()
    })?;
    let start = produced.iter().map(|produced| produced.start).min().ok_or("there are no threads")?;
    let mut round = Round { records: 0, time: Duration::ZERO, caller_time: Duration::ZERO, allocations: 0, lost: 0 };
    for produced in &produced {
        round.records += records;
        round.caller_time += produced.time;
        round.allocations += produced.allocations;
    }
    F::finish(produced.into_iter().map(|produced| produced.log).collect());
    round.time = start.elapsed();
    for thread in 0..threads {
        round.lost += (WARM_UP + records).abs_diff(lines_in(folder.path(), &format!("{thread}."))?);
    }
    Ok(round)
}

/// How many lines there are in the files whose names begin so.
fn lines_in(folder: &Path, start: &str) -> io::Result<u64> {
    let mut lines = 0;
    for file in fs::read_dir(folder)? {
        let file = file?;
        if file.file_name().to_string_lossy().starts_with(start) {
            lines += fs::read(file.path())?.iter().filter(|byte| **byte == b'\n').count() as u64;
        }
    }
    Ok(lines)
}

/// The first records make what is cached for a thread or a callsite, which is not to be measured.
const WARM_UP: u64 = 10;

struct Produced<L> {
    log: L,
    start: Instant,
    time: Duration,
    allocations: u64,
}

fn produce<F: Files>(mut log: F::Log, records: u64, barrier: &Barrier) -> Produced<F::Log> {
    F::log(&mut log, WARM_UP);
    barrier.wait();
    let (start, requests) = (Instant::now(), alloc::requests());
    F::log(&mut log, records);
    Produced { start, time: start.elapsed(), allocations: alloc::requests() - requests, log }
}

impl Round {
    pub fn nanos_per_record(&self) -> f64 {
        nanos(self.time) / self.records as f64
    }

    pub fn caller_nanos_per_record(&self) -> f64 {
        nanos(self.caller_time) / self.records as f64
    }

    pub fn allocations_per_record(&self) -> f64 {
        self.allocations as f64 / self.records as f64
    }
}

fn nanos(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}

/// The form in which a child answers.
impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Round { records, time, caller_time, allocations, lost } = self;
        write!(f, "{records} {} {} {allocations} {lost}", time.as_nanos(), caller_time.as_nanos())
    }
}

impl FromStr for Round {
    type Err = Box<dyn Error>;

    fn from_str(answer: &str) -> Result<Round, Self::Err> {
        let numbers = answer.split(' ').map(str::parse).collect::<Result<Vec<u64>, _>>()?;
        let [records, time, caller_time, allocations, lost] = numbers[..] else {
            return Err("an answer is five numbers".into());
        };
        let (time, caller_time) = (Duration::from_nanos(time), Duration::from_nanos(caller_time));
        Ok(Round { records, time, caller_time, allocations, lost })
    }
}
