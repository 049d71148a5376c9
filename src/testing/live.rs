//! Records that are shown or written as they come: on stderr where nothing captures the output of single tests, and in `LOGSCOPE_TEST_DIR`.
//!
//! What is written at once is there also if the test hangs, or if the process aborts.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;

use super::harness::{harness, program};
use super::lines::{Parts, line};
use super::seed::hash;
use crate::fallback;
use crate::record::RecordBuf;
use crate::sync::Mutex;
use crate::verbosity::Verbosity;

/// How many bytes of the name of a test are in the name of its file at most. What is cut is told apart by its hash.
const NAME_BYTES: usize = 150;

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

/// The file of one test, in `LOGSCOPE_TEST_DIR`. Its name begins with what is known of the test, so that failures come first in a listing.
struct LogFile {
    file: File,
    folder: PathBuf,
    name: String,
}

const FAILED: &str = "1-failed";
const UNFINISHED: &str = "2-unfinished";
const PASSED: &str = "3-passed";

impl Live {
    /// Opens what the records of the test `name` go to as they come; `None` if that is nothing.
    pub(super) fn open(name: &str, shown: Option<&Verbosity>) -> Option<Live> {
        let harness = harness();
        let console = harness.shows_all.then(|| Console {
            prefix: if harness.is_of_one_test { String::new() } else { format!("{name} | ") },
            shown: shown.cloned(),
        });
        let file = harness.folder.as_ref().and_then(|folder| LogFile::open(folder.clone(), name));
        (console.is_some() || file.is_some()).then_some(Live { console, file })
    }

    /// Writes a record, each line with one write.
    pub(super) fn write(&self, record: &RecordBuf, parts: Parts<'_>) {
        let text = line(record, parts);
        // The file first: who sees a record on stderr finds it there, too.
        if let Some(log) = &self.file {
            log.write(&format!("{text}\n"));
        }
        if let Some(console) = &self.console
            && is_shown(console.shown.as_ref(), record)
        {
            write_to_stderr(&format!("{}{text}\n", console.prefix));
        }
    }

    /// Writes to the file what is no record, and what the panic message shows elsewhere.
    pub(super) fn write_to_file(&self, text: &str) {
        if let Some(log) = &self.file {
            log.write(&format!("{text}\n"));
        }
    }

    /// Notes how the test has ended.
    pub(super) fn end(&self, has_failed: bool) {
        if let Some(log) = &self.file {
            log.rename(if has_failed { FAILED } else { PASSED });
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

impl LogFile {
    fn open(folder: PathBuf, test: &str) -> Option<LogFile> {
        let name = unique_name(test);
        let path = |state: &str| folder.join(format!("{state}.{name}.log"));
        // What an earlier run has left would contradict this one.
        for state in [FAILED, PASSED] {
            let _ = fs::remove_file(path(state));
        }
        match fs::create_dir_all(&folder).and_then(|()| File::create(path(UNFINISHED))) {
            Ok(file) => Some(LogFile { file, folder, name }),
            Err(error) => {
                fallback::report(format_args!(
                    "the log of a test has no file: {}: {error}",
                    path(UNFINISHED).display()
                ));
                None
            }
        }
    }

    fn write(&self, text: &str) {
        if let Err(error) = (&self.file).write_all(text.as_bytes()) {
            fallback::report(format_args!("the log of a test is not complete: {}: {error}", self.name));
        }
    }

    fn rename(&self, state: &str) {
        let path = |state: &str| self.folder.join(format!("{state}.{}.log", self.name));
        if let Err(error) = fs::rename(path(UNFINISHED), path(state)) {
            fallback::report(format_args!("the log of a test keeps its name: {}: {error}", path(UNFINISHED).display()));
        }
    }
}

/// Returns the name of the file of a test: that of the program and of the test, with a number if this process has used it already, with
/// the number of the attempt if nextest repeats the test, and with the process if proptest has started it, beside the one of the test.
fn unique_name(test: &str) -> String {
    static USED: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());
    let mut name: String = test
        .chars()
        .map(|character| if character.is_ascii_alphanumeric() || "_-.".contains(character) { character } else { '-' })
        .collect();
    if name.len() > NAME_BYTES {
        name.truncate(NAME_BYTES);
        name.push_str(&format!("~{:016x}", hash(test)));
    }
    let mut name = format!("{}.{name}", program());
    if let Some(attempt) = harness().attempt.filter(|attempt| *attempt > 1) {
        name.push_str(&format!(".attempt-{attempt}"));
    }
    if harness().is_fork {
        name.push_str(&format!(".fork-{}", std::process::id()));
    }
    let mut used = USED.lock();
    let number = used.entry(name.clone()).or_insert(0);
    *number += 1;
    if *number > 1 { format!("{name}.{number}") } else { name }
}
