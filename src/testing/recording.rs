//! What one test records, and what is expected of it at its end.

use std::io;

use tracing::Level;

use super::filter::Filter;
use super::harness::{harness, is_this_thread_named};
use super::lines::{Parts, count, line};
use super::live::{Live, is_shown};
use super::removal::Removal;
use super::store::{Kept, Store};
use crate::clock::Clock;
use crate::output::CopyOutput;
use crate::record::{RecordBuf, write_thread_id, write_thread_name};
use crate::sync::{Arc, AtomicBool, AtomicUsize, Mutex, Ordering, thread};
use crate::verbosity::Verbosity;

/// The records of one test.
pub(super) struct Recording {
    name: String,
    /// The thread that runs the test, as records name it.
    thread: String,
    /// That thread.
    owner: thread::ThreadId,
    /// Whether that can be the own thread of a test, by its name.
    pub(super) is_on_test_thread: bool,
    pub(super) store: Store,
    /// What was logged outside every context meanwhile.
    pub(super) unclaimed: Store,
    /// Some of that may be of other tests.
    has_doubtful: AtomicBool,
    /// The isolated test that had another process default meanwhile: what was logged outside every context went there.
    pub(super) replaced_by: Mutex<Option<String>>,
    pub(super) rules: Mutex<Rules>,
    pub(super) live: Option<Live>,
    /// The folders that the test has dropped, which are removed at its end unless it fails; `None` after its end.
    folders: Mutex<Option<Vec<Removal>>>,
    shown: Option<Verbosity>,
    /// The clock of the test, if it has one of its own.
    pub(super) clock: Option<Clock>,
    /// How many records the message of a failed assertion has shown.
    told: AtomicUsize,
}

/// What is expected of a test at its end.
#[derive(Clone, Default)]
pub(super) struct Rules {
    /// Records of this level, or a more severe one, fail the test.
    pub(super) denied: Option<Level>,
    /// These records may be there all the same.
    pub(super) excused: Vec<Filter>,
    /// What was logged outside every context fails the test.
    pub(super) is_strict: bool,
    /// What was logged outside every context belongs to the test.
    pub(super) adopts: bool,
}

impl Recording {
    pub(super) fn new(
        name: String,
        shown: Option<Verbosity>,
        clock: Option<Clock>,
        rules: Rules,
        live: Option<Live>,
    ) -> Recording {
        let mut thread = String::new();
        // Writing to a string does not fail.
        let _ = write_thread_name(&mut thread);
        if thread.is_empty() {
            let _ = write_thread_id(&mut thread);
        }
        Recording {
            live,
            name,
            thread,
            owner: thread::current().id(),
            is_on_test_thread: harness().is_named_after_test(),
            store: Store::default(),
            unclaimed: Store::default(),
            has_doubtful: AtomicBool::new(false),
            replaced_by: Mutex::new(None),
            rules: Mutex::new(rules),
            folders: Mutex::new(Some(Vec::new())),
            shown,
            clock,
            told: AtomicUsize::new(0),
        }
    }

    /// Removes a folder at the end of the test. Returns it if that is over.
    pub(super) fn remove_at_end(&self, folder: Removal) -> Option<Removal> {
        match &mut *self.folders.lock() {
            Some(folders) => {
                folders.push(folder);
                None
            }
            None => Some(folder),
        }
    }

    /// Returns the folders that were to be removed at the end of the test, which this is.
    pub(super) fn end_folders(&self) -> Vec<Removal> {
        self.folders.lock().take().unwrap_or_default()
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Takes a record of the test.
    pub(super) fn take(&self, record: Kept) {
        // Written before a waiting thread is woken: it may end the process.
        if let Some(live) = &self.live {
            live.write(&record, self.parts());
        }
        self.store.push(record);
    }

    /// Takes a record that was logged outside every context, and that no other test can have logged if that `is_certain`.
    pub(super) fn take_unclaimed(&self, record: Kept, is_certain: bool) {
        if !is_certain {
            // Relaxed: read at the end of the test, for a message.
            self.has_doubtful.store(true, Ordering::Relaxed);
        }
        if let Some(live) = self.live.as_ref().filter(|live| live.has_file()) {
            live.write_to_file(&line(&record, self.parts()));
        }
        self.unclaimed.push(record);
    }

    /// Returns true if some of what was logged outside every context may be of other tests.
    pub(super) fn has_doubtful(&self) -> bool {
        self.has_doubtful.load(Ordering::Relaxed)
    }

    /// Returns true if the records are shown as they come.
    pub(super) fn is_on_console(&self) -> bool {
        self.live.as_ref().is_some_and(Live::is_on_console)
    }

    /// Writes to the file of the test, if it has one, what is no record of it.
    pub(super) fn write_to_file(&self, text: &str) {
        if let Some(live) = &self.live {
            live.write_to_file(text);
        }
    }

    /// Returns true if this thread runs the test.
    pub(super) fn is_of_this_thread(&self) -> bool {
        self.owner == thread::current().id()
    }

    /// Returns true if this is a recording of the test whose own thread this is.
    pub(super) fn is_of_this_test(&self) -> bool {
        self.is_of_this_thread() || self.has_name_of_this_thread()
    }

    /// Returns true if this thread has the name of the test, as libtest gives it to the thread of one test.
    pub(super) fn has_name_of_this_thread(&self) -> bool {
        is_this_thread_named(self.name.split(" (inner ").next().unwrap_or_default())
    }

    /// What stands in the lines of this test.
    pub(super) fn parts(&self) -> Parts<'_> {
        Parts { time: true, own_context: Some(&self.name), own_thread: Some(&self.thread) }
    }

    /// Returns records as lines.
    pub(super) fn lines<'r>(&self, records: impl IntoIterator<Item = &'r Kept>) -> String {
        records.into_iter().map(|record| line(record, self.parts()) + "\n").collect()
    }

    /// Returns the records from number `from` on that are to be shown.
    pub(super) fn shown_since(&self, from: usize) -> Vec<Kept> {
        self.shown(&self.store.since(from))
    }

    /// Returns those of `records` that are to be shown.
    pub(super) fn shown(&self, records: &[Kept]) -> Vec<Kept> {
        records.iter().filter(|record| is_shown(self.shown.as_ref(), record)).map(Arc::clone).collect()
    }

    /// Returns in words how many records there are, and how many are `hidden`, by what.
    pub(super) fn count_text(&self, all: usize, hidden: usize) -> String {
        match (hidden, &harness().shown) {
            (0, _) => count(all),
            (_, Some((_, directives))) => format!("{}, {hidden} not shown: LOGSCOPE_TEST={directives}", count(all)),
            (_, None) => format!("{}, {hidden} not shown: `CaptureOptions::shown`", count(all)),
        }
    }

    /// Notes that the message of a failed assertion on this thread shows the first `records`.
    pub(super) fn note_told(&self, records: usize) {
        // What another thread prints, such as one of a pool, may be lost, or be kept for another test.
        if self.is_of_this_thread() {
            // Relaxed, also below: mostly the same thread reads it, or one that was told of the failure by other means.
            self.told.fetch_max(records, Ordering::Relaxed);
        }
    }

    /// Returns how many records such a message has shown.
    pub(super) fn told(&self) -> usize {
        self.told.load(Ordering::Relaxed)
    }
}

/// The output of the context of a test.
pub(super) struct Recorder(pub(super) Arc<Recording>);

impl CopyOutput for Recorder {
    fn write(&self, record: RecordBuf) -> io::Result<()> {
        self.0.take(Arc::new(record));
        Ok(())
    }

    fn describe(&self) -> String {
        format!("log of {}", self.0.name)
    }
}
