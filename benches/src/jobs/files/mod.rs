//! Text lines to files on disk, from the first log call to the moment at which the system has the last line.
//!
//! Each thread has a file of its own, new in each round, and with it a context, a subscriber or a logger of its own. Each contender
//! runs in a process of its own, because a process has one global subscriber. The rounds of all contenders alternate, so that a
//! disturbance of the machine affects all. Time is wall-clock time here, because it must include the work of background threads. After
//! each round the lines are counted. [`round`] explains what is measured in a round; [`line`] is the line that all write.

mod background;
mod by_log;
mod hand;
mod line;
mod logscope;
mod round;
mod tracing;

use std::error::Error;

use crate::harness::{self, Comparison, Plan};
use crate::remote::{self, Remote};
use crate::table::{FileRow, Mark};
use round::{Play, Round, play};

/// One way to write lines to files.
struct Contender {
    name: &'static str,
    play: Play,
    /// The marks apart from losing nothing, which every contender that has marks must reach, too: ours.
    marks: &'static [FileMark],
}

/// A mark of one contender.
#[derive(Clone, Copy, Debug)]
enum FileMark {
    /// With one thread, against another contender.
    Against(&'static str, Mark),
    /// At least this many times as many lines in the same time with two threads.
    Scales(f64),
    /// No allocation by a thread that logs.
    NoAllocation,
}

const FORMATTED: &str = "file: line by write!, write(2)";
const BUFFERED: &str = "file: line by write!, into 64 KiB";
const SPDLOG_POOL: &str = "file: spdlog-rs, AsyncPoolSink";
const SPDLOG_BUFFERED: &str = "file: spdlog-rs, FileSink";

const CONTENDERS: &[Contender] = &[
    Contender {
        name: "file: logscope",
        play: play::<logscope::Direct>,
        marks: &[FileMark::Against(FORMATTED, Mark::Faster(1.0)), FileMark::Scales(1.9), FileMark::NoAllocation],
    },
    Contender {
        name: "file: logscope, queued",
        play: play::<logscope::Queued>,
        marks: &[
            FileMark::Against(BUFFERED, Mark::Faster(1.8)),
            FileMark::Against(SPDLOG_POOL, Mark::Faster(4.0)),
            FileMark::Against(SPDLOG_BUFFERED, Mark::Faster(2.0)),
            FileMark::Scales(1.9),
            FileMark::NoAllocation,
        ],
    },
    Contender { name: "file: fmt, a plain File", play: play::<tracing::PlainFile>, marks: &[] },
    Contender { name: "file: fmt, tracing-appender's rolling::never", play: play::<tracing::Rolling>, marks: &[] },
    Contender {
        name: "file: fmt, tracing-appender's non_blocking, lossless",
        play: play::<tracing::NonBlocking>,
        marks: &[],
    },
    Contender { name: "file: env_logger, a plain File", play: play::<by_log::EnvLogger>, marks: &[] },
    Contender { name: "file: logforth, File", play: play::<by_log::Logforth>, marks: &[] },
    Contender { name: "file: logforth, File behind Async", play: play::<by_log::LogforthAsync>, marks: &[] },
    Contender { name: "file: emit_file, JSON, synced", play: play::<background::EmitFile>, marks: &[] },
    Contender { name: "file: slog-async, blocking, JSON", play: play::<background::SlogJson>, marks: &[] },
    Contender { name: "file: slog-async, blocking", play: play::<background::Slog>, marks: &[] },
    Contender { name: SPDLOG_BUFFERED, play: play::<background::SpdlogFile>, marks: &[] },
    Contender { name: "file: spdlog-rs, RotatingFileSink", play: play::<background::SpdlogRotating>, marks: &[] },
    Contender { name: "file: spdlog-rs, WriteSink over BufWriter", play: play::<background::SpdlogWriter>, marks: &[] },
    Contender { name: SPDLOG_POOL, play: play::<background::SpdlogPool>, marks: &[] },
    Contender { name: "file: fixed line, write(2)", play: play::<hand::Fixed>, marks: &[] },
    Contender { name: FORMATTED, play: play::<hand::Formatted>, marks: &[] },
    Contender { name: BUFFERED, play: play::<hand::Buffered>, marks: &[] },
];

/// The numbers of threads.
const THREADS: [usize; 2] = [1, 2];

/// True if the name of any of these jobs contains `word`. They are measured together or not at all.
pub fn are_wanted(word: &str) -> bool {
    CONTENDERS.iter().any(|contender| contender.name.contains(word))
}

/// Runs in a child, if `arrangement` is the name of a contender.
pub fn serve(arrangement: &str) -> Option<Result<(), Box<dyn Error>>> {
    let contender = CONTENDERS.iter().find(|contender| contender.name == arrangement)?;
    Some(remote::answer(|request| {
        let (threads, records) = request.split_once(' ').ok_or("a request is two numbers")?;
        Ok((contender.play)(threads.parse()?, records.parse()?)?.to_string())
    }))
}

/// Measures all contenders.
pub fn run(plan: Plan) -> Result<Vec<FileRow>, Box<dyn Error>> {
    let processes = CONTENDERS.iter().map(|contender| Remote::start(contender.name)).collect::<Result<Vec<_>, _>>()?;
    let mut measured: Vec<Measured> = CONTENDERS.iter().map(|_| Measured::default()).collect();
    for _ in 0..plan.file_rounds {
        for (index, threads) in THREADS.into_iter().enumerate() {
            for (process, measured) in processes.iter().zip(&mut measured) {
                let round = process.ask(&format!("{threads} {}", plan.records))?;
                measured.0[index].push(round.parse()?);
            }
        }
    }
    Ok(CONTENDERS.iter().zip(&measured).map(|(contender, own)| row(contender, own, &measured)).collect())
}

/// The rounds of one contender, with one thread and with two.
#[derive(Default)]
struct Measured([Vec<Round>; 2]);

fn row(contender: &Contender, own: &Measured, all: &[Measured]) -> FileRow {
    let [one, two] = &own.0;
    let scaling =
        harness::median(one.iter().zip(two).map(|(one, two)| one.nanos_per_record() / two.nanos_per_record()));
    let allocations = harness::mean(one.iter().chain(two).map(Round::allocations_per_record));
    let lost = one.iter().chain(two).map(|round| round.lost).sum();
    let marks = contender.marks.iter().map(|mark| match mark {
        FileMark::Against(name, mark) => {
            let position = CONTENDERS.iter().position(|other| other.name == *name);
            let held = position.is_some_and(|other| mark.is_held(&compare(one, &all[other].0[0])));
            let name = name.trim_start_matches("file: ");
            (format!("{mark}, against {name}"), held)
        }
        FileMark::Scales(times) => (format!("{times}x with two threads"), scaling >= *times),
        // A log call that finds the other writer threads busy may start one, which allocates, about once in a long while. This is not a cost of
        // the record.
        FileMark::NoAllocation => (Mark::NoAllocation.to_string(), allocations < 0.001),
    });
    let nothing_lost = (!contender.marks.is_empty()).then(|| ("nothing lost".to_owned(), lost == 0));
    FileRow {
        job: contender.name,
        nanos: [one, two].map(|rounds| harness::median(rounds.iter().map(Round::nanos_per_record))),
        caller_nanos: [one, two].map(|rounds| harness::median(rounds.iter().map(Round::caller_nanos_per_record))),
        scaling,
        allocations,
        lost,
        marks: marks.chain(nothing_lost).collect(),
    }
}

fn compare(ours: &[Round], theirs: &[Round]) -> Comparison {
    Comparison {
        ours: harness::median(ours.iter().map(Round::nanos_per_record)),
        theirs: harness::median(theirs.iter().map(Round::nanos_per_record)),
        ratio: harness::median(
            ours.iter().zip(theirs).map(|(ours, theirs)| theirs.nanos_per_record() / ours.nanos_per_record()),
        ),
        our_allocations: harness::mean(ours.iter().map(Round::allocations_per_record)),
        their_allocations: harness::mean(theirs.iter().map(Round::allocations_per_record)),
    }
}
