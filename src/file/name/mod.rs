//! The names of log files.
//!
//! | file | what |
//! |---|---|
//! | `safe` | file names for names that come from anywhere, such as a context's |
//! | `rolled` | the names of the files of a log that rolls |
//! | `period` | minutes, hours and days in those names |

mod period;
mod rolled;
mod safe;

pub(super) use period::{Interval, Period};
pub(super) use rolled::{FileForm, FileId, LogFile, RolledNames};
pub(super) use safe::safe_name;
