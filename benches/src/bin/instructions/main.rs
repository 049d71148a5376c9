//! Runs one job a given number of times, so that `valgrind --tool=callgrind` can count its instructions. `benches/count-instructions` does so.
//!
//! ```text
//! instructions JOB TIMES    runs a job
//! instructions --list       prints the names of the jobs
//! ```
//!
//! The difference between two runs of different length, divided by the difference in length, is what one operation executes. Each run is
//! a process of its own, because a process has one global subscriber.
//!
//! Nothing in a job may depend on the time or on the order in which threads run: the contexts have a manual clock that stands still, the
//! outputs discard what they are given, and only the loop over the operations is counted, on the first thread.

mod queued;

use std::error::Error;
use std::time::{Duration, Instant, SystemTime};

use logscope::{Clock, Format, ManualClock, Origin};
use logscope_bench::harness::Subject;
use logscope_bench::subjects;

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// Makes the subject of a job.
type Make = fn(Clock) -> Subject;

/// The jobs by name, in the order of the table.
const JOBS: &[(&str, Make)] = &[
    ("text", |clock| subjects::line(Format::text(), clock)),
    ("json", |clock| subjects::line(Format::json(), clock)),
    ("logfmt", |clock| subjects::line(Format::logfmt(), clock)),
    ("build", |clock| subjects::line(Format::build(), clock)),
    ("layout", |clock| subjects::line(Format::custom(subjects::LikeText), clock)),
    ("moved", |clock| subjects::line_after_move(Format::text(), clock)),
    ("unwanted", |_| subjects::unwanted()),
    ("unclaimed", subjects::unclaimed),
    ("scope", |_| subjects::scope()),
    ("guard", |_| subjects::guard()),
    ("poll", |_| subjects::poll()),
    ("queue", queued::subject),
    ("context", subjects::context),
];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--list"] => JOBS.iter().for_each(|(name, _)| println!("{name}")),
        [job, times] => run(job, times.parse()?)?,
        _ => return Err("usage: instructions JOB TIMES, or instructions --list".into()),
    }
    Ok(())
}

fn run(job: &str, times: u64) -> Result<()> {
    let (_, make) = JOBS.iter().find(|(name, _)| *name == job).ok_or_else(|| format!("there is no job {job:?}"))?;
    logscope::configure().ceiling(subjects::CEILING).install()?;
    make(manual_clock())(times);
    Ok(())
}

/// A clock that stands at the same wall-clock time in every run, so that every run writes the same digits.
fn manual_clock() -> Clock {
    let wall = SystemTime::UNIX_EPOCH + Duration::from_micros(1_765_432_109_876_543);
    let clock = ManualClock::at(Origin::from_parts(Instant::now(), wall));
    Clock::from(clock)
}
