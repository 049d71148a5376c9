//! What happens only at start-up (DESIGN section 6): callsites that are hit before logscope is installed, while it is, and right after.
//! Whatever becomes of those events, what is logged inside a scope that is entered after the installation arrives.
//!
//! A binary of its own, and a process for each case: a process starts once.

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

use logscope::sink::{self, RecordOutput};
use logscope::{FutureExt as _, LevelFilter, OutputContext, Record};
use serde_json::{Value, json};
use tracing::{Dispatch, dispatcher};
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
            (arrived != *count).then(|| format!("{key}: {arrived} of {count}"))
        };
        expected.iter().filter_map(differs).collect()
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

/// Three threads hit callsites while a fourth installs; each then enters a scope and hits all of them.
#[test]
fn fresh_processes_lose_nothing() {
    const CHILDREN: usize = 300;
    const AT_ONCE: usize = 2;
    child::scene("fresh_processes_lose_nothing", |_| start_up());
    let (next, in_between) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= CHILDREN {
                        return;
                    }
                    let ended = Child::new("fresh_processes_lose_nothing").var("NUMBER", number).run();
                    assert_eq!(ended.report["lost"], json!([[], [], []]), "child {number}: {}", ended.report);
                    assert_eq!(ended.stderr, "", "child {number}");
                    let hits = |when: &str| ended.report[when].as_u64().unwrap();
                    in_between.fetch_add(usize::from(hits("after") > hits("before")), Ordering::Relaxed);
                }
            });
        }
    });
    let in_between = in_between.into_inner();
    println!("in {in_between} of {CHILDREN} processes, callsites were hit for the first time during the installation");
    assert!(in_between > CHILDREN / 3, "in {in_between} processes only something happened that could go wrong");
}

/// A start, as the number of the child says: by `init` or not, sooner or later, with slower or faster threads.
fn start_up() -> Value {
    let number: usize = std::env::var("NUMBER").unwrap().parse().unwrap();
    let spin = |times: usize| (0..times).for_each(|_| spin_loop());
    let (pause, hits) = (100 + number / 2 % 5 * 300, 10 + number / 10 % 6 * 40);
    if number.is_multiple_of(3) {
        silence_default();
    } else {
        begin();
    }
    let (installed, fresh, together) = (AtomicBool::new(false), AtomicUsize::new(0), Barrier::new(4));
    let first_hits = || fresh.load(Ordering::Relaxed).min(callsites().len());
    thread::scope(|scope| {
        let threads: Vec<_> = (0..3)
            .map(|thread| {
                let (installed, fresh, together) = (&installed, &fresh, &together);
                scope.spawn(move || {
                    let wants = Wants::everything();
                    together.wait();
                    // The first thread goes on for a while after the installation, when the others enter their scopes.
                    let mut more = if thread == 0 { 50 } else { 0 };
                    while !installed.load(Ordering::Acquire) || more > 0 {
                        if let Some(callsite) = callsites().get(fresh.fetch_add(1, Ordering::Relaxed)) {
                            (callsite.hit)();
                        }
                        more -= i32::from(installed.load(Ordering::Relaxed));
                        spin(pause);
                    }
                    wants.context.scope(|| hit(callsites()));
                    wants.compare(callsites())
                })
            })
            .collect();
        together.wait();
        // Without giving way, so that another thread is running at that moment.
        while first_hits() < hits {
            spin_loop();
        }
        let before = first_hits();
        if number.is_multiple_of(2) {
            logscope::init().unwrap();
        } else {
            let dispatch = dispatch();
            while first_hits() < hits + 20 {
                thread::yield_now();
            }
            dispatcher::set_global_default(dispatch).unwrap();
        }
        let after = first_hits();
        installed.store(true, Ordering::Release);
        let lost: Vec<Vec<String>> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        json!({ "lost": lost, "before": before, "after": after })
    })
}
