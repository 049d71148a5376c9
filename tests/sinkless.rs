//! A context without sinks, into which something is logged, is told of once; the process default is not.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;

use child::{Child, Ended, in_child};
use logscope::{LevelFilter, OutputContext, sink};
use serde_json::Value;

fn lines_about(ended: &Ended, name: &str) -> usize {
    let about = |line: &&&str| line.contains(&format!("context \"{name}\" has no sink"));
    ended.fallback_lines().iter().filter(about).count()
}

#[test]
fn each_context_without_sinks_is_told_of_once() {
    in_child("each_context_without_sinks_is_told_of_once", |_| {
        logscope::init();
        let log = |context: &OutputContext| context.scope(|| tracing::info!("lost"));
        let chain = OutputContext::builder("chain").build().with_field("n", 1_u64).with_verbosity(LevelFilter::DEBUG);
        (0..3).for_each(|_| log(&chain));
        log(&chain.with_field("n", 2_u64));
        assert_eq!(chain.ledger().accepted, 0);
        log(&chain.child("child of chain").build());

        let quiet = OutputContext::builder("quiet").verbosity(LevelFilter::ERROR).build();
        log(&quiet);
        log(&OutputContext::builder("null").sink(sink::null()).build());
        log(&OutputContext::builder("threshold").sink(sink::null().max_level(LevelFilter::ERROR)).build());
        log(&OutputContext::builder("second").build());
        Value::Bool(true)
    });
    let ended = Child::new("each_context_without_sinks_is_told_of_once").run();
    assert_eq!((lines_about(&ended, "chain"), lines_about(&ended, "second")), (1, 1), "{}", ended.stderr);
    assert_eq!(ended.fallback_lines().len(), 2, "{}", ended.stderr);
}

#[test]
fn a_process_default_without_sinks_is_meant() {
    in_child("a_process_default_without_sinks_is_meant", |_| {
        let silent = || OutputContext::builder("main").build();
        logscope::configure().default_context(silent()).verbosity(LevelFilter::DEBUG).install().unwrap();
        tracing::info!("for other layers");
        OutputContext::current().scope(|| tracing::info!("for other layers"));
        OutputContext::current().with_field("n", 1_u64).scope(|| tracing::info!("for other layers"));
        OutputContext::current().child("request").build().scope(|| tracing::info!("for other layers"));
        let before = logscope::set_process_default(OutputContext::builder("null").sink(sink::null()).build());
        before.scope(|| tracing::info!("it was the default"));
        logscope::set_process_default(silent());
        tracing::info!("for other layers");
        logscope::set_process_default(OutputContext::builder("null").sink(sink::null()).build());

        // The default had a sink, so that it has none now is not meant.
        OutputContext::current().with_sinks([]).scope(|| tracing::info!("lost"));
        Value::Bool(true)
    });
    let ended = Child::new("a_process_default_without_sinks_is_meant").run();
    assert_eq!(lines_about(&ended, "null"), 1, "{}", ended.stderr);
    assert_eq!(ended.fallback_lines().len(), 1, "{}", ended.stderr);
}

#[test]
fn the_reports_have_a_limit() {
    in_child("the_reports_have_a_limit", |_| {
        logscope::init();
        for n in 0..40 {
            OutputContext::builder(format!("no {n}")).build().scope(|| tracing::info!("lost"));
        }
        Value::from(sink::fallback_lost())
    });
    let ended = Child::new("the_reports_have_a_limit").run();
    let reported = ended.fallback_lines();
    assert_eq!((reported.len(), ended.report.as_u64()), (10, Some(0)), "{}", ended.stderr);
    assert!(reported[9].ends_with("other contexts without sinks are not reported"), "{}", reported[9]);
    assert!(!reported[8].contains("not reported"), "{}", reported[8]);
}
