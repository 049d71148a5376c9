//! Formats: how a record becomes a line of bytes.
//!
//! A program chooses a [`Format`] for each sink; a [`Renderer`] is a format together with the answer to whether its lines are coloured.
//! Rendering happens on the thread that logs, outside every lock, into a [`buffer`] of the thread's own; equal renderers share one
//! rendering of a record ([`scratch`]).
//!
//! There is one way to render, for layouts of this crate and of programs alike. It is quick because of what it is written with:
//!
//! - a line is a [`LineBuffer`](crate::line_buffer), which takes short pieces as whole words;
//! - a text that needs no escape is searched and copied in one pass, and only one that does is looked at character by character ([`escape`], [`quote`]);
//! - integers of up to eight digits, and floats with up to three decimals, are written without division or table (`number`);
//! - the names of fields are ready to be written, with what stands around them (`callsites`, `names`);
//! - what is rare is out of line, so that what is frequent saves no registers for it.
//!
//! | to change | see |
//! |---|---|
//! | the layouts that a program can choose, and their defaults | `choice` |
//! | the options of a format | `options`, `setters`; those of times `times`, `local` |
//! | one layout: its columns, keys and fragments of spans and contexts | the folder of its name: `text/`, `build/`, `json/`, `logfmt/`, `pretty/`, `raw/` |
//! | what a layout is, and what it writes to | `layout/` |
//! | how JSON prints a float, a wide integer, a string | `json/value`; in serialized records and snapshots, `json/serialize` |
//! | the notation that text, build and logfmt share (`name=value`, `span{a=1}`) | `plain/` |
//! | which characters are escaped, and how | `escape` |
//! | which texts and names stand without quotes | `quote` |
//! | digits of numbers and times | `number`, `timestamp` |
//! | reserved names, names that occur twice, and names that are ready to be written | `reserved`, `names`, `callsites` |
//! | a format as words, for another process | `portable` |
//! | when lines are coloured, and the colours | `color`, `ansi` |
//!
//! Imports: `record`, `verbosity` (for decisions that are made once per callsite), and what stands before them. Reading lines back is in
//! `read`.
//!
//! Every format keeps these rules, whatever a program logs:
//!
//! - a record begins at the start of a line and ends in one `\n`; nothing inside it can forge another record ([`escape`]);
//! - a value whose `Debug` or `Display` panics or fails is cut there and marked, and the rest of the record is rendered;
//! - the message is the first field called `message`, whatever its type; a later field of a name that is taken is called `NAME#2`, or by
//!   the next number that is free;
//! - nothing is allocated once the thread's buffers are warm, but what is kept with a new span or context.

mod ansi;
pub(crate) mod buffer;
mod build;
mod callsites;
mod choice;
mod color;
pub(crate) mod escape;
#[cfg(test)]
mod fragments_tests;
mod json;
pub(crate) mod layout;
mod local;
mod logfmt;
mod names;
mod number;
mod options;
mod plain;
#[cfg(feature = "file")]
mod portable;
mod pretty;
pub(crate) mod quote;
mod raw;
mod renderer;
pub(crate) mod reserved;
pub(crate) mod scratch;
mod setters;
#[cfg(test)]
pub(crate) mod test_support;
mod text;
mod times;
pub(crate) mod timestamp;

pub use choice::Format;
pub use color::Color;
pub(crate) use color::Screen;
pub use layout::{Layout, LayoutWriter};
pub use options::Ansi;
pub(crate) use options::{Notation, TextParts};
pub(crate) use renderer::Renderer;
#[cfg(feature = "fmt")]
pub(crate) use scratch::with_finished_line;
pub(crate) use scratch::{Scratch, with_scratch};
pub use times::{ElapsedStyle, Time};
