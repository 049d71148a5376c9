//! The end of the process, and forks: what queued sinks do then.
//!
//! | file | what |
//! |---|---|
//! | `hooks` | has the C library call this module at exit and around forks, and sets the panic hook |
//! | `end` | `shutdown`, and writing what is queued when the process ends |
//! | `fork` | before and after a fork |
//!
//! How long an exit waits is `EXIT_DEADLINE` in `limits`, unless the program sets it. How forks and writer threads wait for each other is in
//! `background::fork_gate`.

mod end;
mod fork;
mod hooks;

pub(crate) use end::shutdown;
pub(super) use hooks::install;
