//! What happens only at start-up (DESIGN section 6): callsites that are hit before logscope is installed, while it is, and right after.
//! Whatever becomes of those events, what is logged inside a scope that is entered after the installation arrives.
//!
//! A binary of its own, and a process for each case: a process starts once.

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
use logscope::{FutureExt as _, LevelFilter, OutputContext, Record};
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

/// A context that wants everything, and what it got: how often each line of this crate logged.
struct Wants {
    context: OutputContext,
    got: Arc<Got>,
}

#[derive(Default)]
struct Got(Mutex<BTreeMap<String, usize>>);

struct Keep(Arc<Got>);

impl RecordOutput for Keep {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        let key = format!("{} {}", record.level(), record.target());
        *self.0.0.lock().unwrap().entry(key).or_default() += 1;
        Ok(())
    }
}

impl Wants {
    fn everything() -> Wants {
        let got = Arc::new(Got::default());
        let context = OutputContext::builder("wants everything").verbosity(LevelFilter::TRACE);
        Wants { context: context.sink(sink::records(Keep(got.clone()))).build(), got }
    }

    /// What is missing, or came too often, after each of `callsites` was hit once.
    fn compare(&self, callsites: &[Callsite]) -> Vec<String> {
        let mut expected = BTreeMap::new();
        for callsite in callsites {
            *expected.entry(format!("{} {}", callsite.level, callsite.target)).or_default() += 1;
        }
        let got = self.got.0.lock().unwrap();
        let differs = |(key, count): (&String, &usize)| {
            let arrived = got.get(key).copied().unwrap_or_default();
            std::iter::repeat_n(format!("{key}: {arrived} of {count}"), arrived.abs_diff(*count))
        };
        expected.iter().flat_map(differs).collect()
    }
}

fn hit(callsites: &[Callsite]) {
    callsites.iter().for_each(|callsite| (callsite.hit)());
}

/// Keeps what no scope claims off stderr.
fn silence_default() {
    logscope::set_default(OutputContext::builder("default").sink(sink::null()).build());
}

fn dispatch() -> Dispatch {
    Dispatch::new(tracing_subscriber::registry().with(logscope::layer()))
}

/// Hits some callsites, installs a subscriber with the layer, and others in between: which `tracing` then takes for dead.
fn install_with_a_gap(before: &[Callsite], between: &[Callsite]) {
    hit(before);
    let dispatch = dispatch();
    hit(between);
    dispatcher::set_global_default(dispatch).unwrap();
}

/// Has a subscriber come and go, as for a program's own first steps. Until one was made, `tracing` takes no note of any callsite.
fn begin() {
    silence_default();
    drop(Dispatch::new(tracing_subscriber::registry()));
}

/// How the first scope after the installation is entered.
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
fn a_callsite_between_making_and_installing_a_subscriber_is_not_dead() {
    const TEST: &str = "a_callsite_between_making_and_installing_a_subscriber_is_not_dead";
    child::scene(TEST, |_| {
        silence_default();
        let callsites = &callsites()[..30];
        install_with_a_gap(&callsites[..10], &callsites[10..20]);
        let wants = Wants::everything();
        inside(&std::env::var("WAY").unwrap(), &wants.context, || hit(callsites));
        json!(wants.compare(callsites))
    });
    for way in WAYS {
        assert_eq!(Child::new(TEST).var("WAY", way).run().report, json!([]), "by {way}");
    }
}

#[test]
fn nor_after_another_subscriber_was_used_for_a_while() {
    child::scene("nor_after_another_subscriber_was_used_for_a_while", |_| {
        silence_default();
        let callsites = &callsites()[..30];
        let first = Wants::everything();
        dispatcher::with_default(&dispatch(), || first.context.scope(|| hit(&callsites[..5])));
        install_with_a_gap(&callsites[..10], &callsites[10..20]);
        let wants = Wants::everything();
        wants.context.scope(|| hit(callsites));
        json!({ "under the first": first.compare(&callsites[..5]), "after": wants.compare(callsites) })
    });
    let ended = Child::new("nor_after_another_subscriber_was_used_for_a_while").run();
    assert_eq!(ended.report, json!({ "under the first": [], "after": [] }));
}

#[test]
fn nor_when_the_first_scopes_are_entered_elsewhere() {
    child::scene("nor_when_the_first_scopes_are_entered_elsewhere", |_| {
        silence_default();
        let callsites = &callsites()[..30];
        let elsewhere = Wants::everything();
        // Before the subscriber is installed, and then where there is none.
        elsewhere.context.scope(|| install_with_a_gap(&callsites[..10], &callsites[10..20]));
        dispatcher::with_default(&Dispatch::none(), || elsewhere.context.scope(|| hit(callsites)));
        let wants = Wants::everything();
        wants.context.scope(|| hit(callsites));
        json!(wants.compare(callsites))
    });
    let ended = Child::new("nor_when_the_first_scopes_are_entered_elsewhere").run();
    assert_eq!(ended.report, json!([]));
}

#[test]
fn nor_under_a_subscriber_that_is_only_set_for_a_scope() {
    child::scene("nor_under_a_subscriber_that_is_only_set_for_a_scope", |_| {
        let callsites = &callsites()[..30];
        let wants = Wants::everything();
        dispatcher::with_default(&dispatch(), || {
            hit(&callsites[..10]);
            wants.context.scope(|| hit(callsites));
        });
        json!(wants.compare(callsites))
    });
    let ended = Child::new("nor_under_a_subscriber_that_is_only_set_for_a_scope").run();
    assert_eq!(ended.report, json!([]));
    assert_eq!(ended.told(), [""; 0], "nothing caps the layer");
}

/// Hits a callsite that was not hit before in each allocation of a thread that has [`HITS`] set.
struct HittingAllocator;

thread_local! {
    static HITS: Cell<bool> = const { Cell::new(false) };
}

static NEXT_HIT: AtomicUsize = AtomicUsize::new(0);

// SAFETY: both methods hand over to `System` what they were given. What is done before does not unwind and may allocate: it comes back
// here with `HITS` unset.
unsafe impl GlobalAlloc for HittingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if HITS.replace(false) {
            if let Some(callsite) = callsites().get(NEXT_HIT.fetch_add(1, Ordering::Relaxed)) {
                (callsite.hit)();
            }
            HITS.set(true);
        }
        // SAFETY: the caller keeps the contract of `alloc`, which is this one.
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
fn a_callsite_that_is_hit_inside_install_is_not_dead() {
    const TEST: &str = "a_callsite_that_is_hit_inside_install_is_not_dead";
    child::scene(TEST, |_| {
        begin();
        // Something to register: that allocates, when the subscriber is there and not installed.
        tracing::info!("before");
        HITS.set(true);
        logscope::init().unwrap();
        HITS.set(false);
        // Outside every scope, where no first scope helps.
        let wants = Wants::everything();
        logscope::set_default(wants.context.clone());
        hit(callsites());
        json!({ "hit inside": NEXT_HIT.load(Ordering::Relaxed), "lost": wants.compare(callsites()) })
    });
    let report = Child::new(TEST).run().report;
    assert!(report["hit inside"].as_u64().unwrap() > 3, "{report}");
    assert_eq!(report["lost"], json!([]));
}

/// A thread that is held up in the middle of registering a callsite, and writes down `never` after the rebuild.
struct HeldUp;

static OLDER: DefaultCallsite = DefaultCallsite::new(&OLDER_METADATA);
static NEWER: DefaultCallsite = DefaultCallsite::new(&NEWER_METADATA);
static OLDER_METADATA: Metadata<'static> = metadata! {
    name: "older", target: "start_up", level: Level::INFO, fields: &[], callsite: &OLDER, kind: Kind::EVENT,
};
static NEWER_METADATA: Metadata<'static> = metadata! {
    name: "newer", target: "start_up", level: Level::INFO, fields: &[], callsite: &NEWER, kind: Kind::EVENT,
};
static SPOILT: AtomicBool = AtomicBool::new(false);

impl<S: Subscriber> Layer<S> for HeldUp {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // Newer ones come before it.
        let rebuilding = thread::current().name() == Some("logscope-rebuild");
        if rebuilding && metadata.callsite() == OLDER_METADATA.callsite() && !SPOILT.swap(true, Ordering::Relaxed) {
            NEWER.set_interest(Interest::never());
        }
        Interest::always()
    }
}

#[test]
fn what_a_thread_spoils_that_is_held_up_is_mended() {
    const TEST: &str = "what_a_thread_spoils_that_is_held_up_is_mended";
    child::scene(TEST, |_| {
        let subscriber = tracing_subscriber::registry().with(logscope::layer()).with(HeldUp);
        tracing::subscriber::set_global_default(subscriber).unwrap();
        let registered = [OLDER.register(), NEWER.register()].map(|interest| !interest.is_never());
        Wants::everything().context.scope(|| ());
        // If this thread is slow, it is mended already.
        let spoilt = SPOILT.load(Ordering::Relaxed);
        wait_until("mended", || !NEWER.interest().is_never());
        json!({ "registered": registered, "spoilt": spoilt })
    });
    assert_eq!(Child::new(TEST).run().report, json!({ "registered": [true, true], "spoilt": true }));
}

/// Asks `done` until it says yes.
#[track_caller]
fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(20), "not {what} in time");
        thread::yield_now();
    }
}

/// Three threads hit callsites while a fourth installs; each then enters a scope and hits all of them.
///
/// Each of them may be in the middle of registering one callsite when the last rebuild is made that the scope waits for, and may spoil it
/// after that. No more than this can be missing, hardly ever is, and is mended.
#[test]
fn fresh_processes_lose_nothing() {
    const CHILDREN: usize = 300;
    const AT_ONCE: usize = 2;
    child::scene("fresh_processes_lose_nothing", |_| start_up());
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
    assert!(in_between > CHILDREN / 3, "in {in_between} processes only something happened that could go wrong");
    assert!(losing < CHILDREN / 20, "in {losing} processes something was lost");
}

const THREADS: usize = 3;

/// A start, as the number of the child says: by `init` or not, as the process's first subscriber or not, with more or fewer callsites
/// hit before, by slower or faster threads.
fn start_up() -> Value {
    let number: usize = std::env::var("NUMBER").unwrap().parse().unwrap();
    let (pause, hits) = (number / 2 % 5 * 300, 10 + number / 10 % 6 * 80);
    if number.is_multiple_of(3) {
        silence_default();
    } else {
        begin();
    }
    let (installed, together) = (AtomicBool::new(false), Barrier::new(THREADS + 1));
    let fresh = Fresh { next: AtomicUsize::new(0), open: AtomicUsize::new(hits) };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (installed, fresh, together) = (&installed, &fresh, &together);
                scope.spawn(move || {
                    let log_everything = || {
                        let wants = Wants::everything();
                        wants.context.scope(|| hit(callsites()));
                        wants.compare(callsites()).len()
                    };
                    together.wait();
                    // The first thread goes on for a while after the installation, when the others enter their scopes.
                    let mut more = if thread == 0 { 50 } else { 0 };
                    while !installed.load(Ordering::Acquire) || more > 0 {
                        fresh.hit_one();
                        more -= i32::from(installed.load(Ordering::Relaxed));
                        (0..pause).for_each(|_| spin_loop());
                    }
                    let lost = log_everything();
                    wait_until("mended", || log_everything() == 0);
                    lost
                })
            })
            .collect();
        together.wait();
        fresh.wait_for(hits);
        fresh.open.store(callsites().len(), Ordering::Relaxed);
        if number.is_multiple_of(2) {
            logscope::init().unwrap();
        } else {
            let dispatch = dispatch();
            fresh.wait_for(hits + 20);
            dispatcher::set_global_default(dispatch).unwrap();
        }
        let meanwhile = fresh.next.load(Ordering::Relaxed) - hits;
        installed.store(true, Ordering::Release);
        let lost = threads.into_iter().map(|thread| thread.join().unwrap());
        json!({ "most lost": lost.max(), "meanwhile": meanwhile })
    })
}

/// The callsites that were not hit yet, of which some are open.
struct Fresh {
    next: AtomicUsize,
    open: AtomicUsize,
}

impl Fresh {
    fn hit_one(&self) {
        let take = |next| (next < self.open.load(Ordering::Relaxed)).then_some(next + 1);
        if let Ok(index) = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            (callsites()[index].hit)();
        }
    }

    fn wait_for(&self, hits: usize) {
        wait_until("hit", || self.next.load(Ordering::Relaxed) >= hits);
    }
}
