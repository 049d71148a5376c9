//! Log files: opened for appending, one output per file, rolled, and reopened after they were moved or removed.
//!
//! A file has one output, by whatever path a program opens it. Two outputs would tear each other's lines after a short write, and would
//! count one file in two ledgers. The registry recognises a file by device and inode *after* it was opened. A path proves nothing:
//! relative paths, absolute paths and links lead to the same file, and a removed file may be created again. A check before opening would
//! race.
//!
//! | file | what |
//! |---|---|
//! | `options` | the options that a program sets for a file |
//! | `name` | file names: safe names for any text, and the names of rolled files |
//! | `open` | opens files; errors that say what to do |
//! | `keys` | one output per file, through the room `registry` |
//! | `appender` | the output; how it notices that its file was moved or removed |
//! | `current` | the file that the output writes to at the moment |
//! | `rescue` | copies the last records of a removed file |
//! | `unsynced`, `old_files`, `rounds` | what a sync has to bring to the storage device; callers share one `fdatasync` |
//! | `roll` | which file a log continues in, and when; old files |
//! | `folders` | creates directories; `os/folder` holds them open |
//! | `descriptors` | the limit of files that are open at once |
//! | `os` | system calls, for Unix and for other systems |
//!
//! This module imports only modules that stand before it in the crate's order, up to `registry`. It knows no queues, ledgers or sinks.
//! `sink::file` makes a sink of an open file, and `background` queues it. `bytes` writes lines and continues short writes. `fallback`
//! reports to stderr what went wrong here. `limits` has all intervals.

mod appender;
mod current;
mod descriptors;
mod folders;
mod keys;
mod name;
mod old_files;
mod open;
mod options;
mod os;
mod rescue;
mod roll;
mod rounds;
mod unsynced;

pub use descriptors::max_open_files;
#[cfg(test)]
pub(crate) use open::appender_of;
pub use open::reopen_all;
pub(crate) use open::{FileLease, Opening, open};
pub use options::{FileOptions, file, file_in};
pub use roll::Roll;

/// Returns the safe file name for `name`.
#[cfg(fuzzing)]
pub fn safe_name_for_fuzzing(name: &str) -> String {
    name::safe_name(name)
}

/// Returns the name of a file of the log `file_in(dir, one)` that the log `file_in(dir, other)` takes for its own, whatever both roll by.
#[cfg(fuzzing)]
pub fn shared_file_for_fuzzing(one: &str, other: &str, instant: i64, index: u64) -> Option<String> {
    name::shared_file(one, other, instant, index)
}
