//! One of many attempts of a test, of which only the last failure is shown.

use std::cell::Cell;

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
}

impl Outcome for () {
    fn is_failure(&self) -> bool {
        false
    }
}

impl<T, E> Outcome for Result<T, E> {
    fn is_failure(&self) -> bool {
        self.is_err()
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
/// fails if it panics, or if it returns an error. Its records are not shown as they come.
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
}

impl Drop for Running {
    fn drop(&mut self) {
        // A panic of the attempt has left the recording open. The panic hook has run by now: it must not take this for the end of the test.
        let _ = self.end(thread::panicking());
        RUNNING.set(RUNNING.get().saturating_sub(1));
    }
}

/// Has a panic outside every attempt show the last one that has failed on its thread: the panic is the end of the test.
fn show_with_panics() {
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
