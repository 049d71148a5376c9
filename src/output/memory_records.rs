//! Records kept in memory.

use std::fmt;
use std::io;

use super::CopyOutput;
use crate::record::RecordBuf;
use crate::sync::{Arc, Mutex};

/// Reads the records that a [`memory_records`](crate::sink::memory_records) sink has taken. Clones share the records.
///
/// ```
/// use logscope::{OutputContext, sink};
///
/// # logscope::init();
/// let (sink, memory) = sink::memory_records();
/// OutputContext::builder("uno").sink(sink).build().scope(|| tracing::info!(unit = "core", "compiling"));
/// let records = memory.records();
/// assert_eq!(records[0].message, "compiling");
/// assert_eq!(records[0].field("unit").and_then(|unit| unit.as_str()), Some("core"));
/// ```
#[derive(Clone, Default)]
pub struct MemoryRecords(Arc<Mutex<Vec<RecordBuf>>>);

impl MemoryRecords {
    /// Returns copies of the records, in the order in which they came.
    #[must_use]
    pub fn records(&self) -> Vec<RecordBuf> {
        self.0.lock().clone()
    }

    /// Removes all records and returns them.
    #[must_use = "to remove the records only, use `clear`"]
    pub fn take(&self) -> Vec<RecordBuf> {
        std::mem::take(&mut self.0.lock())
    }

    /// Returns the number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// Returns true if there are no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    /// Removes all records.
    pub fn clear(&self) {
        drop(self.take());
    }
}

impl CopyOutput for MemoryRecords {
    fn write(&self, record: RecordBuf) -> io::Result<()> {
        self.0.lock().push(record);
        Ok(())
    }

    fn describe(&self) -> String {
        String::from("memory")
    }
}

impl fmt::Debug for MemoryRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MemoryRecords").field(&self.records()).finish()
    }
}

// A panic leaves no record half there.
impl std::panic::UnwindSafe for MemoryRecords {}
impl std::panic::RefUnwindSafe for MemoryRecords {}
