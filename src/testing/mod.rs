//! A test harness: what tests need to be sure of themselves. (Feature `testing`.)
//!
//! | what | |
//! |---|---|
//! | [`Signal`], [`wait_until`], [`run_together`], [`Turns`], [`retry`] | waiting without sleeping, several threads at once, and a fixed interleaving |
//! | [`exclusive`], [`shared`], [`per_worker`], [`worker_id`], [`scratch_dir`], [`free_port`] | what tests share, and what each has alone, over threads and processes |
//! | [`isolated`] | tests that change what the whole process shares, and that leave nothing behind |
//! | [`child`] | the same test again, in a process of its own |
//! | [`stability()`] | a scenario again and again, on 1, 2 and 4 threads |
//! | [`seed()`], [`random`] | one seed for every random choice |

mod child;
mod isolated;
mod resources;
mod seed;
mod stability;
mod sync;
#[cfg(feature = "tokio")]
mod time;
mod told;

pub use child::{Child, EndedChild, Limit, Report, RunningChild, child, child_role, in_child};
pub use isolated::isolated;
pub use resources::{
    FreePort, Ports, ResourceGuard, ScratchDir, exclusive, free_port, per_worker, scratch_dir, shared, worker_id,
};
pub use seed::{Random, random, seed};
pub use stability::{Run, Stability, StabilityLevel, StabilityReport, stability};
pub use sync::{Backoff, Look, Signal, Turns, retry, run_together, wait_until, wait_until_async};
#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
pub use time::tokio_clock;
