//! Outputs: the traits that an output implements, the small outputs, and how the code of an output is called.
//!
//! | file | what |
//! |---|---|
//! | `traits` | [`Output`] takes finished lines, [`RecordOutput`] takes records, [`CopyOutput`] takes copies of them |
//! | `stream`, `writer`, `make_writer`, `memory`, `memory_records`, `channel`, `print`, `null` | one kind of output each |
//! | `receiver_stream` | the receiver of a channel as a stream |
//! | `any` | an output of any of these traits, as `delivery` calls it |
//! | `guard` | calls into an output: panics become errors, and events that the output logs are recognised |
//!
//! To add an output, for example one for syslog: put a file here that implements [`Output`] (or [`RecordOutput`], if it needs more of a record
//! than its line, such as the level), and add a function to `sink::constructors` that makes a sink of it, with its re-export in `sink`. The output that writes files is in `file`. Counts and notices about missing records are in `delivery`, queues in
//! `queue` and `background`. Imports the rooms up to `fallback`: mainly `bytes`, `record` and `format`.

mod any;
mod channel;
mod guard;
#[cfg(feature = "fmt")]
mod make_writer;
mod memory;
mod memory_records;
mod null;
mod print;
#[cfg(feature = "futures")]
mod receiver_stream;
mod stream;
mod traits;
mod writer;

pub(crate) use any::{AnyOutput, reopen_error};
pub use channel::Receiver;
pub(crate) use channel::{Channel, InUse, Sender, is_no_room};
#[cfg(feature = "file")]
pub(crate) use guard::call_contained;
pub(crate) use guard::{InsideOutput, allocating_under_lock, copy_error, drop_error, is_inside_output, wake_contained};
#[cfg(feature = "fmt")]
pub(crate) use make_writer::MadeWriters;
pub use memory::Memory;
pub use memory_records::MemoryRecords;
pub(crate) use null::Null;
pub(crate) use print::Print;
#[cfg(feature = "futures")]
pub use receiver_stream::ReceiverStream;
pub(crate) use stream::Stream;
pub(crate) use traits::CopyOutput;
pub use traits::{Output, RecordOutput};
pub(crate) use writer::{Callback, Writer};
