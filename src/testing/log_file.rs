//! The file of one test, in `LOGSCOPE_TEST_DIR`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::harness::{harness, program};
use super::seed_value::hash;
use crate::fallback;
use crate::sync::{Arc, AtomicBool, Mutex, Ordering};

/// How many bytes of the name of a test are in the name of its file at most. What is cut is told apart by its hash.
const NAME_BYTES: usize = 150;

const FAILED: &str = "1-failed";
const UNFINISHED: &str = "2-unfinished";
const PASSED: &str = "3-passed";
const FAILED_BEFORE: &str = "4-failed-before";

/// The place of a file. Its name begins with what is known of the test, so that failures come first in a listing.
#[derive(Clone)]
pub(super) struct Place {
    folder: &'static Path,
    name: String,
    /// A file that says that the test has failed stays, whatever comes after it: this is an attempt, and one before it may have failed.
    has_failed: Arc<AtomicBool>,
}

/// The file of a test that runs.
pub(super) struct LogFile {
    file: File,
    place: Place,
}

impl Place {
    /// Returns the place for the file of the test `name`; `None` if there are to be no files. The file of an earlier run that has failed stays there
    /// under another name: the test may be one that fails now and then.
    pub(super) fn of_test(name: &str) -> Option<Place> {
        let folder = harness().folder.as_deref()?;
        let place = Place { folder, name: unique_name(name), has_failed: Arc::default() };
        let _ = fs::rename(place.path(FAILED), place.path(FAILED_BEFORE));
        Some(place)
    }

    fn path(&self, state: &str) -> PathBuf {
        self.folder.join(format!("{state}.{}.log", self.name))
    }

    fn remove(&self, state: &str) {
        let _ = fs::remove_file(self.path(state));
    }

    fn rename(&self, state: &str) {
        let path = self.path(UNFINISHED);
        if let Err(error) = fs::rename(&path, self.path(state)) {
            fallback::report(format_args!("the log of a test keeps its name: {}: {error}", path.display()));
        }
    }

    /// Notes that a test has failed after its file was said to have passed, and why.
    pub(super) fn fail_late(&self, text: &str) {
        let path = self.path(FAILED);
        let moved = fs::rename(self.path(PASSED), &path);
        let added = moved.and_then(|()| File::options().append(true).open(&path)).and_then(|file| write(&file, text));
        self.tell_if_broken(added);
    }

    /// Adds to the file of a test that has failed why that is.
    pub(super) fn add_reason(&self, text: &str) {
        // Relaxed, also below: one thread makes the attempts.
        if self.has_failed.load(Ordering::Relaxed) {
            let added = File::options().append(true).open(self.path(FAILED)).and_then(|file| write(&file, text));
            self.tell_if_broken(added);
        }
    }

    fn tell_if_broken(&self, written: io::Result<()>) {
        if let Err(error) = written {
            fallback::report(format_args!("the log of a test is not complete: {}: {error}", self.name));
        }
    }
}

impl LogFile {
    pub(super) fn open(place: Place) -> Option<LogFile> {
        // Of an earlier run, or of the attempt before.
        place.remove(PASSED);
        let path = place.path(UNFINISHED);
        match fs::create_dir_all(place.folder).and_then(|()| File::create(&path)) {
            Ok(file) => Some(LogFile { file, place }),
            Err(error) => {
                fallback::report(format_args!("the log of a test has no file: {}: {error}", path.display()));
                None
            }
        }
    }

    /// Writes `text` and an end of line, at once.
    pub(super) fn write(&self, text: &str) {
        self.place.tell_if_broken(write(&self.file, text));
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Notes how the test, or this attempt, has ended.
    pub(super) fn end(&self, has_failed: bool) {
        let place = &self.place;
        if has_failed {
            place.has_failed.store(true, Ordering::Relaxed);
            place.rename(FAILED);
            place.remove(PASSED);
        } else if place.has_failed.load(Ordering::Relaxed) {
            place.remove(UNFINISHED);
        } else {
            place.rename(PASSED);
        }
    }
}

fn write(mut file: &File, text: &str) -> io::Result<()> {
    file.write_all(format!("{text}\n").as_bytes())
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
