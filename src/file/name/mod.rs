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
