//! The log of a child: writing it, and reading it back.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Range;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use logscope::OutputContext;
use logscope::sink::{self, Queue, Sink};

use crate::child::{Ended, Running};

/// The file name of the log in a child's folder.
pub(crate) const LOG: &str = "uno.log";

/// A queued sink for the log of a child.
pub(crate) fn file(folder: &Path) -> Sink {
    sink::file(folder.join(LOG)).open().unwrap().queued(Queue::new())
}

pub(crate) fn context(sink: &Sink) -> OutputContext {
    let _ = logscope::try_init();
    OutputContext::builder("uno").sink(sink.clone()).build()
}

static CONTEXT: OnceLock<OutputContext> = OnceLock::new();

/// The context that this process keeps in a static, as programs do.
pub(crate) fn uno() -> &'static OutputContext {
    CONTEXT.get().unwrap()
}

/// Makes a context that logs to the file in `folder`, and keeps it in a static for the rest of the process.
pub(crate) fn in_a_static(folder: &Path) {
    keep(context(&file(folder)));
}

/// Keeps a context in a static for the rest of the process.
pub(crate) fn keep(context: OutputContext) {
    CONTEXT.set(context).unwrap();
}

/// How many log calls have returned, by thread.
static RETURNED: [AtomicU64; 4] = [const { AtomicU64::new(0) }; 4];

/// A record's text: its thread, its number, and a payload that shows whether the record was cut or mixed with another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Text {
    thread: usize,
    number: u64,
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Text { thread, number } = self;
        let payload = &"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"[..(number % 52) as usize];
        write!(f, "<{thread} {number} {payload}>")
    }
}

/// Logs the records `numbers` of a thread in the current context.
pub(crate) fn log(thread: usize, numbers: Range<u64>) {
    for number in numbers {
        tracing::info!("{}", Text { thread, number });
        // Release, with the Acquire in `returned`: a thread that reads the count must find the records in the log.
        RETURNED[thread].fetch_add(1, Ordering::Release);
    }
}

/// Logs a record of a thread at ERROR.
pub(crate) fn log_error(thread: usize, number: u64) {
    tracing::error!("{}", Text { thread, number });
    RETURNED[thread].fetch_add(1, Ordering::Release);
}

/// How many log calls of each thread have returned.
pub(crate) fn returned() -> [u64; 4] {
    RETURNED.each_ref().map(|count| count.load(Ordering::Acquire))
}

/// Writes the counts of returned log calls to a file, for the parent.
pub(crate) fn report_returned(folder: &Path) {
    let counts = returned().map(|count| count.to_string()).join(" ");
    std::fs::write(folder.join("returned"), counts).unwrap();
}

/// Reads the counts that a child wrote by [`report_returned`].
pub(crate) fn returned_in(ended: &Ended) -> [u64; 4] {
    let counts: Vec<u64> = ended.read("returned").split(' ').map(|count| count.parse().unwrap()).collect();
    counts.try_into().unwrap()
}

/// A log that was read back: how many records each thread has. Reading checks that each is there once, whole, and in order.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Log(BTreeMap<usize, u64>);

impl Log {
    #[track_caller]
    pub(crate) fn parse(text: &str) -> Log {
        assert!(text.is_empty() || text.ends_with('\n'), "the last line is torn: {:?}", text.lines().last());
        let mut log = Log::default();
        for line in text.lines() {
            let Text { thread, number } = record(line).unwrap_or_else(|| panic!("a line that is no record: {line:?}"));
            let next = log.0.entry(thread).or_default();
            assert_eq!(number, *next, "thread {thread}: expected record {next}, found {line:?}");
            *next += 1;
        }
        log
    }

    /// Parses a log that was being written when the process was killed. The last line may be torn and is left out: Linux may cut a
    /// `write` that has not returned at the end of a page.
    #[track_caller]
    pub(crate) fn parse_whole(text: &str) -> Log {
        Log::parse(&text[..text.rfind('\n').map_or(0, |end| end + 1)])
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.values().sum()
    }

    pub(crate) fn of(&self, thread: usize) -> u64 {
        self.0.get(&thread).copied().unwrap_or(0)
    }
}

/// The record in a whole line, which begins with the time of day in a file, and with the elapsed time behind a writer.
fn record(line: &str) -> Option<Text> {
    let (head, text) = line.split_at_checked(line.find('<')?)?;
    let mut words = text[1..].split(' ');
    let text_of = Text { thread: words.next()?.parse().ok()?, number: words.next()?.parse().ok()? };
    let is_whole = head.contains(" uno ") && matches!(head.matches(':').count(), 4 | 5) && text == text_of.to_string();
    is_whole.then_some(text_of)
}

/// Waits for a child that must exit with 0 and write nothing on stderr.
#[track_caller]
pub(crate) fn ends_well(running: Running) -> Ended {
    let ended = ends_with(running, 0);
    assert_eq!(ended.stderr, "");
    ended
}

/// Waits for a child that must exit with this code. A child that was killed by a signal has the code 128 + signal, as in a shell.
#[track_caller]
pub(crate) fn ends_with(running: Running, code: i32) -> Ended {
    let (status, ended) = running.wait_for_any_end();
    assert_eq!(code_of(status), code, "stderr: {}", ended.stderr);
    ended
}

fn code_of(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap())
}

/// Checks that the log has exactly this many records of thread 0, and nothing else.
#[track_caller]
pub(crate) fn has_all(ended: &Ended, records: u64) {
    assert_eq!(Log::parse(&ended.read(LOG)), Log([(0, records)].into()));
}

/// Checks that the log has every record whose log call had returned, where threads logged until the process was gone.
#[track_caller]
pub(crate) fn has_what_returned(ended: &Ended) {
    let log = Log::parse_whole(&ended.read(LOG));
    for (thread, returned) in returned_in(ended).into_iter().enumerate() {
        let there = log.of(thread);
        assert!(there >= returned, "thread {thread}: {returned} log calls returned, but the log has {there} records");
    }
}

/// Sends a line to the parent by stdout, unbuffered.
pub(crate) fn say(line: &str) -> io::Result<()> {
    rustix::io::write(rustix::stdio::stdout(), format!("{line}\n").as_bytes())?;
    Ok(())
}
