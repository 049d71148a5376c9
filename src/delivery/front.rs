//! What a flush of an output needs from a queue in front of it.

use std::any::Any;
use std::time::Instant;

use crate::queue::FlushTicket;
use crate::sync::Arc;

/// A queue in front of an output.
///
/// The [core](super::Core) of an output lists the queues in front of it, so that a flush of the output waits for all of them. `delivery`
/// knows queues only through this trait.
pub(crate) trait Front: Any + Send + Sync {
    /// Requests that all records that are in the queue now be written, and that the output be flushed until `deadline`, and synced if `sync`.
    /// The returned ticket gets the result.
    fn request_flush(self: Arc<Self>, deadline: Option<Instant>, sync: bool) -> Arc<FlushTicket>;

    /// Withdraws the request of a caller that no longer waits.
    fn withdraw_flush(self: Arc<Self>, ticket: &Arc<FlushTicket>);

    /// Has the log calls of abandoned contexts go on that wait for the queue.
    fn give_up_abandoned_calls(self: Arc<Self>);

    /// True while a writer thread is inside the output. A forked child has no writer threads: there this can stay true for ever.
    fn is_being_written(&self) -> bool;

    /// Returns the queue itself, for `background`, which made it.
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}
