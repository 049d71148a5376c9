//! Carrying what a thread logs to over to a thread of the library.

use tracing::{Span, dispatcher};

use crate::sync::OnceLock;

/// Something to do later, on another thread.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

static CARRIER: OnceLock<fn(Job) -> Job> = OnceLock::new();

/// Has the jobs of locks carried by `bind`, which returns a job that runs in what the calling thread logs to. All callers give the same function.
///
/// This room knows nothing of contexts: whoever does says here how they are carried.
pub(crate) fn set_carrier(bind: fn(Job) -> Job) {
    let _ = CARRIER.set(bind);
}

/// Returns a job that logs to where the calling thread logs now.
pub(crate) fn bind(job: Job) -> Job {
    let (dispatch, span) = (dispatcher::get_default(Clone::clone), Span::current());
    let job = Box::new(move || dispatcher::with_default(&dispatch, || span.in_scope(job)));
    match CARRIER.get() {
        Some(bind) => bind(job),
        None => job,
    }
}
