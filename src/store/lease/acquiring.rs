//! Waiting for a lease in a task: on a thread, which asks the backend and waits.

use super::acquisition::{Acquisition, Cancel};
use super::errors::no_thread;
use super::guard::LeaseGuard;
use super::options::Lease;
use crate::error::Error;
use crate::lock::try_offload;
use crate::store::carried::in_context;

/// Has the thread of a future that is dropped end its wait. If it has just got the lease, it drops the guard.
struct CancelOnDrop {
    cancel: Cancel,
    lease: Lease,
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.cancel.cancel(&self.lease);
    }
}

/// Gets the lease on a thread that logs to where the caller of this logs.
pub(super) async fn acquire(lease: Lease, acquisition: Result<Acquisition, Error>) -> Result<LeaseGuard, Error> {
    let (acquisition, cancel) = (acquisition?, Cancel::default());
    let _on_drop = CancelOnDrop { cancel: cancel.clone(), lease: lease.clone() };
    let waited = try_offload("logscope-lease", in_context(move || acquisition.wait(&cancel))).await;
    waited.map_err(|error| no_thread(&lease, "that waits for", error))?
}
