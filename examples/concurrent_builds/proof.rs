//! The proof: a log is read back, and compared with the counts that its build kept.
//!
//! The proof does not trust the log. Each line carries the token of its build, which the code that logs it passes by value: a line with
//! another token is foreign. Each line also carries a reading of the build's own clock, made just before it was logged; the time of the record
//! must lie between this reading and that of the thread's next line. A line that a child has printed has both from the span around the
//! child. The number of lines and the digest of their texts must be those of the
//! build's tally.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::time::Duration;

use logscope::{Level, LevelFilter};
use serde::Deserialize;

use crate::Result;
use crate::build::Build;
use crate::logs::{close, expected_deliveries};
use crate::tally::{Expected, digest};

/// The findings in one log.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) lines: u64,
    /// Lines that another build logged, or that name another context.
    pub(crate) foreign: u64,
    /// Lines that the build logged and that are missing.
    pub(crate) missing: u64,
    /// Numbers that are missing, or occur twice.
    pub(crate) seq: u64,
    /// Lines that cannot be read, or do not end.
    pub(crate) torn: u64,
    /// Lines whose time is not the build's, or runs backwards within the thread.
    pub(crate) time: u64,
    /// Lines above the verbosity.
    pub(crate) verbosity: u64,
    /// Lines with any of these faults, each counted once.
    pub(crate) wrong: u64,
    /// True if the texts are those that the build logged, each as often.
    pub(crate) text: bool,
    /// The deliveries in the ledger, and whether they are exact; `None` without contexts.
    pub(crate) ledger: Option<(u64, bool)>,
    /// The threads that logged.
    pub(crate) threads: usize,
    /// What is wrong with the first wrong line.
    pub(crate) example: Option<String>,
}

impl Findings {
    pub(crate) fn holds(&self) -> bool {
        self.wrong == 0 && self.missing == 0 && self.seq == 0 && self.text && self.ledger.is_none_or(|(_, exact)| exact)
    }
}

/// The parts of a line that the proof looks at.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    level: String,
    fields: Fields,
    /// The innermost span.
    span: Option<Mark>,
    thread_name: String,
    context: Context,
    elapsed: f64,
    seq: u64,
}

#[derive(Debug, Deserialize)]
struct Fields {
    message: String,
    #[serde(flatten)]
    mark: Option<Mark>,
}

/// By what the proof knows who logged a line, and when.
#[derive(Clone, Debug, Deserialize)]
struct Mark {
    token: String,
    since_us: u64,
}

#[derive(Debug, Deserialize)]
struct Context {
    name: String,
}

/// The builds by their tokens: who logged a line.
pub(crate) type Speakers<'a> = HashMap<&'a str, &'a Build>;

/// Closes the build's context and examines its log.
pub(crate) fn examine(build: &Build, speakers: &Speakers<'_>) -> Result<Findings> {
    let ledger = close(build).map(|ledger| {
        let exact = ledger.is_complete() && ledger.accepted == expected_deliveries(build);
        (ledger.accepted, exact && ledger.written == ledger.accepted)
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
    /// The lines with a fault, and the lines with a wrong time among them.
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
        // What a child has printed has the mark in its span.
        let mark = line.fields.mark.clone().or_else(|| line.span.clone());
        let token = mark.as_ref().map_or("none", |mark| mark.token.as_str());
        let (Some(speaker), Some(mark)) = (self.speakers.get(token).copied(), &mark) else {
            self.found.foreign += 1;
            return self.fault(number, || format!("has a token that is nobody's: {token}"));
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
        self.time(&line, mark.since_us, is_own, number);
    }

    /// Times are compared in whole microseconds, as the log has them. A rounded time may be one microsecond too late.
    fn time(&mut self, line: &Line, since_us: u64, is_own: bool, number: u64) {
        let elapsed = Duration::try_from_secs_f64(line.elapsed).unwrap_or(Duration::MAX);
        let elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        if elapsed_us + 1 < since_us || (number == 1 && elapsed_us >= 1_000_000) {
            self.late(number, elapsed_us, since_us);
        }
        let newest = Newest { number, elapsed_us, is_own };
        let Some(before) = self.newest.insert(line.thread_name.clone(), newest) else { return };
        if elapsed_us < before.elapsed_us {
            self.late(number, elapsed_us, before.elapsed_us);
        }
        // The clock of a span was read when the span was made, which other lines may follow.
        if line.fields.mark.is_some() && is_own && before.is_own && before.elapsed_us > since_us + 1 {
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

/// The part of a message that fits on the terminal.
fn excerpt(message: &str) -> String {
    if message.chars().count() <= 60 { message.to_owned() } else { message.chars().take(59).chain(['…']).collect() }
}
