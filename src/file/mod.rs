//! Log files: opened append-only, one output per file, rolled, and found again when they are moved or removed.
//!
//! Two handles with a lock each would tear each other's lines after a short write and give two ledgers for one file, so a file has one
//! output however it is reached. It is known by device and inode *after* it was opened: names prove nothing (relative and absolute
//! spellings, links, a file that was removed and made again), and a look before opening would race.
//!
//! | file | what |
//! |---|---|
//! | `options` | what a program says of a file |
//! | `name` | file names: safe ones for any text, and those of rolled files |
//! | `open` | opening, and the errors that say what would help |
//! | `registry`, `keys` | one output per file |
//! | `appender` | the output, and how a file that is gone is noticed |
//! | `current`, `rescue` | the file that is written to, and what is saved of one that was removed |
//! | `roll` | when a log goes on in another file, and what becomes of the old ones |
//! | `descriptors` | how many files are open at once |
//! | `os` | what is asked of Unix, and of others |
//!
//! Nothing here knows queues, ledgers or sinks: `sink::file` makes a sink of an open file. Imports what stands before it, `output` last.

mod appender;
mod current;
mod descriptors;
mod keys;
mod name;
mod open;
mod options;
mod os;
mod registry;
mod rescue;
mod roll;

pub use descriptors::max_open_files;
#[cfg(test)]
pub(crate) use open::appender_of;
pub use open::reopen_all;
pub(crate) use open::{FileLease, open};
pub use options::{FileOptions, file, file_in};
pub use roll::Roll;
