//! The names of log files.
//!
//! | file | what |
//! |---|---|
//! | `safe` | safe file names for any text, such as the name of a context |
//! | `rolled` | the names of the files of a log that rolls |
//! | `period` | the minutes, hours and days in those names |
//! | `shown` | names and paths as errors show them |

mod period;
mod rolled;
mod safe;
mod shown;

pub(super) use period::{Interval, Period};
pub(super) use rolled::{FileForm, FileId, LogFile, RolledNames};
pub(super) use safe::safe_name;
pub(super) use shown::{shown, shown_path};

/// Returns the name of a file of the log `file_in(dir, one)` that the log `file_in(dir, other)` takes for its own.
#[cfg(fuzzing)]
pub(super) fn shared_file(one: &str, other: &str, instant: i64, index: u64) -> Option<String> {
    let [one, other] = [one, other].map(safe_name);
    let names = RolledNames::new(other.as_ref(), None, true)?;
    let is_shared = |file: &String| other == *file || names.ever_named(file.as_ref());
    rolled::files_of(&one, instant, index).into_iter().find(is_shared)
}
