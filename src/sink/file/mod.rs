//! Files, opened append-only, one output per file.
//!
//! Two handles with a lock each would tear each other's lines after a short write and give two ledgers for one file, so a file
//! has one output however it is reached. It is known by device and inode *after* it was opened: names prove nothing (relative
//! and absolute spellings, links, a file that was removed and made again), and asking before opening would race.
//!
//! | file | what |
//! |---|---|
//! | `options` | what a program says of a file |
//! | `safe_name` | file names for names that come from anywhere |
//! | `open` | opening, and the registry of what is open |
//! | `appender` | the output, and how a file that is gone is noticed |
//! | `live`, `rescue` | the file that is written to, and what is saved of one that was removed |
//! | `roll`, `roller` | when a log goes on in another file: what a program says, and what is done |
//! | `names`, `period` | how the files of such a log are called |
//! | `latest`, `gzip`, `retention` | the link to the newest of them, compressing the others, and removing the oldest |
//! | `descriptors` | how many are open at once |
//! | `system` | what is asked of Unix, and of others |

mod appender;
mod descriptors;
#[cfg(feature = "gzip")]
mod gzip;
mod latest;
mod live;
mod names;
mod open;
mod options;
mod period;
mod rescue;
mod retention;
mod roll;
mod roller;
mod safe_name;
mod system;

pub use descriptors::max_open_files;
pub(super) use open::FileLease;
pub use open::reopen_all;
pub use options::{FileOptions, file, file_in};
pub use roll::Roll;

#[cfg(test)]
mod tests;
