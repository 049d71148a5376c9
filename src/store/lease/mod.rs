//! Locks that expire: [`Lease`].

mod acquiring;
mod acquisition;
mod backend;
mod bell;
mod clock;
mod errors;
mod folder;
mod guard;
mod held;
mod keeper;
mod log;
mod memory;
mod options;
mod public;
mod watch;

pub use backend::{LeaseBackend, LeaseClaim, LeaseHolder, LeaseState};
pub use folder::FolderLeases;
pub use guard::LeaseGuard;
pub use memory::MemoryLeases;
pub use options::Lease;
