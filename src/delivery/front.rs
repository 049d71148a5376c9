//! A queue as the output behind it sees it.

use std::any::Any;
use std::time::Instant;

use crate::queue::FlushTicket;
use crate::sync::Arc;

/// A queue in front of an output. The output's [core](super::Core) lists its queues, so that a flush of the output waits for all of them; this
/// trait is all that `delivery` knows of a queue.
pub(crate) trait Front: Any + Send + Sync {
    /// Asks that all records that are in the queue by now be written, the output flushed until `deadline`, and synced if `sync`. The ticket
    /// has the result.
    fn request_flush(self: Arc<Self>, deadline: Option<Instant>, sync: bool) -> Arc<FlushTicket>;

    /// Takes a request back, for a caller that no longer waits.
    fn withdraw_flush(&self, ticket: &Arc<FlushTicket>);

    /// True while a writer thread writes the queue's records. In a forked child the thread is not there, and this may stay true for ever.
    fn is_being_written(&self) -> bool;

    /// The queue itself, for the code that made it.
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}
