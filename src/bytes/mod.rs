//! How bytes reach a file descriptor or an [`io::Write`](std::io::Write): batches of lines, and whole lines in spite of short writes.
//!
//! - [`Batch`]: several lines in one piece, and how many of them the output has taken;
//! - [`Line`]: one finished line, with the level of its record;
//! - [`ByteWriter`]: a destination of bytes, which may take only some of them;
//! - [`LineWriter`]: the state that an output keeps from one line to the next, so that each record begins at the start of a line;
//! - [`StandardStream`]: stdout or stderr, with the lock that everybody takes who writes lines to it.
//!
//! Nothing here knows what a record is: rendering is in `format`, the outputs are in `output` and `file`. Imports the rooms up to
//! `process` only.

mod batch;
mod byte_writer;
mod line;
mod line_writer;
#[cfg(test)]
pub(crate) mod scripted;
mod standard_stream;

pub use batch::Batch;
pub(crate) use batch::TakenObserver;
pub(crate) use byte_writer::{ByteWriter, IoWriter};
#[cfg(unix)]
pub(crate) use byte_writer::{FdWriter, is_writable};
pub use line::Line;
pub(crate) use line_writer::LineWriter;
pub(crate) use standard_stream::StandardStream;
