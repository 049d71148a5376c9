//! The spans around a record: their fields and their path, in every format, under `install` and as a layer.
//!
//! The path of the current span is cached for each thread. Each case here breaks a cache that is maintained (a prefix that is pushed on
//! enter and popped on exit). In each case a record comes first, so that the cache is warm.
//!
//! The process has one global subscriber. Every test uses it, and a subscriber of its own.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used)]

mod layers;

use std::fmt;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use layers::in_own_process;
use layers::paths::Log;
use logscope::{Format, LevelFilter, OutputContext, Time, Verbosity, sink};
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
fn a_field_recorded_after_entry_is_shown() {
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
fn a_field_recorded_on_another_thread_is_shown() {
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
fn spans_exited_out_of_order_show_their_paths() {
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
        // The path of a span is fixed when the span is made: a span that was made inside another stays inside it.
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
fn explicit_parents_show_their_paths() {
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
fn a_parent_of_none_shows_no_path() {
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
fn a_span_entered_twice_is_shown_once() {
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
fn a_child_entered_without_its_parent_shows_both() {
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
fn a_span_moves_with_its_task() {
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
        // tokio decides which task is polled first.
        let mut paths = log.paths();
        paths.sort();
        assert_eq!(paths, expected);
    });
}

/// Two subscribers on one thread, with one cache, whose spans have the same ids.
#[test]
fn spans_of_two_subscribers_are_not_confused() {
    let logs = ["one", "two"].map(|_| Log::new(&Dispatch::new(registry().with(logscope::layer()))));
    let spans = [0, 1].map(|n| logs[n].scope(|| if n == 0 { info_span!("first") } else { info_span!("second") }));
    for _ in 0..3 {
        for (log, span) in logs.iter().zip(&spans) {
            let entered = span.enter();
            log.scope(|| info!("said"));
            drop(entered);
        }
    }
    // Both spans are entered, so that no enter or exit comes between the two records.
    let _entered = spans.each_ref().map(|span| span.enter());
    for log in logs.iter().chain(&logs) {
        log.scope(|| info!("said"));
    }
    assert_eq!(logs[0].paths(), ["said in first"; 5]);
    assert_eq!(logs[1].paths(), ["said in second"; 5]);
}

/// Two layers of one registry, of which one does not see the span in the middle. Each has its own path to the innermost span, which is kept from
/// the second time on that the span is entered.
#[test]
fn layers_that_see_other_spans_show_other_paths() {
    let filter = tracing_subscriber::filter::filter_fn(|metadata| metadata.name() != "middle");
    let registry = registry().with(logscope::layer().with_filter(filter)).with(logscope::layer());
    let log = Log::new(&Dispatch::new(registry));
    log.scope(|| {
        let _outer = info_span!("outer").entered();
        let _middle = info_span!("middle").entered();
        let inner = info_span!("inner");
        (0..4).for_each(|_| inner.in_scope(|| info!("said")));
    });
    let mut paths = log.paths();
    paths.sort();
    let (one, other) = ("said in outer:inner", "said in outer:middle:inner");
    assert_eq!(paths, [one, one, one, one, other, other, other, other]);
}

/// What a timer pushes is rendered by the general look of spans, and kept. The path that its format shows is another.
#[test]
fn the_path_that_a_timer_pushes_is_not_that_of_its_format() {
    let (timed, _) = sink::memory();
    let timed = timed.format(Format::pretty().timer(|record, line| line.push_spans(record)));
    let [(one, alone), (other, beside)] = [sink::memory(), sink::memory()];
    let plain = || Format::pretty().time(Time::None);
    let timed = OutputContext::builder("uno").sink(timed).build();
    let [one, other] = [one, other].map(|sink| OutputContext::builder("uno").sink(sink.format(plain())).build());
    dispatcher::with_default(installed(), || {
        let log = |contexts: &[&OutputContext]| {
            let _outer = info_span!("outer").entered();
            let inner = info_span!("inner");
            for context in contexts.iter().cycle().take(4 * contexts.len()) {
                inner.in_scope(|| context.scope(|| info!("said")));
            }
        };
        one.scope(|| log(&[&one]));
        // Twice in a row the one with the timer, so that the span keeps what it has pushed, if that is taken for the path of the format.
        other.scope(|| log(&[&timed, &timed, &other]));
    });
    assert!(alone.text().contains("inner") && alone.text().contains("outer"), "{}", alone.text());
    assert_eq!(beside.text(), alone.text());
}

#[test]
fn a_path_too_long_for_the_cache_is_shown() {
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

/// A span that the context does not want is not in the path of its records, whether another layer wants it or not.
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

/// A value that panics, fails or logs when the span is made or a field is recorded.
struct DebugBy(fn(&mut fmt::Formatter<'_>) -> fmt::Result);

impl fmt::Debug for DebugBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

#[test]
fn values_of_spans_can_panic_fail_and_log() {
    // In a process of its own: while any scoped subscriber is set, as in other tests here, the events that a value logs go nowhere.
    if let Some(child) = in_own_process("values_of_spans_can_panic_fail_and_log", &[]) {
        child.passed();
        return;
    }
    let log = Log::new(installed());
    static LOGGED: AtomicUsize = AtomicUsize::new(0);
    let logs = || {
        DebugBy(|f| {
            // This runs while a span is made or a field is recorded. It even records a field on the current span.
            Span::current().record("again", LOGGED.fetch_add(1, Ordering::Relaxed));
            info!("nested");
            f.write_str("logs")
        })
    };
    let work = || {
        let fails = DebugBy(|f| f.write_str("half").and(Err(fmt::Error)));
        let _span = info_span!("odd", fails = ?fails, later = Empty, again = Empty, panics = Empty).entered();
        info!("failed");
        Span::current().record("panics", debug(DebugBy(|_| panic!("on purpose"))));
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
