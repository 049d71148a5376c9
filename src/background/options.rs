//! The options of a queue.

use std::time::Duration;

use tracing::level_filters::LevelFilter;

use crate::limits::PATIENCE;

/// The smallest capacity of a queue, in bytes.
const MIN_BYTES: usize = 4 << 10;
/// The largest, in bytes.
const MAX_BYTES: usize = 1 << 30;

/// Sets the size of a sink's queue, and what happens when it is full.
///
/// ```
/// use logscope::{LevelFilter, sink};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("uno.log");
/// let queue = sink::Queue::new().bytes(256 << 10).overflow(sink::Overflow::DropOldest).flush_at(LevelFilter::ERROR);
/// let log = sink::file(&path).open()?.queued(queue);
/// # Ok::<(), logscope::Error>(())
/// ```
///
/// [`Sink::queued`](crate::sink::Sink::queued) takes these options and says when queued records are written.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use = "a queue does nothing until it is given to a sink, with `.queued(…)`"]
pub struct Queue {
    pub(super) bytes: usize,
    pub(super) overflow: Overflow,
    pub(super) flush_at: LevelFilter,
    pub(super) sync_at: LevelFilter,
    pub(super) patience: Duration,
}

/// Decides what happens to a record that a full queue has no room for.
///
/// ```
/// use logscope::sink::{Overflow, Queue};
///
/// let queue = Queue::new().overflow(Overflow::DropNewest);
/// ```
///
/// Dropped records are counted in the sink's [ledger](crate::sink::Sink::ledger), and a drop notice in the log says how many are missing.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Overflow {
    /// The log call waits until there is room (backpressure): no record is lost as long as the output makes progress.
    ///
    /// If the output takes nothing for the queue's [`patience`](Queue::patience), the record is dropped, and so is every later one that
    /// finds the queue full, until the output takes something again.
    #[default]
    Block,
    /// The new record is dropped.
    DropNewest,
    /// The oldest records in the queue are evicted (dropped) to make room for the new one.
    DropOldest,
}

impl Queue {
    /// Creates the options of a queue of 1 MiB that blocks when it is full.
    pub fn new() -> Self {
        Queue {
            bytes: 1 << 20,
            overflow: Overflow::Block,
            flush_at: LevelFilter::OFF,
            sync_at: LevelFilter::OFF,
            patience: PATIENCE,
        }
    }

    /// Sets the capacity of the queue in bytes: 1 MiB unless set.
    ///
    /// The number is rounded up to a power of two, from 4 KiB to 1 GiB. A record takes 16 to 23 bytes more than its line. Memory is used
    /// only as far as the queue fills up.
    ///
    /// A record that is longer than the whole queue is dropped, unless [`overflow`](Queue::overflow) is [`Block`](Overflow::Block). Then
    /// the log call waits until the queue is written, within its [`patience`](Queue::patience), and writes the record itself.
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes.clamp(MIN_BYTES, MAX_BYTES).next_power_of_two();
        self
    }

    /// Sets what happens to a record that a full queue has no room for: [`Overflow::Block`] unless set.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// Sets the levels whose records are flushed at once: none unless set.
    ///
    /// With `LevelFilter::ERROR`, a call that logs an error returns after that record, and every record that was logged before it, has
    /// reached the operating system.
    ///
    /// The call waits one second at most for room, if the queue is full, and one second at most for the flush. After such a wait in vain,
    /// later calls do not wait until the output has been written to. With [`Overflow::Block`], the wait for room lasts as long as for any
    /// record.
    pub fn flush_at(mut self, level: impl Into<LevelFilter>) -> Self {
        self.flush_at = level.into();
        self
    }

    /// Sets the levels whose records are brought to the storage device at once: none unless set.
    ///
    /// ```
    /// use logscope::{LevelFilter, sink};
    ///
    /// let queue = sink::Queue::new().sync_at(LevelFilter::ERROR);
    /// ```
    ///
    /// With `LevelFilter::ERROR`, a call that logs an error returns after that record, and every record that was logged before it, would
    /// survive a power cut. The call waits as with [`flush_at`](Queue::flush_at). A sync that fails is reported on stderr, once until one
    /// succeeds. [`Sink::sync_at`](crate::sink::Sink::sync_at) does the same for a sink without a queue.
    pub fn sync_at(mut self, level: impl Into<LevelFilter>) -> Self {
        self.sync_at = level.into();
        self
    }

    /// Sets how long a log call with [`Overflow::Block`] waits for room while the output takes nothing: ten seconds unless set.
    ///
    /// ```
    /// use logscope::sink;
    /// use std::time::Duration;
    ///
    /// let queue = sink::Queue::new().patience(Duration::from_secs(1));
    /// ```
    ///
    /// The time counts from the output's last progress, and not from the record: an output that has stopped holds a thread up once, and not for
    /// each of its records. An output that is slow, but takes something now and then, drops nothing. With [`Duration::MAX`], calls wait for
    /// ever.
    pub fn patience(mut self, time: Duration) -> Self {
        self.patience = time;
        self
    }
}

impl Default for Queue {
    fn default() -> Self {
        Queue::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_is_rounded_up_to_a_power_of_two_within_bounds() {
        for (asked, given) in [(0, MIN_BYTES), (5_000, 8 << 10), (1 << 20, 1 << 20), (usize::MAX, MAX_BYTES)] {
            assert_eq!(Queue::new().bytes(asked).bytes, given, "{asked}");
        }
    }
}
