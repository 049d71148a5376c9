//! Lines kept in memory.

use std::fmt;
use std::io;

use super::Output;
use crate::bytes::Batch;
use crate::sync::{Arc, Mutex};

/// What a [`memory`](crate::sink::memory()) sink has been given. Clones are the same memory.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<String>>);

impl Memory {
    /// The lines, without their `\n`.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().lines().map(str::to_owned).collect()
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.lock().clone()
    }

    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.lock().lines().count()
    }

    /// True if there are no lines.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    /// Forgets all lines.
    pub fn clear(&self) {
        self.0.lock().clear();
    }
}

impl Output for Memory {
    fn write(&self, line: &[u8]) -> io::Result<()> {
        let line = str::from_utf8(line).map_err(io::Error::other)?;
        self.0.lock().push_str(line);
        Ok(())
    }

    fn write_batch(&self, batch: &mut Batch<'_>) -> io::Result<()> {
        self.write(batch.rest())?;
        batch.advance(usize::MAX);
        Ok(())
    }

    fn describe(&self) -> String {
        String::from("memory")
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Memory").field(&self.lines()).finish()
    }
}
