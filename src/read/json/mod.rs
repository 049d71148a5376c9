//! Parses JSON Lines, as [`Format::json`](crate::Format::json) writes them: `deserialize` one record, `lines` a whole log.
//! How they are written stands in `format/json/`.

mod deserialize;
mod lines;
mod parse;
#[cfg(test)]
mod tests;

pub use lines::{JsonLines, json_file, json_lines};
