//! Outputs: what bytes or records go to. The traits, the small outputs, and how an output's code is called.
//!
//! | file | what |
//! |---|---|
//! | `traits` | [`Output`] takes finished lines, [`RecordOutput`] takes records |
//! | `stream`, `writer`, `memory`, `captured`, `null` | one output each |
//! | `target` | an output of either kind, called with its panics contained |
//! | `guard` | calling code of the program: panics become errors, and what it logs is recognised |
//!
//! To add an output, such as one for syslog: write its file here, implement [`Output`], and add a function to `sink::constructors` that makes
//! a sink of it. The largest output, that of files, has a room of its own: `file`. Counting, formats and notices of lost records are in
//! `delivery`. Imports what stands before it: `bytes`, `record`, `format`, `fallback`.

mod captured;
mod guard;
mod memory;
mod null;
mod stream;
mod target;
mod traits;
mod writer;

pub(crate) use captured::Captured;
pub(crate) use guard::{InsideOutput, discard, is_inside_output};
pub use memory::Memory;
pub(crate) use null::Null;
pub(crate) use stream::Stream;
pub(crate) use target::{Target, not_reopened};
pub use traits::{Output, RecordOutput};
pub(crate) use writer::{Callback, Writer};
