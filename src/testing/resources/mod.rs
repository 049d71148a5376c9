//! What tests share, and what each has alone, over threads and processes: resources, workers, folders and ports.
//!
//! All of it is locked by the operating system ([`FileLock`](crate::lock::FileLock)), in one folder of the user: what a process holds is free when it
//! dies.

mod folder;
mod port;
mod scratch;
mod shared;
mod worker;

pub(crate) use folder::shared_path;
pub use port::{FreePort, Ports, free_port};
pub use scratch::{ScratchDir, scratch_dir};
pub(crate) use shared::held_while_waiting;
pub use shared::{ResourceGuard, exclusive, shared};
pub use worker::{per_worker, worker_id};
