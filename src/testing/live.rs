//! Records that are shown or written as they come: on stderr where nothing captures the output of single tests, and in `LOGSCOPE_TEST_DIR`.
//!
//! What is written at once is there also if the test hangs, or if the process aborts.

use std::io::{self, Write as _};

use super::attempts;
use super::harness::harness;
use super::lines::{Parts, line};
use super::log_file::{LogFile, Place};
use crate::record::RecordBuf;
use crate::verbosity::Verbosity;

/// Where the records of one test go as they come.
pub(super) struct Live {
    console: Option<Console>,
    file: Option<LogFile>,
}

struct Console {
    /// The name of the test, unless the process has but one.
    prefix: String,
    shown: Option<Verbosity>,
}

impl Live {
    /// Opens what the records of the test `name` go to as they come; `None` if that is nothing.
    pub(super) fn open(name: &str, shown: Option<&Verbosity>) -> Option<Live> {
        let harness = harness();
        let console = harness.shows_all.then(|| Console {
            prefix: if harness.names_tests() { format!("{name} | ") } else { String::new() },
            shown: shown.cloned(),
        });
        let file = Place::of_test(name).and_then(LogFile::open);
        (console.is_some() || file.is_some()).then_some(Live { console, file })
    }

    /// Opens what the records of one of many attempts of the test `name` go to as they come: a file, which all attempts of this thread share.
    pub(super) fn open_attempt(name: &str) -> Option<Live> {
        let file = attempts::place(name).and_then(LogFile::open)?;
        Some(Live { console: None, file: Some(file) })
    }

    /// Returns true if records are shown as they come.
    pub(super) fn is_on_console(&self) -> bool {
        self.console.is_some()
    }

    /// Returns true if there is a file.
    pub(super) fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// Writes a record, each line with one write.
    pub(super) fn write(&self, record: &RecordBuf, parts: Parts<'_>) {
        let text = line(record, parts);
        // The file first: who sees a record on stderr finds it there, too.
        if let Some(log) = &self.file {
            log.write(&text);
        }
        if let Some(console) = &self.console
            && is_shown(console.shown.as_ref(), record)
        {
            write_to_stderr(&format!("{}{text}\n", console.prefix));
        }
    }

    /// Writes to the file what is no record of the test, and is shown elsewhere in another way.
    pub(super) fn write_to_file(&self, text: &str) {
        if let Some(log) = &self.file {
            log.write(text);
        }
    }

    /// Notes how the test has ended. If `is_own_thread`, this is the thread of the test and of no other: a panic on it can follow.
    pub(super) fn end(&self, has_failed: bool, is_own_thread: bool) {
        if let Some(log) = &self.file {
            log.end(has_failed);
            if is_own_thread && !attempts::are_running() {
                attempts::keep_passed(Some(log.place()).filter(|_| !has_failed));
            }
        }
    }
}

/// Returns true if `verbosity` lets `record` be shown.
pub(super) fn is_shown(verbosity: Option<&Verbosity>, record: &RecordBuf) -> bool {
    verbosity.is_none_or(|verbosity| verbosity.allows_target(record.level, &record.target))
}

/// Writes to stderr, past libtest's capture. Nobody can be told that it fails.
fn write_to_stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
