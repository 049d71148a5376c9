//! Lines kept in memory.

use std::fmt;
use std::io;

use super::Output;
use crate::bytes::{Batch, Line};
use crate::sync::{Arc, Mutex};

/// Reads the lines that a [`memory`](crate::sink::memory()) sink has taken. Clones share the lines.
///
/// ```
/// use logscope::{OutputContext, sink};
///
/// # logscope::init();
/// let (sink, memory) = sink::memory();
/// OutputContext::builder("uno").sink(sink).build().scope(|| tracing::info!("compiling"));
/// assert_eq!(memory.len(), 1);
/// assert!(memory.text().ends_with("compiling\n"));
/// # Ok::<(), logscope::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<String>>);

impl Memory {
    /// Returns the lines, without their `\n`.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().lines().map(str::to_owned).collect()
    }

    /// Returns the whole text.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.lock().clone()
    }

    /// Returns the number of lines.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.lock().lines().count()
    }

    /// Returns true if there are no lines.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    /// Removes all lines.
    pub fn clear(&self) {
        self.0.lock().clear();
    }

    fn push(&self, lines: &[u8]) -> io::Result<()> {
        let lines = str::from_utf8(lines).map_err(io::Error::other)?;
        self.0.lock().push_str(lines);
        Ok(())
    }
}

impl Output for Memory {
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        self.push(line.bytes())
    }

    fn write_batch(&self, batch: &mut Batch<'_>) -> io::Result<()> {
        self.push(batch.rest())?;
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

// A panic leaves no record half there.
impl std::panic::UnwindSafe for Memory {}
impl std::panic::RefUnwindSafe for Memory {}
