//! Recording a test: as a closure, as a future, and by a guard.

use std::any::type_name;
use std::fmt;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::mem::discriminant;
use std::ops::Deref;
use std::panic::Location;

use super::attempts::take_failed;
use super::end::{ALL_ARE_STRICT, End, Verdict, end};
use super::init::init;
use super::live::Live;
use super::log::Log;
use super::open;
use super::options::{CaptureOptions, options};
use super::panics;
use super::recording::{Recorder, Recording};
use super::told::show;
use crate::context::OutputContext;
use crate::scope::{InContext as _, ScopeGuard};
use crate::sink::copies;
use crate::sync::{Arc, Ordering, thread};
use crate::under_test::ask_for_clocks;

/// Runs `test` in a context of its own, whose records it can ask for.
///
/// ```
/// use logscope::{Level, testing};
///
/// fn parse(number: &str) -> Option<u32> {
///     number.parse().inspect_err(|error| tracing::warn!(%error, "no number")).ok()
/// }
///
/// testing::capture(|log| {
///     assert_eq!(parse("7"), Some(7));
///     log.records().none();
///     assert_eq!(parse("x"), None);
///     log.records().level(Level::WARN).message("no number").has_field("error").one();
/// });
/// ```
///
/// The context lets all levels through and counts its time from zero. It follows the work wherever a context does: see
/// [the guide](crate::docs::carry). If the test fails, its records are shown with it: if it panics, and if `test` returns the error of a
/// [`Result`], which is for the caller to return. What other threads log after the end of `test` is still recorded, and not shown. Calls
/// [`init`](init()).
///
/// A capture inside another has its records for itself: the log outside does not get them. If both are of one test, the inner one has the name
/// `my_test (inner 1)`.
///
/// # Panics
///
/// Where [`init`](init()) does; and at the end, if there are records that the test has [denied](Log::deny).
#[track_caller]
pub fn capture<R, F: FnOnce(&Log) -> R>(test: F) -> R {
    options().capture(test)
}

/// Runs the future that `test` makes in a context of its own, whose records it can ask for: [`capture`](capture()) for tasks.
///
/// ```
/// use logscope::testing;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(
/// testing::capture_async(|log| async move {
///     logscope::tokio::spawn(async { tracing::info!("linking") }).await.unwrap();
///     log.records().message("linking").one();
/// })
/// # );
/// ```
///
/// If the future is dropped before its end, as by a time-out, nothing is known of the test: its log is that of one that has passed, and its file in
/// `LOGSCOPE_TEST_DIR` that of one that never ended.
///
/// # Panics
///
/// Where [`capture`](capture()) does.
#[track_caller]
pub fn capture_async<R, F, Fut>(test: F) -> impl Future<Output = R>
where
    F: FnOnce(Log) -> Fut,
    Fut: Future<Output = R>,
{
    options().capture_async(test)
}

/// Begins to record the test on this thread, until the guard is dropped.
///
/// ```
/// use logscope::testing;
///
/// let log = testing::begin("parses numbers");
/// tracing::info!("parsed");
/// log.records().message("parsed").one();
/// ```
///
/// [`options().begin()`](CaptureOptions::begin) finds the name of the test by itself, as [`capture`](capture()) does.
///
/// The guard is dropped before an error that the test returns by `?` is known: the records are printed then, and its file in
/// `LOGSCOPE_TEST_DIR` says that it has passed. [`capture`](capture()) takes such an error in its closure, and knows it.
///
/// Inside a future without a context, the thread is in the test's scope while the guard is held over an `.await`: [`capture_async`] suits a
/// future that moves between threads.
///
/// # Panics
///
/// Where [`init`](init()) does. The guard panics when it is dropped, if there are records that the test has [denied](Log::deny).
#[track_caller]
pub fn begin(name: impl Into<String>) -> Capture {
    options().name(name).begin()
}

/// Has every test of this process fail that ends from now on if something was logged outside every context while it ran. Calls [`init`](init()).
///
/// ```
/// logscope::testing::strict();
/// ```
///
/// Such records come from work that was handed over without its context: [what was forgotten](crate::docs::forgotten). What is meant for no
/// test is logged inside [`unscoped`](crate::unscoped). While several tests run at once, nobody can tell whose record it is: it fails all that
/// run, and they say so. With nextest, where each test has its own process, and with `--test-threads=1`, it fails the right one.
///
/// What the own thread of a test logs fails that test only, if that thread has called [`init`](init()). It is known by libtest's functions on its
/// stack, so a test binary without symbols has no such thread. While such a test captures on another thread with a name such as `pool_0`, in place
/// of its own, what its own thread logs fails no test.
///
/// # Panics
///
/// Where [`init`](init()) does.
#[track_caller]
pub fn strict() {
    init();
    // Relaxed: a switch, by which no other data is read.
    ALL_ARE_STRICT.store(true, Ordering::Relaxed);
}

impl CaptureOptions {
    /// Runs `test` in a context of its own: see [`capture`](capture()).
    #[track_caller]
    pub fn capture<R, F: FnOnce(&Log) -> R>(self, test: F) -> R {
        let capture = self.begin_in::<F>();
        let result = test(&capture.log);
        capture.end_as(Verdict::of(is_error(&result)));
        result
    }

    /// Runs the future that `test` makes in a context of its own: see [`capture_async`].
    #[track_caller]
    pub fn capture_async<R, F, Fut>(self, test: F) -> impl Future<Output = R>
    where
        F: FnOnce(Log) -> Fut,
        Fut: Future<Output = R>,
    {
        init();
        let name = self.name_in::<F>();
        async move {
            let mut recorded = Recorded::begin(self, name);
            recorded.if_dropped = Verdict::Unfinished;
            let context = recorded.log.context().clone();
            let log = recorded.log.clone();
            let result = async { test(log).await }.in_context(&context).await;
            recorded.end(Verdict::of(is_error(&result)));
            result
        }
    }

    /// Begins to record the test on this thread: see [`begin`](begin()).
    #[track_caller]
    pub fn begin(self) -> Capture {
        init();
        let place = Location::caller();
        let name = self.known_name().unwrap_or_else(|| format!("test at {}:{}", place.file(), place.line()));
        Capture::begin(self, name)
    }

    #[track_caller]
    pub(super) fn begin_in<F>(self) -> Capture {
        init();
        let name = self.name_in::<F>();
        Capture::begin(self, name)
    }

    /// Returns the name of the test that the closure `F` is.
    fn name_in<F>(&self) -> String {
        self.known_name().unwrap_or_else(|| function_around(type_name::<F>()).to_owned())
    }
}

/// Returns the path of the function in which a closure stands, without the crate: `module::test` for `my_crate::module::test::{{closure}}`.
fn function_around(closure: &str) -> &str {
    let mut path = closure;
    while let Some(shorter) = path.strip_suffix("::{{closure}}") {
        path = shorter;
    }
    path.split_once("::").map_or(path, |(_, path)| path)
}

/// Returns the name of a capture of the test `name`: if it is inside another one of that test, with how deep.
fn inner_name(name: String) -> String {
    let outer = OutputContext::try_current();
    let depth = outer.as_ref().and_then(|outer| match outer.name().strip_prefix(name.as_str())? {
        "" => Some(0_u32),
        inner => inner.strip_prefix(" (inner ")?.strip_suffix(')')?.parse().ok(),
    });
    depth.map_or_else(|| name.clone(), |depth| format!("{name} (inner {})", depth.saturating_add(1)))
}

/// Returns true if `result` is the error of a `Result`. The result of a test may be of any type, so this is asked without a trait.
fn is_error<R>(result: &R) -> bool {
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    let is_result =
        type_name::<R>().starts_with(type_name::<Result<(), ()>>().split_once('<').map_or("", |(path, _)| path));
    // Discriminants of one enum with other parameters have another type, and the same number.
    is_result && hasher.hash_one(discriminant(result)) == hasher.hash_one(discriminant(&Err::<(), ()>(())))
}

/// Records a test until it is dropped; from [`begin`]. It is a [`Log`], too.
#[must_use = "the test is recorded until this is dropped: bind it, `let log = testing::begin(\"name\");`"]
pub struct Capture {
    // Dropped first, so that what the end logs is not recorded.
    scope: Option<ScopeGuard>,
    log: Log,
    recorded: Option<Recorded>,
}

impl Capture {
    #[track_caller]
    fn begin(options: CaptureOptions, name: String) -> Capture {
        let recorded = Recorded::begin(options, name);
        Capture { scope: Some(recorded.log.context().enter()), log: recorded.log.clone(), recorded: Some(recorded) }
    }

    /// Ends the recording, and returns the log.
    ///
    /// # Panics
    ///
    /// If there are records that the test has [denied](Log::deny).
    #[track_caller]
    pub fn end(self) -> Log {
        let log = self.log.clone();
        self.end_as(Verdict::Passed);
        log
    }

    #[track_caller]
    fn end_as(mut self, verdict: Verdict) {
        self.scope = None;
        if let Some(recorded) = self.recorded.take() {
            recorded.end(verdict);
        }
    }

    /// Ends the recording of one of many attempts. Returns what is to be shown of it, and why it fails at its end.
    pub(super) fn end_case(mut self, verdict: Verdict) -> End {
        self.scope = None;
        let recording = Arc::clone(&self.log.recording);
        if let Some(recorded) = self.recorded.take() {
            recorded.give_up();
        }
        end(&recording, verdict)
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.scope = None;
        // `Recorded` ends the recording when it is dropped.
        self.recorded = None;
    }
}

impl Deref for Capture {
    type Target = Log;

    fn deref(&self) -> &Log {
        &self.log
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Capture").field(&self.log).finish()
    }
}

/// A recording that has to be ended.
struct Recorded {
    log: Log,
    /// Whether the thread was panicking already, as in a destructor.
    was_panicking: bool,
    /// How it has ended if it is dropped, but by a panic.
    if_dropped: Verdict,
    is_over: bool,
}

impl Recorded {
    fn begin(options: CaptureOptions, name: String) -> Recorded {
        let CaptureOptions { verbosity, shown, clock, fields, rules, is_case, .. } = options;
        if clock.is_some() {
            ask_for_clocks(open::clock_of_test);
        }
        let name = inner_name(name);
        panics::watch();
        let live = if is_case { Live::open_attempt(&name) } else { Live::open(&name, shown.as_ref()) };
        let recording = Arc::new(Recording::new(name.clone(), shown, clock.clone(), rules, live));
        let mut builder =
            OutputContext::builder(name).verbosity(verbosity).sink(copies(Recorder(Arc::clone(&recording))));
        if let Some(clock) = clock {
            builder = builder.clock(clock);
        }
        for (name, value) in fields {
            builder = builder.field(name, value);
        }
        let context = builder.build();
        open::enter(&recording, context.id());
        let (log, was_panicking) = (Log::new(recording, context), thread::panicking());
        Recorded { log, was_panicking, if_dropped: Verdict::Passed, is_over: false }
    }

    /// Ends a recording whose test has come to its end.
    #[track_caller]
    fn end(mut self, verdict: Verdict) {
        if let Some(violation) = self.finish(verdict) {
            panic!("{violation}");
        }
    }

    /// Has somebody else end the recording.
    fn give_up(mut self) {
        self.is_over = true;
    }

    /// Ends the recording, and prints it. Returns why the test fails at its end.
    fn finish(&mut self, verdict: Verdict) -> Option<String> {
        if std::mem::replace(&mut self.is_over, true) {
            return None;
        }
        let End { text, violation, has_failed } = end(&self.log.recording, verdict);
        show(&text);
        if has_failed {
            show(&take_failed());
        }
        violation
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        let is_panicking = thread::panicking();
        let has_panicked = is_panicking && !self.was_panicking;
        if let Some(violation) = self.finish(if has_panicked { Verdict::Panicked } else { self.if_dropped })
            && !is_panicking
        {
            panic!("{violation}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_from_every_other_result() {
        use std::convert::Infallible;

        assert!(
            is_error(&Err::<(), _>("no"))
                && is_error(&Err::<&str, ()>(()))
                && is_error(&Err::<String, Option<u8>>(None))
        );
        assert!(is_error(&Err::<Infallible, _>(())) && is_error(&Err::<(), Box<dyn std::error::Error>>("no".into())));
        assert!(is_error(&Err::<u64, std::num::NonZeroU64>(std::num::NonZeroU64::MIN)));
        assert!(
            !is_error(&Ok::<_, ()>("yes")) && !is_error(&Ok::<(), Infallible>(())) && !is_error(&Ok::<_, String>(1))
        );
        assert!(!is_error(&Some(1)) && !is_error(&()) && !is_error(&1_u64) && !is_error(&std::cmp::Ordering::Greater));
    }
}
