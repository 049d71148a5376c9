//! One of many attempts of a test, of which only the last failure is shown.

use std::any::type_name;
use std::fmt::Debug;

use super::attempts::{self, keep_failed};
use super::capture::Capture;
use super::end::{End, Verdict};
use super::log::Log;
use super::options::options;
use super::panics::panic_at_end;
use crate::sync::thread;

/// What an attempt returns: nothing, or a `Result`, which says whether it has failed.
pub trait Outcome {
    /// Returns true if the attempt has failed.
    fn is_failure(&self) -> bool;

    /// Returns true if the attempt counts for nothing, such as one whose input proptest's `prop_assume!` has rejected.
    fn is_rejected(&self) -> bool {
        false
    }
}

impl Outcome for () {
    fn is_failure(&self) -> bool {
        false
    }
}

impl<T, E: Debug> Outcome for Result<T, E> {
    fn is_failure(&self) -> bool {
        self.is_err() && !self.is_rejected()
    }

    /// Returns true for proptest's `TestCaseError::Reject`.
    fn is_rejected(&self) -> bool {
        // By its name: proptest is no dependency.
        type_name::<E>().ends_with("::TestCaseError")
            && self.as_ref().is_err_and(|error| format!("{error:?}").starts_with("Reject("))
    }
}

/// Runs one of many attempts of a test, such as a case of `proptest`, in a context of its own. If the test fails, it shows the last attempt that
/// failed, and no other.
///
/// ```
/// use logscope::testing;
/// use proptest::prelude::*;
///
/// proptest! {
///     // #[test]
///     fn sums_do_not_depend_on_the_order(a in 0..1000_u32, b in 0..1000_u32) {
///         testing::case(|log| {
///             tracing::info!(a, b, "adding");
///             prop_assert_eq!(a + b, b + a);
///             log.records().message("adding").one();
///             Ok(())
///         })?;
///     }
/// }
/// # sums_do_not_depend_on_the_order();
/// ```
///
/// The last failure is the one that `proptest` reports, because it makes a failing case smaller until it does not fail any more. An attempt
/// fails if it panics, or if it returns an error. One that `prop_assume!` rejects counts for nothing. The records are not shown as
/// they come; in `LOGSCOPE_TEST_DIR` there is one file for all attempts of a thread, with the last that has failed, else with the last.
///
/// There is no twin for tasks, because `proptest` has none: an attempt with tasks runs them inside `attempt`. The future is polled in the attempt's
/// context, and what it spawns inherits that as ever:
///
/// ```
/// let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// logscope::testing::case(|log| {
///     runtime.block_on(async {
///         logscope::tokio::spawn(async { tracing::info!("linking") }).await.unwrap();
///     });
///     log.records().message("linking").one();
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Panics
///
/// Where [`capture`](super::capture()) does.
#[track_caller]
pub fn case<R: Outcome, F: FnOnce(&Log) -> R>(attempt: F) -> R {
    let capture = options().case().begin_in::<F>();
    let log = Log::clone(&capture);
    let mut running = Running::begin(capture);
    let result = attempt(&log);
    let verdict = if result.is_rejected() { Verdict::Rejected } else { Verdict::of(result.is_failure()) };
    if let Some(violation) = running.end(verdict) {
        panic_at_end(&violation);
    }
    result
}

/// An attempt that runs, until this is dropped.
struct Running {
    /// `None` once the recording has ended.
    capture: Option<Capture>,
}

impl Running {
    fn begin(capture: Capture) -> Running {
        attempts::begin();
        Running { capture: Some(capture) }
    }

    /// Ends the recording. Returns why the attempt fails at its end.
    fn end(&mut self, verdict: Verdict) -> Option<String> {
        let capture = self.capture.take()?;
        let name = capture.name().to_owned();
        let End { text, violation, has_failed } = capture.end_case(verdict);
        if has_failed {
            keep_failed(&name, text);
        }
        violation
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A panic of the attempt has left the recording open. The panic hook has run by now: it must not take this for the end of the test.
        let _ = self.end(if thread::panicking() { Verdict::Panicked } else { Verdict::Passed });
        attempts::leave();
    }
}
