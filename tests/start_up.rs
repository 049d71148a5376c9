//! The start-up (DESIGN section 6): callsites that are hit before logscope is installed, meanwhile, and right after. Whatever becomes of
//! those events, an event inside a scope that is entered after the installation arrives.
//!
//! A binary of its own, and a process for each case, because a process starts once.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/callsites.rs"]
mod callsites;
#[path = "common/child.rs"]
mod child;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::hint::spin_loop;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use logscope::sink::{self, RecordOutput};
use logscope::testing::wait_until;
use logscope::{InContext as _, LevelFilter, OutputContext, Record};
use serde_json::{Value, json};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Level, Metadata, Subscriber, dispatcher};
use tracing_core::callsite::{Callsite as _, DefaultCallsite};
use tracing_core::metadata;
use tracing_core::metadata::Kind;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt as _;

use callsites::{Callsite, callsites};
use child::Child;

/// How long an expected event may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A context of the verbosity TRACE, and how many records arrived by level and target.
struct TraceContext {
    context: OutputContext,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts(Mutex<BTreeMap<String, usize>>);

struct CountsRecords(Arc<Counts>);

impl RecordOutput for CountsRecords {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        let key = format!("{} {}", record.level(), record.target());
        *self.0.0.lock().unwrap().entry(key).or_default() += 1;
        Ok(())
    }
}

impl TraceContext {
    fn new() -> TraceContext {
        let counts = Arc::new(Counts::default());
        let context = OutputContext::builder("trace").verbosity(LevelFilter::TRACE);
        TraceContext { context: context.sink(sink::records(CountsRecords(counts.clone()))).build(), counts }
    }

    /// Lists the differences between what arrived and one hit of each of `callsites`.
    fn compare(&self, callsites: &[Callsite]) -> Vec<String> {
        let mut expected = BTreeMap::new();
        for callsite in callsites {
            *expected.entry(format!("{} {}", callsite.level, callsite.target)).or_default() += 1;
        }
        let counts = self.counts.0.lock().unwrap();
        let differs = |(key, count): (&String, &usize)| {
            let arrived = counts.get(key).copied().unwrap_or_default();
            std::iter::repeat_n(format!("{key}: {arrived} of {count}"), arrived.abs_diff(*count))
        };
        expected.iter().flat_map(differs).collect()
    }
}

fn hit(callsites: &[Callsite]) {
    callsites.iter().for_each(|callsite| (callsite.hit)());
}

/// Keeps unscoped records off stderr.
fn silence_default() {
    logscope::set_process_default(OutputContext::builder("default").sink(sink::null()).build());
}

fn dispatch() -> Dispatch {
    Dispatch::new(tracing_subscriber::registry().with(logscope::layer()))
}

/// Hits some callsites, installs a subscriber with the layer, and hits others in between, which `tracing` then marks as never enabled.
fn install_with_a_gap(before: &[Callsite], between: &[Callsite]) {
    hit(before);
    let dispatch = dispatch();
    hit(between);
    dispatcher::set_global_default(dispatch).unwrap();
}

/// Makes and drops a subscriber, as a program's first steps may. `tracing` registers no callsite before a first subscriber was made.
fn begin() {
    silence_default();
    drop(Dispatch::new(tracing_subscriber::registry()));
}

/// The ways to enter the first scope after the installation.
const WAYS: [&str; 4] = ["scope", "enter", "bind", "task"];

fn inside(way: &str, context: &OutputContext, f: impl FnOnce() + Send + 'static) {
    match way {
        "scope" => context.scope(f),
        "enter" => {
            let _scope = context.enter();
            f();
        }
        "bind" => thread::spawn(context.bind(f)).join().unwrap(),
        _ => tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async { f() }.in_context(context)),
    }
}

#[test]
fn a_callsite_hit_between_making_and_installing_a_subscriber_is_not_lost() {
    const TEST: &str = "a_callsite_hit_between_making_and_installing_a_subscriber_is_not_lost";
    child::in_child(TEST, |_| {
        silence_default();
        let callsites = &callsites()[..30];
        install_with_a_gap(&callsites[..10], &callsites[10..20]);
        let trace = TraceContext::new();
        inside(&std::env::var("WAY").unwrap(), &trace.context, || hit(callsites));
        json!(trace.compare(callsites))
    });
    for way in WAYS {
        assert_eq!(Child::new(TEST).var("WAY", way).run().report, json!([]), "by {way}");
    }
}

#[test]
fn no_callsite_is_lost_after_another_subscriber_was_used() {
    child::in_child("no_callsite_is_lost_after_another_subscriber_was_used", |_| {
        silence_default();
        let callsites = &callsites()[..30];
        let first = TraceContext::new();
        dispatcher::with_default(&dispatch(), || first.context.scope(|| hit(&callsites[..5])));
        install_with_a_gap(&callsites[..10], &callsites[10..20]);
        let trace = TraceContext::new();
        trace.context.scope(|| hit(callsites));
        json!({ "under the first": first.compare(&callsites[..5]), "after": trace.compare(callsites) })
    });
    let ended = Child::new("no_callsite_is_lost_after_another_subscriber_was_used").run();
    assert_eq!(ended.report, json!({ "under the first": [], "after": [] }));
}

#[test]
fn no_callsite_is_lost_when_the_first_scopes_are_under_no_subscriber() {
    child::in_child("no_callsite_is_lost_when_the_first_scopes_are_under_no_subscriber", |_| {
        silence_default();
        let callsites = &callsites()[..30];
        let elsewhere = TraceContext::new();
        // The first scopes are entered before the subscriber is installed, and under no subscriber.
        elsewhere.context.scope(|| install_with_a_gap(&callsites[..10], &callsites[10..20]));
        dispatcher::with_default(&Dispatch::none(), || elsewhere.context.scope(|| hit(callsites)));
        let trace = TraceContext::new();
        trace.context.scope(|| hit(callsites));
        json!(trace.compare(callsites))
    });
    let ended = Child::new("no_callsite_is_lost_when_the_first_scopes_are_under_no_subscriber").run();
    assert_eq!(ended.report, json!([]));
}

#[test]
fn no_callsite_is_lost_under_a_scoped_subscriber() {
    child::in_child("no_callsite_is_lost_under_a_scoped_subscriber", |_| {
        let callsites = &callsites()[..30];
        let trace = TraceContext::new();
        dispatcher::with_default(&dispatch(), || {
            hit(&callsites[..10]);
            trace.context.scope(|| hit(callsites));
        });
        json!(trace.compare(callsites))
    });
    let ended = Child::new("no_callsite_is_lost_under_a_scoped_subscriber").run();
    assert_eq!(ended.report, json!([]));
    assert_eq!(ended.fallback_lines(), [""; 0], "no filter caps the layer, so nothing is reported");
}

/// On a thread that has [`HITS`] set, each allocation hits a callsite that was not hit before.
struct HittingAllocator;

thread_local! {
    static HITS: Cell<bool> = const { Cell::new(false) };
}

static NEXT_HIT: AtomicUsize = AtomicUsize::new(0);

// SAFETY: both methods pass their arguments on to `System`. The code before does not unwind. It may allocate, and so come back here, but
// with `HITS` unset.
unsafe impl GlobalAlloc for HittingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if HITS.replace(false) {
            if let Some(callsite) = callsites().get(NEXT_HIT.fetch_add(1, Ordering::Relaxed)) {
                (callsite.hit)();
            }
            HITS.set(true);
        }
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, and `pointer` comes from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: HittingAllocator = HittingAllocator;

#[test]
fn a_callsite_hit_inside_install_is_not_lost() {
    const TEST: &str = "a_callsite_hit_inside_install_is_not_lost";
    child::in_child(TEST, |_| {
        begin();
        // Registers a callsite, so that making the subscriber allocates before it is installed.
        tracing::info!("before");
        HITS.set(true);
        logscope::init();
        HITS.set(false);
        // Outside every scope, where entering a first scope cannot mend anything.
        let trace = TraceContext::new();
        logscope::set_process_default(trace.context.clone());
        hit(callsites());
        json!({ "hit inside": NEXT_HIT.load(Ordering::Relaxed), "lost": trace.compare(callsites()) })
    });
    let report = Child::new(TEST).run().report;
    assert!(report["hit inside"].as_u64().unwrap() > 3, "{report}");
    assert_eq!(report["lost"], json!([]));
}

/// Imitates a thread that is delayed in the middle of registering a callsite, and stores `never` after the rebuild.
struct DelayedThread;

static OLDER: DefaultCallsite = DefaultCallsite::new(&OLDER_METADATA);
static NEWER: DefaultCallsite = DefaultCallsite::new(&NEWER_METADATA);
static OLDER_METADATA: Metadata<'static> = metadata! {
    name: "older", target: "start_up", level: Level::INFO, fields: &[], callsite: &OLDER, kind: Kind::EVENT,
};
static NEWER_METADATA: Metadata<'static> = metadata! {
    name: "newer", target: "start_up", level: Level::INFO, fields: &[], callsite: &NEWER, kind: Kind::EVENT,
};
static SPOILT: AtomicBool = AtomicBool::new(false);

impl<S: Subscriber> Layer<S> for DelayedThread {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // A rebuild goes through the newer callsites first.
        let rebuilding = thread::current().name() == Some("logscope-rebuild");
        if rebuilding && metadata.callsite() == OLDER_METADATA.callsite() && !SPOILT.swap(true, Ordering::Relaxed) {
            NEWER.set_interest(Interest::never());
        }
        Interest::always()
    }
}

#[test]
fn a_callsite_spoilt_by_a_delayed_thread_is_mended() {
    const TEST: &str = "a_callsite_spoilt_by_a_delayed_thread_is_mended";
    child::in_child(TEST, |_| {
        let subscriber = tracing_subscriber::registry().with(logscope::layer()).with(DelayedThread);
        tracing::subscriber::set_global_default(subscriber).unwrap();
        let registered = [OLDER.register(), NEWER.register()].map(|interest| !interest.is_never());
        TraceContext::new().context.scope(|| ());
        // If this thread is slow, the callsite may be mended already.
        let spoilt = SPOILT.load(Ordering::Relaxed);
        wait_until(PATIENCE, || !NEWER.interest().is_never()).expect("the callsite is mended");
        json!({ "registered": registered, "spoilt": spoilt })
    });
    assert_eq!(Child::new(TEST).run().report, json!({ "registered": [true, true], "spoilt": true }));
}

/// Three threads hit callsites while a fourth installs. Each then enters a scope and hits all of them.
///
/// Each may be registering one callsite during the rebuild of the installation, or during the last one that the first scope waits for, and
/// may spoil it after that rebuild. No more than this can be missing, and it hardly ever is. Under `layer()` it is mended; under `init` it is
/// not, as the crate's documentation says.
#[test]
fn fresh_processes_lose_nothing() {
    const CHILDREN: usize = 300;
    const AT_ONCE: usize = 2;
    child::in_child("fresh_processes_lose_nothing", |_| start_up());
    let [next, in_between, losing] = [const { AtomicUsize::new(0) }; 3];
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= CHILDREN {
                        return;
                    }
                    let ended = Child::new("fresh_processes_lose_nothing").var("NUMBER", number).run();
                    assert_eq!(ended.stderr, "", "child {number}");
                    let report = |what: &str| ended.report[what].as_u64().unwrap() as usize;
                    assert!(report("most lost") <= THREADS, "child {number}: {}", ended.report);
                    losing.fetch_add(usize::from(report("most lost") > 0), Ordering::Relaxed);
                    in_between.fetch_add(usize::from(report("meanwhile") > 0), Ordering::Relaxed);
                }
            });
        }
    });
    let (losing, in_between) = (losing.into_inner(), in_between.into_inner());
    println!(
        "in {in_between} of {CHILDREN} processes, callsites were hit during the installation; {losing} had one spoilt"
    );
    assert!(
        in_between > CHILDREN / 3,
        "only in {in_between} processes were callsites hit during the installation: too few to prove anything"
    );
    assert!(losing < CHILDREN / 20, "in {losing} processes an event was lost");
}

const THREADS: usize = 3;

/// One start-up, varied by the number of the child: by `init` or not, with the first subscriber of the process or not, with more or fewer
/// callsites hit before, by slower or faster threads.
fn start_up() -> Value {
    let number: usize = std::env::var("NUMBER").unwrap().parse().unwrap();
    let (pause, hits) = (number / 2 % 5 * 300, 10 + number / 10 % 6 * 80);
    let by_init = number.is_multiple_of(2);
    if number.is_multiple_of(3) {
        silence_default();
    } else {
        begin();
    }
    let (installed, together) = (AtomicBool::new(false), Barrier::new(THREADS + 1));
    let unhit = UnhitCallsites { next: AtomicUsize::new(0), open: AtomicUsize::new(hits) };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (installed, unhit, together) = (&installed, &unhit, &together);
                scope.spawn(move || {
                    let log_everything = || {
                        let trace = TraceContext::new();
                        trace.context.scope(|| hit(callsites()));
                        trace.compare(callsites()).len()
                    };
                    together.wait();
                    // The first thread goes on for a while after the installation, when the others enter their scopes.
                    let mut more = if thread == 0 { 50 } else { 0 };
                    while !installed.load(Ordering::Acquire) || more > 0 {
                        unhit.hit_one();
                        more -= i32::from(installed.load(Ordering::Relaxed));
                        (0..pause).for_each(|_| spin_loop());
                    }
                    let lost = log_everything();
                    if !by_init {
                        let mended = || match log_everything() {
                            0 => Ok(()),
                            lost => Err(lost),
                        };
                        wait_until(PATIENCE, mended).expect("all callsites are mended");
                    }
                    lost
                })
            })
            .collect();
        together.wait();
        unhit.wait_for(hits);
        unhit.open.store(callsites().len(), Ordering::Relaxed);
        if by_init {
            logscope::init();
        } else {
            let dispatch = dispatch();
            unhit.wait_for(hits + 20);
            dispatcher::set_global_default(dispatch).unwrap();
        }
        let meanwhile = unhit.next.load(Ordering::Relaxed) - hits;
        installed.store(true, Ordering::Release);
        let lost = threads.into_iter().map(|thread| thread.join().unwrap());
        json!({ "most lost": lost.max(), "meanwhile": meanwhile })
    })
}

/// The callsites that were not hit yet. The first `open` of all may be hit.
struct UnhitCallsites {
    next: AtomicUsize,
    open: AtomicUsize,
}

impl UnhitCallsites {
    fn hit_one(&self) {
        let take = |next| (next < self.open.load(Ordering::Relaxed)).then_some(next + 1);
        if let Ok(index) = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            (callsites()[index].hit)();
        }
    }

    /// Without a pause: what comes next must meet the threads in the middle of their hits.
    fn wait_for(&self, hits: usize) {
        let start = Instant::now();
        while self.next.load(Ordering::Relaxed) < hits {
            assert!(start.elapsed() < PATIENCE, "the threads do not hit {hits} callsites");
            thread::yield_now();
        }
    }
}
