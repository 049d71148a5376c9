//! How bytes reach a file descriptor or an [`io::Write`](std::io::Write): batches of lines, and whole lines in spite of short writes.
//!
//! [`Batch`] is several lines in one piece, with a note of how many the output has taken. [`ByteWriter`] is what takes bytes, and
//! [`LineWriter`] is the state that one output keeps from line to line, so that each line begins at the start of a line.
//!
//! Nothing here knows what a record is: rendering is in `format`, the outputs themselves are in `output` and `file`. Imports `sync` and
//! `limits` only.

mod batch;
mod byte_writer;
mod line_writer;
#[cfg(test)]
pub(crate) mod scripted;

pub use batch::Batch;
pub(crate) use byte_writer::{ByteWriter, IoWriter};
#[cfg(unix)]
pub(crate) use byte_writer::{FdWriter, is_writable};
pub(crate) use line_writer::LineWriter;
