//! The proof: a log read back, and compared with what its build counted for itself.
//!
//! Nothing here believes the log. A line is foreign if its token is not the build's, which came by value from the code that said it.
//! Its time must lie between two readings of the build's own clock: the one that it carries, made just before it was said, and the
//! one that the thread's next line carries. The number of lines and the digest of their texts must be those of the build's tally.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::time::Duration;

use logscope::{Level, LevelFilter};
use serde::Deserialize;

use crate::Result;
use crate::build::Build;
use crate::logs::{close, expected_deliveries};
use crate::tally::{Expected, digest};

/// What was found in one log.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) lines: u64,
    /// Lines that another build said, or that name another context.
    pub(crate) foreign: u64,
    /// Lines that the build said and that are not there.
    pub(crate) missing: u64,
    /// Numbers that are not there, or are there twice.
    pub(crate) seq: u64,
    /// Lines that cannot be read, or do not end.
    pub(crate) torn: u64,
    /// Lines whose time is not that of the build, or runs backwards within its thread.
    pub(crate) time: u64,
    /// Lines above the verbosity.
    pub(crate) verbosity: u64,
    /// Lines with any of these faults, each counted once.
    pub(crate) wrong: u64,
    /// Whether the texts are those that were said, each as often.
    pub(crate) text: bool,
    /// Deliveries by the ledger, and whether they are exact; `None` without contexts.
    pub(crate) ledger: Option<(u64, bool)>,
    /// The threads that said something.
    pub(crate) threads: usize,
    /// What is wrong with the first line that is.
    pub(crate) example: Option<String>,
}

impl Findings {
    pub(crate) fn holds(&self) -> bool {
        self.wrong == 0 && self.missing == 0 && self.seq == 0 && self.text && self.ledger.is_none_or(|(_, exact)| exact)
    }
}

/// A line of a log, as far as the proof looks at it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    level: String,
    fields: Fields,
    thread_name: String,
    context: Context,
    elapsed: f64,
    seq: u64,
}

#[derive(Debug, Deserialize)]
struct Fields {
    message: String,
    token: String,
    since_us: u64,
}

#[derive(Debug, Deserialize)]
struct Context {
    name: String,
}

/// The builds by their tokens: who said a line.
pub(crate) type Speakers<'a> = HashMap<&'a str, &'a Build>;

/// Ends the build's context and examines its log.
pub(crate) fn examine(build: &Build, speakers: &Speakers<'_>) -> Result<Findings> {
    let ledger = close(build).map(|outcome| {
        let exact = outcome.is_complete() && outcome.accepted == expected_deliveries(build);
        (outcome.accepted, exact && outcome.written == outcome.accepted)
    });
    let log = &build.plan.log;
    let bytes = fs::read(log).map_err(|error| format!("cannot read {}: {error}", log.display()))?;
    let mut examination = Examination::new(build, speakers);
    for (line, number) in bytes.split_inclusive(|byte| *byte == b'\n').zip(1..) {
        examination.line(line, number);
    }
    Ok(Findings { ledger, ..examination.conclude() })
}

struct Examination<'a> {
    build: &'a Build,
    speakers: &'a Speakers<'a>,
    found: Findings,
    own: Expected,
    /// How often each number was seen.
    seqs: BTreeMap<u64, u64>,
    /// The newest line of each thread.
    newest: HashMap<String, Newest>,
    /// The lines with a fault, and among them those with a wrong time.
    faulty: BTreeSet<u64>,
    late: BTreeSet<u64>,
}

struct Newest {
    number: u64,
    elapsed_us: u64,
    is_own: bool,
}

impl<'a> Examination<'a> {
    fn new(build: &'a Build, speakers: &'a Speakers<'a>) -> Self {
        Examination {
            build,
            speakers,
            found: Findings::default(),
            own: Expected::default(),
            seqs: BTreeMap::new(),
            newest: HashMap::new(),
            faulty: BTreeSet::new(),
            late: BTreeSet::new(),
        }
    }

    fn line(&mut self, line: &[u8], number: u64) {
        self.found.lines += 1;
        let whole = line.strip_suffix(b"\n").ok_or("it does not end".to_owned());
        let parsed = whole.and_then(|line| serde_json::from_slice::<Line>(line).map_err(|error| error.to_string()));
        match parsed {
            Ok(line) => self.record(line, number),
            Err(reason) => {
                self.found.torn += 1;
                self.fault(number, || format!("cannot be read: {reason}"));
            }
        }
    }

    fn record(&mut self, line: Line, number: u64) {
        *self.seqs.entry(line.seq).or_default() += 1;
        let Some(speaker) = self.speakers.get(line.fields.token.as_str()).copied() else {
            self.found.foreign += 1;
            return self.fault(number, || format!("has a token that is nobody's: {}", line.fields.token));
        };
        let name = &self.build.plan.name;
        let is_own = speaker.plan.name == *name;
        if !is_own || line.context.name != *name {
            self.found.foreign += 1;
            self.fault(number, || format!("was said by {}: {:?}", speaker.plan.name, excerpt(&line.fields.message)));
        }
        let verbosity = verbosity(speaker).min(verbosity(self.build));
        match line.level.parse::<Level>() {
            Ok(level) if level <= verbosity => {
                if is_own {
                    self.own.lines += 1;
                    self.own.digest = self.own.digest.wrapping_add(digest(level, &line.fields.message));
                }
            }
            _ => {
                self.found.verbosity += 1;
                self.fault(number, || format!("is of the level {}, above {verbosity}", line.level));
            }
        }
        self.time(line, is_own, number);
    }

    /// Times are compared in whole microseconds, as the log has them; one that was rounded may be one too many.
    fn time(&mut self, line: Line, is_own: bool, number: u64) {
        let elapsed = Duration::try_from_secs_f64(line.elapsed).unwrap_or(Duration::MAX);
        let elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        let since_us = line.fields.since_us;
        if elapsed_us + 1 < since_us || (number == 1 && elapsed_us >= 1_000_000) {
            self.late(number, elapsed_us, since_us);
        }
        let newest = Newest { number, elapsed_us, is_own };
        let Some(before) = self.newest.insert(line.thread_name, newest) else { return };
        if elapsed_us < before.elapsed_us {
            self.late(number, elapsed_us, before.elapsed_us);
        }
        if is_own && before.is_own && before.elapsed_us > since_us + 1 {
            self.late(before.number, before.elapsed_us, since_us);
        }
    }

    fn late(&mut self, number: u64, shown: u64, clock: u64) {
        self.late.insert(number);
        self.fault(number, || format!("shows {shown} µs where the clock of its build shows {clock} µs"));
    }

    fn fault(&mut self, number: u64, what: impl FnOnce() -> String) {
        self.faulty.insert(number);
        let name = &self.build.plan.name;
        self.found.example.get_or_insert_with(|| format!("line {number} of {name}.jsonl {}", what()));
    }

    fn conclude(self) -> Findings {
        let expected = self.build.tally.up_to(verbosity(self.build));
        let last = self.seqs.last_key_value().map_or(0, |(seq, _)| *seq);
        let twice: u64 = self.seqs.values().map(|times| times - 1).sum();
        let gaps = (1..=last).filter(|seq| !self.seqs.contains_key(seq)).count() as u64;
        Findings {
            missing: expected.lines.saturating_sub(self.own.lines),
            seq: gaps + twice,
            time: self.late.len() as u64,
            wrong: self.faulty.len() as u64,
            text: self.own == expected,
            threads: self.newest.len(),
            ..self.found
        }
    }
}

fn verbosity(build: &Build) -> LevelFilter {
    build.plan.program.manner.verbosity()
}

/// As much of a message as fits on the terminal.
fn excerpt(message: &str) -> String {
    if message.chars().count() <= 60 { message.to_owned() } else { message.chars().take(59).chain(['…']).collect() }
}
