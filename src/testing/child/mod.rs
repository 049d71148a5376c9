//! The same test again, in a process of its own.

mod before;
mod ended;
mod limit;
mod name;
mod options;
mod role;
mod running;

pub use ended::EndedChild;
pub use limit::Limit;
pub use options::Child;
pub use role::{Report, child_role, in_child};
pub use running::RunningChild;

/// Prepares a process of its own that runs this test again: with other environment variables, arguments, limits, or another folder.
///
/// Changing the environment of one's own process is unsound beside other threads, and so are some other things that only a process of its own can do:
/// to exit, to be killed, to close its streams.
///
/// ```no_run
/// use logscope::testing::child;
///
/// #[test]
/// fn the_environment_says_how_much_is_logged() {
///     let ended = child().env("RUST_LOG", "debug").run(|| {
///         // In the child.
///         logscope::init();
///         tracing::debug!("shown");
///     });
///     // In the parent, when the child has ended with success.
///     assert!(ended.stderr.contains("shown"));
/// }
/// ```
///
/// The child is this test binary, with `--exact` and the name of this test, which is that of the thread. It runs the test from the beginning, comes
/// to the same call of [`run`](Child::run), runs the closure, and exits. So what stands before `run` in the test is run in both. If there are several
/// calls of `run`, a child finds what came of those before its own, and does not run them again. If that is too much, or for several at the same
/// time, say what they do at the beginning of the test, by [`in_child`], and [`start`](Child::start) them.
///
/// It has the [seed](super::seed()) of this process. Where `LOGSCOPE_TEST_DIR` is set, its logs are in the [folder](EndedChild::path) of the child.
///
/// If a child fails, so does the test, and shows what the child wrote. One that takes too long is killed, and so is one whose test ends before it.
/// Works under libtest and nextest.
pub fn child() -> Child {
    Child::new()
}
