//! Tests that change what the whole process shares.

use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, resume_unwind, set_hook, take_hook};
use std::time::Instant;

use super::init::init;
use super::open;
use super::panics;
use super::sync::{Signal, message_of, wait_until};
use super::told::{tell, this_thread};
use crate::context::{OutputContext, default_context, live_under, set_process_default};
use crate::delivery::unwritten_under;
use crate::limits::{TEST_LEAKS, TEST_RESOURCE};
use crate::scope::{newest_scope, with_current};
use crate::sync::{Arc, Mutex, thread};
use crate::under_test::{self, Isolated};
use crate::verbosity::TurnBack;

/// Runs a test that changes what the whole process shares: alone among isolated tests, and with everything as it was afterwards.
///
/// ```
/// use logscope::testing::{init, isolated};
/// use logscope::{OutputContext, sink};
///
/// init();
/// let before = OutputContext::current();
/// isolated(|| {
///     logscope::set_process_default(OutputContext::builder("of this test").sink(sink::null()).build());
///     assert_eq!(OutputContext::current().name(), "of this test");
/// });
/// assert_eq!(OutputContext::current().id(), before.id());
/// ```
///
/// Afterwards, also if `test` panics, the process default, the panic hook and every [`Dial`](crate::Dial) that was turned meanwhile are what they
/// were. Then it looks for what the test has made and left behind, and panics if there is any, with its name:
///
/// | left behind | found if |
/// |---|---|
/// | a guard that is open | it was entered on this thread |
/// | a context that is alive | it was made by this thread, by a thread that was started by [`logscope::thread`](crate::thread) under the test, or in such a context |
/// | records in a queue | its output was made so |
/// | a thread that runs | it was started by `logscope::thread`, so |
///
/// What is about to end has a second for it. A panic of `test` is passed on, and what it has left behind is only told.
///
/// Tests that are not isolated may run at the same time, and see what this one changes: while it has another process default,
/// [`Log::unclaimed`](super::Log::unclaimed) of the others misses records, so isolate a test that asks for those, too. What they make is not taken for this one's. Isolated tests
/// wait for each other on their threads, so do not begin one in a task. `isolated` may be called inside itself, on the same thread: the inner one
/// restores what it has changed. Calls [`init`](init()).
///
/// # Panics
///
/// Where [`init`](init()) does. If something is left behind. If other isolated tests take more than ten minutes: the message has the name of the one that runs. If the thread is
/// panicking already.
#[track_caller]
pub fn isolated<R>(test: impl FnOnce() -> R) -> R {
    assert!(
        !thread::panicking(),
        "an isolated test cannot begin while its thread panics: the panic hook cannot be changed then"
    );
    // Before the default is looked at: it is to stay what the tests need.
    init();
    let _alone = Alone::wait();
    under_test::find_by(|| with_current(|current| current.map_or(0, |context| context.made_under())));
    let scope = newest_scope();
    let restores = Restores::begin();
    let mark = restores.isolated.as_ref().map_or(0, |isolated| isolated.mark);
    let result = catch_unwind(AssertUnwindSafe(test));
    let open = (newest_scope() != scope).then(|| OutputContext::current().name().to_owned());
    drop(restores);
    let left = left_behind(open, mark);
    match (result, left) {
        (Ok(result), None) => result,
        (Ok(result), Some(left)) => {
            // Its `Drop` may need what it has left behind.
            drop(result);
            panic!("the isolated test {} has left behind: {left}", this_thread());
        }
        (Err(payload), left) => {
            if let Some(left) = left {
                tell(format_args!("the isolated test {} has panicked, and left behind: {left}", this_thread()));
            }
            resume_unwind(payload)
        }
    }
}

/// Names what is left behind, when it has had time to end.
fn left_behind(open: Option<String>, mark: under_test::Mark) -> Option<String> {
    let look = || {
        let mut left = Vec::new();
        if let Some(name) = &open {
            left.push(format!("a guard of the context {name:?} is open"));
        }
        left.extend(under_test::threads_of(mark).iter().map(|name| match name.as_str() {
            "without a name" => "a thread without a name runs".to_owned(),
            name => format!("the thread {name:?} runs"),
        }));
        let written = unwritten_under(mark).into_iter();
        left.extend(written.map(|(name, pending)| format!("{pending} records for {name} are not written")));
        left.extend(live_under(mark).iter().map(|context| format!("the context {:?} is alive", context.name())));
        if left.is_empty() { Ok(()) } else { Err(left.join("; ")) }
    };
    // An open guard stays open.
    if open.is_none() && wait_until(TEST_LEAKS, || look().is_ok()).is_ok() {
        return None;
    }
    look().err()
}

/// What is restored when this is dropped.
struct Restores {
    default: Option<OutputContext>,
    hook: Option<Arc<Hook>>,
    _dials: TurnBack,
    /// `None` once the test is over: what is made to restore what was there is not the test's.
    isolated: Option<Isolated>,
}

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

impl Restores {
    fn begin() -> Self {
        // It is to stay: the test could be the first that records.
        panics::watch();
        // The test runs with the hook that is there. It is kept beside, because nobody can look at a hook without taking it.
        let hook = Arc::new(take_hook());
        let forward = Arc::clone(&hook);
        set_hook(Box::new(move |panic| forward(panic)));
        Restores {
            default: Some(default_context()),
            hook: Some(hook),
            _dials: TurnBack::begin(),
            isolated: Some(Isolated::begin()),
        }
    }
}

impl Drop for Restores {
    fn drop(&mut self) {
        self.isolated = None;
        if let Some(default) = self.default.take() {
            let of_test = set_process_default(default.clone());
            if of_test.id() != default.id() {
                for recording in open::all() {
                    *recording.replaced_by.lock() = Some(this_thread());
                }
            }
        }
        let Some(hook) = self.hook.take() else { return };
        // Code of the test is in there, which may panic.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(take_hook()))) {
            tell(format_args!("the test's panic hook panicked when it was dropped: {}", message_of(&*payload)));
            std::mem::forget(payload);
        }
        // The hook itself, if the test has kept nothing of ours, so that hooks do not pile up.
        set_hook(Arc::try_unwrap(hook).unwrap_or_else(|shared| Box::new(move |panic| shared(panic))));
    }
}

/// The isolated test that runs.
static RUNNING: Mutex<Option<Running>> = Mutex::new(None);

struct Running {
    thread: thread::ThreadId,
    name: String,
    since: Instant,
    /// How many are open, one inside the other.
    depth: usize,
    /// Set when it is over.
    over: Signal,
}

/// That no other isolated test runs.
struct Alone;

impl Alone {
    #[track_caller]
    fn wait() -> Alone {
        let (begun, thread) = (Instant::now(), thread::current().id());
        let mut over = Signal::named("an isolated test is over");
        loop {
            let (other, who) = {
                let mut running = RUNNING.lock();
                match &mut *running {
                    None => {
                        *running = Some(Running { thread, name: this_thread(), since: Instant::now(), depth: 1, over });
                        return Alone;
                    }
                    Some(own) if own.thread == thread => {
                        own.depth += 1;
                        return Alone;
                    }
                    Some(other) => (other.over.clone(), format!("{}, for {:.1?}", other.name, other.since.elapsed())),
                }
            };
            if other.wait(TEST_RESOURCE.saturating_sub(begun.elapsed())).is_err() {
                panic!("no turn for this isolated test within {TEST_RESOURCE:?}; now runs {who}");
            }
            over = Signal::named("an isolated test is over");
        }
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        let mut running = RUNNING.lock();
        let Some(own) = running.as_mut() else { return };
        own.depth -= 1;
        if own.depth == 0 {
            let over = running.take().map(|own| own.over);
            drop(running);
            if let Some(over) = over {
                over.set();
            }
        }
    }
}
