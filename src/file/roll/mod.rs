//! Rolling: a log continues in another file, by size or by time.
//!
//! | file | what |
//! |---|---|
//! | `options` | the options that a program sets: [`Roll`] |
//! | `when` | when a log rolls, and to which file |
//! | `retention` | removes the oldest files |
//! | `latest` | the link to the current file |
//! | `gzip` | compresses the files that are no longer written to (feature `gzip`) |
//!
//! `file::name` has the names of the files, and `file::appender` switches from one file to the next.

#[cfg(feature = "gzip")]
mod gzip;
mod latest;
mod options;
mod retention;
mod when;

pub use options::Roll;
pub(super) use when::Roller;
