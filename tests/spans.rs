//! The spans around a record: their fields, and the path to them, in every format, under `install` and as a layer.
//!
//! The path to the current span is cached for each thread. Each case here is one in which a cache that is maintained (a prefix that
//! is pushed on enter and popped on exit) is wrong, and a record comes before it, so that the cache is warm.
//!
//! The process has one global subscriber; it is used in every test, beside a subscriber of each test's own.

#![allow(clippy::unwrap_used)]

mod layers;

use std::fmt;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use layers::alone;
use layers::paths::Log;
use logscope::{LevelFilter, OutputContext, Verbosity, sink};
use tracing::field::{Empty, debug};
use tracing::{Dispatch, Span, debug_span, dispatcher, info, info_span, trace_span};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry;

/// The global subscriber: logscope alone.
fn installed() -> &'static Dispatch {
    static INSTALLED: OnceLock<Dispatch> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let default = OutputContext::builder("outside").sink(sink::null()).build();
        logscope::configure().default_context(default).install().unwrap();
        std::thread::spawn(|| dispatcher::get_default(Dispatch::clone)).join().unwrap()
    })
}

/// Runs `test` with a log of its own, under `install` and as a layer beside another.
fn each_way(test: impl Fn(&Log)) {
    test(&Log::new(installed()));
    let other = tracing_subscriber::fmt::layer().with_writer(io::sink);
    test(&Log::new(&Dispatch::new(registry().with(other).with(logscope::layer()))));
}

#[test]
fn record_after_entry() {
    each_way(|log| {
        log.scope(|| {
            let build = info_span!("build", unit = Empty, n = 1).entered();
            info!("before");
            build.record("unit", "core");
            info!("after");
            build.record("n", 2);
            let _link = info_span!("link").entered();
            info!("inside");
            build.record("unit", "lib");
            info!("recorded around");
        });
        let expected = [
            "before in build{n=1}",
            "after in build{n=1 unit=core}",
            "inside in build{n=2 unit=core}:link",
            "recorded around in build{n=2 unit=lib}:link",
        ];
        assert_eq!(log.paths(), expected);
    });
}

#[test]
fn record_on_another_thread() {
    each_way(|log| {
        log.scope(|| {
            let build = info_span!("build", unit = Empty).entered();
            info!("before");
            log.elsewhere(|| build.record("unit", "core"));
            info!("after");
            log.elsewhere(|| info!("elsewhere"));
        });
        assert_eq!(log.paths(), ["before in build", "after in build{unit=core}", "elsewhere"]);
    });
}

#[test]
fn exit_out_of_order() {
    each_way(|log| {
        log.scope(|| {
            let outer = info_span!("outer", n = 1).entered();
            let inner = info_span!("inner").entered();
            let innermost = info_span!("innermost").entered();
            info!("in all");
            drop(inner);
            info!("inner left first");
            drop(innermost);
            info!("innermost left");
            drop(outer);
            info!("all left");
        });
        // Where a span stands is decided when it is made: what was entered inside stays inside.
        let expected = [
            "in all in outer{n=1}:inner:innermost",
            "inner left first in outer{n=1}:inner:innermost",
            "innermost left in outer{n=1}",
            "all left",
        ];
        assert_eq!(log.paths(), expected);
    });
}

#[test]
fn explicit_parents() {
    each_way(|log| {
        log.scope(|| {
            let build = info_span!("build", n = 1);
            let other = info_span!(parent: &build, "other");
            let _link = info_span!("link").entered();
            info!("warm");
            info!(parent: &other, "elsewhere");
            info!("back");
            build.record("n", 2);
            info!(parent: other.id(), "elsewhere");
            let detached = info_span!(parent: &other, "detached").entered();
            info!("entered");
            drop(detached);
            info!("back");
        });
        let expected = [
            "warm in link",
            "elsewhere in build{n=1}:other",
            "back in link",
            "elsewhere in build{n=2}:other",
            "entered in build{n=2}:other:detached",
            "back in link",
        ];
        assert_eq!(log.paths(), expected);
    });
}

#[test]
fn no_parent() {
    each_way(|log| {
        log.scope(|| {
            let _build = info_span!("build").entered();
            info!("warm");
            info!(parent: None, "outside");
            info!("back");
            let root = info_span!(parent: None, "root").entered();
            info!("in a root");
            info!(parent: None, "outside");
            drop(root);
            info!("back");
        });
        let expected = ["warm in build", "outside", "back in build", "in a root in root", "outside", "back in build"];
        assert_eq!(log.paths(), expected);
    });
}

#[test]
fn the_same_span_entered_twice() {
    each_way(|log| {
        log.scope(|| {
            let build = info_span!("build");
            let first = build.enter();
            let link = info_span!("link").entered();
            info!("once");
            let second = build.enter();
            info!("twice");
            drop(second);
            info!("once");
            drop(link);
            let third = build.clone().entered();
            drop(first);
            info!("still");
            drop(third);
            info!("left");
        });
        let expected = ["once in build:link", "twice in build:link", "once in build:link", "still in build", "left"];
        assert_eq!(log.paths(), expected);
    });
}

#[test]
fn a_child_without_its_parent() {
    each_way(|log| {
        log.scope(|| {
            let build = info_span!("build", n = Empty).entered();
            let child = info_span!("child");
            info!("parent");
            log.elsewhere(|| {
                info!("nothing");
                let other = info_span!("other").entered();
                info!("another");
                let entered = child.enter();
                info!("child");
                build.record("n", 1);
                info!("child");
                drop(entered);
                info!("another");
                drop(other);
                info!("nothing");
            });
            info!("parent");
        });
        let expected = [
            "parent in build",
            "nothing",
            "another in other",
            "child in build:child",
            "child in build{n=1}:child",
            "another in other",
            "nothing",
            "parent in build{n=1}",
        ];
        assert_eq!(log.paths(), expected);
    });
}

#[test]
fn a_span_that_moves_with_its_task() {
    use tracing::Instrument as _;

    each_way(|log| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        log.scope(|| {
            let task = |task: &'static str| {
                let work = async move {
                    for step in 0..3 {
                        info!("{task}{step}");
                        tokio::task::yield_now().await;
                    }
                };
                work.instrument(info_span!("task", task))
            };
            runtime.block_on(async {
                tokio::join!(task("a"), task("b"));
            });
            info!("outside");
        });
        let steps = |task| (0..3).map(move |step| format!("{task}{step} in task{{task={task}}}"));
        let mut expected: Vec<String> = steps("a").chain(steps("b")).collect();
        expected.push("outside".to_owned());
        // Which task is polled first is tokio's business.
        let mut paths = log.paths();
        paths.sort();
        assert_eq!(paths, expected);
    });
}

/// Two subscribers whose spans have the same numbers, on one thread with one cache.
#[test]
fn spans_of_another_subscriber_are_not_taken_for_these() {
    let logs = ["one", "two"].map(|_| Log::new(&Dispatch::new(registry().with(logscope::layer()))));
    let spans = [0, 1].map(|n| logs[n].scope(|| if n == 0 { info_span!("first") } else { info_span!("second") }));
    for _ in 0..3 {
        for (log, span) in logs.iter().zip(&spans) {
            let entered = span.enter();
            log.scope(|| info!("said"));
            drop(entered);
        }
    }
    // Entered under both, so that nothing moves between the two records.
    let _entered = spans.each_ref().map(|span| span.enter());
    for log in logs.iter().chain(&logs) {
        log.scope(|| info!("said"));
    }
    assert_eq!(logs[0].paths(), ["said in first"; 5]);
    assert_eq!(logs[1].paths(), ["said in second"; 5]);
}

#[test]
fn a_path_too_long_to_keep_is_shown_all_the_same() {
    each_way(|log| {
        let long = "x".repeat(20_000);
        log.scope(|| {
            let _build = info_span!("build").entered();
            info!("short");
            let span = info_span!("long", long).entered();
            info!("long");
            info!("long");
            drop(span);
            info!("short");
        });
        let long = format!("long in build:long{{long={long}}}");
        assert_eq!(log.paths(), ["short in build", &long, &long, "short in build"]);
    });
}

/// What the context does not want is not around its records, whether another layer has it or not.
#[test]
fn spans_follow_the_verbosity_of_the_context_they_are_made_in() {
    each_way(|log| {
        let quiet = log.context.with_verbosity(LevelFilter::INFO);
        let targeted = log.context.with_verbosity("info,noisy=trace".parse::<Verbosity>().unwrap());
        log.scope(|| {
            quiet.scope(|| {
                let _outer = info_span!("outer").entered();
                let _unwanted = debug_span!("unwanted", asks = 1).entered();
                let _inner = info_span!("inner").entered();
                info!("quiet");
            });
            targeted.scope(|| {
                let _unwanted = trace_span!("unwanted").entered();
                let _noisy = trace_span!(target: "noisy", "noisy").entered();
                info!("targeted");
            });
            let _loud = trace_span!("loud").entered();
            info!("loud");
        });
        assert_eq!(log.paths(), ["quiet in outer:inner", "targeted in noisy", "loud in loud"]);
    });
}

/// A value that panics, fails, or logs, when the span is made or a field is recorded.
struct Odd(fn(&mut fmt::Formatter<'_>) -> fmt::Result);

impl fmt::Debug for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

#[test]
fn values_of_spans_may_panic_fail_and_log() {
    // Where any subscriber is set for a scope, as other tests here do, what a value logs goes nowhere.
    if let Some(child) = alone("values_of_spans_may_panic_fail_and_log", &[]) {
        child.passed();
        return;
    }
    let log = Log::new(installed());
    static LOGGED: AtomicUsize = AtomicUsize::new(0);
    let logs = || {
        Odd(|f| {
            // In the middle of a span's making, of its recording; it may even record on the span that is current.
            Span::current().record("again", LOGGED.fetch_add(1, Ordering::Relaxed));
            info!("nested");
            f.write_str("logs")
        })
    };
    let work = || {
        let fails = Odd(|f| f.write_str("half").and(Err(fmt::Error)));
        let _span = info_span!("odd", fails = ?fails, later = Empty, again = Empty, panics = Empty).entered();
        info!("failed");
        Span::current().record("panics", debug(Odd(|_| panic!("as it should"))));
        info!("panicked");
        let _inner = info_span!("inner", logs = ?logs()).entered();
        info!("inside");
        drop(_inner);
        Span::current().record("later", debug(logs()));
        info!("recorded");
    };
    log.context.scope(work);
    let nested = |paths: &[String]| paths.iter().filter(|path| path.starts_with("nested")).count();
    let paths = log.paths();
    assert_eq!(nested(&paths), 2);
    let own: Vec<_> = paths.into_iter().filter(|path| !path.starts_with("nested")).collect();
    let expected = [
        "failed in odd{fails=half<format error>}",
        "panicked in odd{fails=half<format error> panics=<panicked>}",
        "inside in odd{again=0 fails=half<format error> panics=<panicked>}:inner{logs=logs}",
        "recorded in odd{again=1 fails=half<format error> later=logs panics=<panicked>}",
    ];
    assert_eq!(own, expected);
}
