//! Nowhere.

use std::io;

use super::delivery::Target;
use super::{Batch, Output, Sink};

pub(super) struct Null;

impl Output for Null {
    fn write(&self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn write_batch(&self, batch: &mut Batch<'_>) -> io::Result<()> {
        batch.advance(usize::MAX);
        Ok(())
    }

    fn describe(&self) -> String {
        String::from("null")
    }
}

/// A sink that renders each record and discards the line: for benchmarks, and where a sink is required.
///
/// ```
/// let sink = logscope::sink::null();
/// assert_eq!(sink.to_string(), "null");
/// ```
pub fn null() -> Sink {
    Sink::over(Target::Lines(Box::new(Null)))
}
