//! Tests that see their own log: each test records what it logs, in all its threads and tasks, asks for records, and shows them if it fails.
//!
//! ```
//! use logscope::{Level, testing};
//!
//! fn connect(attempts: u32) {
//!     for attempt in 1..attempts {
//!         tracing::warn!(attempt, "refused");
//!     }
//!     tracing::info!("connected");
//! }
//!
//! // #[test]
//! fn connects_at_the_third_attempt() {
//!     testing::capture(|log| {
//!         log.deny(Level::ERROR);
//!         connect(3);
//!         log.records().level(Level::WARN).message("refused").exactly(2);
//!         log.records().in_order(["refused", "connected"]);
//!     });
//! }
//! # connects_at_the_third_attempt();
//! ```
//!
//! Tests run in parallel, and none sees the records of another. A test that passes prints nothing, and one that fails shows its own records.
//! The guide [A test suite](crate::docs::test_suite) has more, and tables for those who come from `test-log`, `tracing-test` and `pytest`.
//!
//! # Recording
//!
//! [`capture()`], [`capture_async`] and [`begin`] give the test a context, which [follows the work](crate::docs::carry) to threads, pools and
//! tasks. [`options()`] sets more, such as a clock. [`case()`] is for each of many attempts, such as those of `proptest`.
//!
//! # Asking
//!
//! [`Log::records`] starts a [`Query`], which asserts which records there are, and waits for those of other threads. [`Log::deny`] has errors
//! fail a test. [`Log::text`] and [`Log::json`] are for snapshots.
//!
//! # Where the output goes
//!
//! | how the tests run | records are shown |
//! |---|---|
//! | `cargo test` | with the test, if it fails; with `--show-output`, also if it passes |
//! | `cargo test -- --nocapture` | on stderr as they come, each line with its test |
//! | nextest | as they come; nextest keeps them for the test, and shows them if it fails |
//! | with `LOGSCOPE_TEST_DIR` | also as they come, in a file for each test; the names of those that failed begin with `1-failed`, of those that never ended with `2-unfinished`, of the others with `3-passed`; where a test has failed in an earlier run, that log stays as `4-failed-before` |
//!
//! Set `LOGSCOPE_TEST_DIR` to an absolute path: cargo runs the tests of each package in the folder of that package, from which a relative one
//! counts. Such a file also has why the test has failed, and what was logged outside every context while it ran. A test of many [cases](case()) has one
//! file, with its last failure if there is one. A test fails if it panics, or if the closure of its capture returns an error; an error
//! that is returned past a guard of [`begin`], or after the capture, is not known. A panic on the thread of the test, after its capture, fails the test
//! in its file even if the test catches it, unless the capture was given a name of its own.
//!
//! `LOGSCOPE_TEST` has the [directives](crate::Verbosity#directives) of what is shown: `LOGSCOPE_TEST=info,hyper=off cargo test`. What is
//! recorded stays the same.
//!
//! # What tests share, and how they wait
//!
//! | what | |
//! |---|---|
//! | [`Signal`], [`wait_until`], [`run_together`], [`Turns`], [`retry`] | waiting without sleeping, several threads at once, and a fixed interleaving |
//! | [`exclusive`], [`shared`], [`per_worker`], [`worker_id`], [`scratch_dir`], [`free_port`] | what tests share, and what each has alone, over threads and processes |
//! | [`isolated()`] | tests that change what the whole process shares, and that leave nothing behind |
//! | [`child()`] | the same test again, in a process of its own |
//! | [`stability()`] | a scenario again and again, on 1, 2 and 4 threads |
//! | [`seed()`], [`random`] | one seed for every random choice |

// The files, from those that know least: `harness` is what runs the tests, `store` keeps records, `lines` prints them, `filter` selects; `live`
// writes them as they come; `recording` is all of one test, `open` lists those that run; `unclaimed` is the process default; `failure`, `query` and
// `arrival` are asking; `normalize` is for snapshots; `options`, `log`, `end`, `capture`, `case` and `isolated` are what a test sees of all this. Beside these: `told` and
// `seed`; `sync`, `resources` and `child`; `stability` and `time`.

mod arrival;
mod attempts;
mod capture;
mod case;
mod child;
mod end;
mod failure;
mod filter;
mod harness;
mod init;
mod isolated;
mod lines;
mod live;
mod log;
mod log_file;
mod normalize;
mod open;
mod options;
mod panics;
mod query;
mod recording;
mod removal;
mod resources;
mod seed;
mod seed_value;
mod stability;
mod store;
mod sync;
#[cfg(feature = "tokio")]
mod time;
mod told;
mod unclaimed;

pub use capture::{Capture, begin, capture, capture_async, strict};
pub use case::{Outcome, case};
pub use child::{Child, EndedChild, Limit, Report, RunningChild, child, child_role, in_child};
pub use init::{init, try_init};
pub use isolated::isolated;
pub use log::Log;
pub use normalize::Normalize;
pub use options::{CaptureOptions, options};
pub use query::Query;
pub use resources::{
    FreePort, Ports, ResourceGuard, ScratchDir, exclusive, free_port, per_worker, scratch_dir, shared, worker_id,
};
pub use seed::{Random, random, seed};
pub use stability::{Run, Stability, StabilityLevel, StabilityReport, stability};
pub use sync::{Backoff, Look, Signal, Turns, retry, run_together, wait_until, wait_until_async};
#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
pub use time::tokio_clock;
