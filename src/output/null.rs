//! The output that discards all lines.

use std::io;

use super::Output;
use crate::bytes::{Batch, Line};

/// Takes lines and discards them.
pub(crate) struct Null;

impl Output for Null {
    fn write(&self, _: Line<'_>) -> io::Result<()> {
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
