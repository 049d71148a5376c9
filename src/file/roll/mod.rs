//! Rolling: a log goes on in another file, by size or by time.
//!
//! | file | what |
//! |---|---|
//! | `options` | what a program sets: [`Roll`] |
//! | `when` | when a log goes on in which file |
//! | `retention` | removing the oldest files |
//! | `latest` | the link to the newest file |
//! | `gzip` | compressing the files that are no longer written to (feature `gzip`) |
//!
//! How the files are called is in `file::name`.

#[cfg(feature = "gzip")]
mod gzip;
mod latest;
mod options;
mod retention;
mod when;

pub use options::Roll;
pub(super) use when::Roller;
