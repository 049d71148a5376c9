//! Work for a thread of the library, which logs to where the caller logs.

use crate::lock::bind;
use crate::sync::Arc;
use crate::sync::model::Mutex;

/// Has `work` log to where the caller logs.
pub(super) fn in_context<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl FnOnce() -> T + Send + 'static {
    let done = Arc::new(Mutex::new(None));
    let place = Arc::clone(&done);
    let job = bind(Box::new(move || {
        let value = work();
        *place.lock() = Some(value);
    }));
    move || {
        job();
        let value = done.lock().take();
        value.expect("the job has run")
    }
}
