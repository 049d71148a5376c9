//! What happens only at start-up (DESIGN section 6): callsites that are hit before logscope is installed, while it is, and right after.
//! Whatever becomes of those events, what is logged inside a scope that is entered after the installation arrives.
//!
//! A binary of its own, and a process for each case: a process starts once.

#[path = "common/callsites.rs"]
mod callsites;
#[path = "common/child.rs"]
mod child;

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
        let foreign = Dispatch::new(tracing_subscriber::registry());
        // Before the subscriber is installed, and then on a thread that has another one.
        elsewhere.context.scope(|| install_with_a_gap(&callsites[..10], &callsites[10..20]));
        dispatcher::with_default(&foreign, || elsewhere.context.scope(|| hit(callsites)));
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

#[test]
fn nor_when_another_subscriber_is_used_between_making_and_installing_one() {
    child::scene("nor_when_another_subscriber_is_used_between_making_and_installing_one", |_| {
        silence_default();
        let callsites = &callsites()[..30];
        let made = dispatch();
        let meanwhile = Wants::everything();
        dispatcher::with_default(&dispatch(), || meanwhile.context.scope(|| hit(&callsites[..10])));
        hit(&callsites[10..20]);
        dispatcher::set_global_default(made).unwrap();
        let wants = Wants::everything();
        wants.context.scope(|| hit(callsites));
        json!({ "meanwhile": meanwhile.compare(&callsites[..10]), "after": wants.compare(callsites) })
    });
    let ended = Child::new("nor_when_another_subscriber_is_used_between_making_and_installing_one").run();
    assert_eq!(ended.report, json!({ "meanwhile": [], "after": [] }));
}

/// Three threads hit callsites while a fourth installs; each then enters a scope and hits all of them.
#[test]
fn fresh_processes_lose_nothing() {
    const CHILDREN: usize = 300;
    const AT_ONCE: usize = 3;
    child::scene("fresh_processes_lose_nothing", |_| start_up());
    let next = AtomicUsize::new(0);
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
                }
            });
        }
    });
}

/// A start, as the number of the child says: by `init` or not, sooner or later, with slower or faster threads.
fn start_up() -> Value {
    let number: usize = std::env::var("NUMBER").unwrap().parse().unwrap();
    let (pause, delay) = (number % 7 * 40, number / 7 % 11 * 400);
    silence_default();
    let (installed, fresh, together) = (AtomicBool::new(false), AtomicUsize::new(0), Barrier::new(4));
    let lost: Vec<Vec<String>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..3)
            .map(|thread| {
                let (installed, fresh, together) = (&installed, &fresh, &together);
                scope.spawn(move || {
                    let wants = Wants::everything();
                    together.wait();
                    let mut ours = 0;
                    // The first thread goes on hitting callsites after the installation, while the others enter their scopes.
                    while !installed.load(Ordering::Acquire) || (thread == 0 && ours < 400) {
                        if let Some(callsite) = callsites().get(fresh.fetch_add(1, Ordering::Relaxed)) {
                            (callsite.hit)();
                        }
                        ours += 1;
                        (0..pause).for_each(|_| spin_loop());
                    }
                    wants.context.scope(|| hit(callsites()));
                    wants.compare(callsites())
                })
            })
            .collect();
        together.wait();
        (0..delay).for_each(|_| spin_loop());
        if number.is_multiple_of(2) {
            logscope::init().unwrap();
        } else {
            let dispatch = dispatch();
            (0..pause).for_each(|_| spin_loop());
            dispatcher::set_global_default(dispatch).unwrap();
        }
        installed.store(true, Ordering::Release);
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    json!({ "lost": lost, "hit before the end of the installation": fresh.into_inner() })
}
