//! One of many attempts of a test, of which only the last failure is shown.

use std::any::type_name;
use std::cell::Cell;
use std::fmt::Debug;

use super::capture::Capture;
use super::end::{End, forget_other_tests, keep_failed, print, take_failed};
use super::log::Log;
use super::options::options;
use crate::sync::{Once, thread};

thread_local! {
    /// How many attempts are running on this thread, one inside the other.
    static RUNNING: Cell<usize> = const { Cell::new(0) };
}

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
/// fails if it panics, or if it returns an error. One that `prop_assume!` rejects counts for nothing. Its records are not shown as they come.
///
/// # Panics
///
/// Where [`capture`](super::capture()) does.
#[track_caller]
pub fn case<R: Outcome, F: FnOnce(&Log) -> R>(attempt: F) -> R {
    show_with_panics();
    let capture = options().case().begin_in::<F>();
    let log = Log::clone(&capture);
    let mut running = Running::begin(capture);
    let result = attempt(&log);
    if result.is_rejected() {
        running.reject();
    }
    if let Some(violation) = running.end(result.is_failure()) {
        panic!("{violation}");
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
        RUNNING.set(RUNNING.get() + 1);
        forget_other_tests(capture.name());
        Running { capture: Some(capture) }
    }

    /// Ends the recording. Returns why the attempt fails at its end.
    fn end(&mut self, has_failed: bool) -> Option<String> {
        let capture = self.capture.take()?;
        let name = capture.name().to_owned();
        let End { text, violation } = capture.end_case(has_failed);
        if has_failed || violation.is_some() {
            keep_failed(name, text);
        }
        violation
    }

    /// Ends the recording of an attempt that counts for nothing.
    fn reject(&mut self) {
        // As one that has failed by itself: what it has logged is no failure.
        if let Some(capture) = self.capture.take() {
            drop(capture.end_case(true));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A panic of the attempt has left the recording open. The panic hook has run by now: it must not take this for the end of the test.
        let _ = self.end(thread::panicking());
        RUNNING.set(RUNNING.get().saturating_sub(1));
    }
}

/// Has a panic outside every attempt show the last one that has failed on its thread: the panic is the end of the test.
pub(super) fn show_with_panics() {
    // A hook cannot be changed then, which is of no use either: the panic is under way.
    if thread::panicking() {
        return;
    }
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            before(info);
            if RUNNING.get() == 0 {
                print(&take_failed());
            }
        }));
    });
}
