//! What a queue is to be like.

use tracing::level_filters::LevelFilter;

/// The least that a queue has room for, in bytes.
const MIN_BYTES: usize = 4 << 10;
/// The most, in bytes.
const MAX_BYTES: usize = 1 << 30;

/// How a sink is queued: see [`Sink::queued`](crate::sink::Sink::queued).
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
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use = "a queue does nothing until it is given to a sink, with `.queued(…)`"]
pub struct Queue {
    pub(super) bytes: usize,
    pub(super) overflow: Overflow,
    pub(super) flush_at: LevelFilter,
}

/// What happens to a record that a queue has no room for.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Overflow {
    /// The call that logs waits until there is room: nothing is lost, and a device that stands still holds up the work.
    #[default]
    Block,
    /// The record is dropped.
    DropNewest,
    /// The oldest records in the queue are dropped to make room for it.
    DropOldest,
}

impl Queue {
    /// A queue with room for 1 MiB, which blocks when it is full.
    pub fn new() -> Self {
        Queue { bytes: 1 << 20, overflow: Overflow::Block, flush_at: LevelFilter::OFF }
    }

    /// Sets for how many bytes it has room: 1 MiB unless set. A record takes the bytes of its line and 16 to 23 more. What is given is
    /// rounded up to a power of two, from 4 KiB to 1 GiB. Memory is used only as far as the queue fills up.
    ///
    /// A record that is longer than the queue waits until the queue is empty and is written by the call that logs, or is dropped,
    /// if [`overflow`](Queue::overflow) is not [`Block`](Overflow::Block).
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes.clamp(MIN_BYTES, MAX_BYTES).next_power_of_two();
        self
    }

    /// Sets what happens to a record that there is no room for: [`Overflow::Block`] unless set. Whatever is dropped is counted, and
    /// stated in the log where it is missing.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// Sets which records are to be flushed at once: with `LevelFilter::ERROR`, a call that logs an error returns when that, and all
    /// that was logged before it, is with the operating system. No record is, unless set.
    ///
    /// It waits for a second at most, for room if there is none and for the flush, and after a wait in vain not again until the output has
    /// taken something.
    pub fn flush_at(mut self, level: impl Into<LevelFilter>) -> Self {
        self.flush_at = level.into();
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
