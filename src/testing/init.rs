//! Installing logscope in a test binary.

use tracing::Dispatch;
use tracing_subscriber::fmt::TestWriter;
use tracing_subscriber::fmt::format::DefaultFields;

use super::open::note_test_thread;
use super::unclaimed::default_context;
use crate::error::{Error, ErrorKind};
use crate::layer::{ask_global, configure, is_installed};
use crate::sync::{AtomicBool, Mutex, Ordering};

/// Logscope is installed for the tests of this process.
static DONE: AtomicBool = AtomicBool::new(false);

/// Held while logscope is being installed.
static INSTALLING: Mutex<()> = Mutex::new(());

/// Installs logscope for the tests of this process, unless that is done already.
///
/// ```
/// logscope::testing::init();
/// tracing::info!("shown if the test fails");
/// ```
///
/// Any test, and any crate that helps tests, may call it, in any order, and on several threads at once. [`capture`](super::capture()),
/// [`begin`](super::begin()), [`isolated`](super::isolated()) and the like call it themselves.
///
/// Call it on the test's own thread: what that thread logs outside every context is then known to be of this test, and counts for no other, in a test
/// binary that has its symbols. The threads that a test starts are not known to be of it, whoever calls this there.
///
/// What no context claims is printed on the thread that logs, so that libtest shows it with the test that fails. That is the test whose thread
/// it is, or whose thread has started that thread through std. The levels that are printed are those of `LOGSCOPE_TEST`, else `LOGSCOPE` or
/// `RUST_LOG`, else all; [asked for](super::Log::unclaimed) and counted are all.
///
/// # Panics
///
/// If something else has installed a `tracing` subscriber or a `log` logger first. The message says what it is, as far as can be told, and what
/// to do.
#[track_caller]
pub fn init() {
    if let Err(error) = try_init() {
        panic!("{error:#}");
    }
}

/// Installs logscope as [`init`] does, and returns an error where that panics.
///
/// ```
/// logscope::testing::try_init()?;
/// # Ok::<(), logscope::Error>(())
/// ```
///
/// # Errors
///
/// [`ErrorKind::AlreadyInstalled`] if something else has installed a `tracing` subscriber or a `log` logger first.
pub fn try_init() -> Result<(), Error> {
    note_test_thread();
    // Acquire: whoever sees the flag also sees what was installed.
    if DONE.load(Ordering::Acquire) {
        return Ok(());
    }
    // The default below is made once, and an error is the same for all who ask.
    let _installing = INSTALLING.lock();
    if DONE.load(Ordering::Acquire) {
        return Ok(());
    }
    if is_installed() {
        // The program itself has installed logscope, perhaps beside other layers: what no context claims is printed from now on.
        drop(crate::set_process_default(default_context()));
    } else {
        configure().default_context(default_context()).install().map_err(explain)?;
    }
    DONE.store(true, Ordering::Release);
    Ok(())
}

/// Says by whom the subscriber was installed, and what to do.
#[cold]
fn explain(error: Error) -> Error {
    if error.kind() != ErrorKind::AlreadyInstalled || !tracing_core::dispatcher::has_been_set() {
        return error;
    }
    let (who, advice) = ask_global(installer);
    Error::new(
        ErrorKind::AlreadyInstalled,
        format!(
            "logscope::testing cannot see what these tests log: a global tracing subscriber was installed before it, {who}; {advice}"
        ),
    )
}

/// Returns who has made `dispatch`, as far as can be told, and what to do about it.
fn installer(dispatch: &Dispatch) -> (&'static str, &'static str) {
    if dispatch.is::<TestWriter>() || has_writer(dispatch, TestWriter::with_stderr) {
        (
            "a `fmt` subscriber with a test writer, as `#[test_log::test]` or `with_test_writer()` installs",
            "call logscope::testing::init() first, or remove that attribute or call: a test that fails shows its log without it",
        )
    } else if dispatch.is::<DefaultFields>() {
        (
            "a `fmt` subscriber, as `#[traced_test]` or `tracing_subscriber::fmt().init()` installs",
            "use logscope::testing::capture in place of `#[traced_test]`, keep such tests in a test binary of their own, or run them \
             with nextest, where each test has its own process; replace `fmt().init()` by logscope::testing::init()",
        )
    } else if dispatch.is::<tracing_subscriber::Registry>() {
        (
            "a subscriber that is built on the registry of tracing-subscriber",
            "add `.with(logscope::layer())` to it, or install it only where no test runs",
        )
    } else {
        (
            "of a type that is not known here",
            "find the call of `set_global_default`, `init` or `try_init` in the tests and their helpers, and call \
             logscope::testing::init() in its place",
        )
    }
}

/// Returns true if `dispatch` makes its writers by the function `make`, each of which is a type of its own.
fn has_writer<M: 'static>(dispatch: &Dispatch, _make: M) -> bool {
    dispatch.is::<M>()
}
