//! Routing by span: off by default; where it is on, what it can and cannot attribute.
//!
//! The process has one default context, which all tests here share: each recognises its own records by a tag.

#![cfg(feature = "testing")]
#![cfg(feature = "file")]
#![allow(clippy::unwrap_used)]

mod layers;

use std::sync::OnceLock;
use std::time::Duration;

use layers::{context, in_own_process, messages};
use logscope::sink::Memory;
use logscope::testing::wait_until;
use logscope::{Format, LevelFilter, OutputContext, configure, sink};
use tracing::{Dispatch, Level, debug, dispatcher, enabled, info, info_span};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry;

const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `f`, with the default context's log, under a layer that routes by span.
fn routed<R>(f: impl FnOnce(&Memory) -> R) -> R {
    let outside = outside();
    let subscriber = Dispatch::new(registry().with(configure().route_by_span(true).layer()));
    dispatcher::with_default(&subscriber, || f(outside))
}

fn outside() -> &'static Memory {
    static OUTSIDE: OnceLock<Memory> = OnceLock::new();
    OUTSIDE.get_or_init(|| {
        let (sink, memory) = sink::memory();
        logscope::set_process_default(OutputContext::builder("outside").sink(sink.format(Format::json())).build());
        memory
    })
}

fn tagged(memory: &Memory, tag: &str) -> usize {
    messages(memory).iter().filter(|message| *message == tag).count()
}

#[test]
fn routing_by_span_is_off_by_default() {
    let outside = outside();
    tracing::subscriber::with_default(registry().with(logscope::layer()), || {
        let (uno, memory) = context("uno", LevelFilter::TRACE);
        let span = uno.scope(|| info_span!("work"));
        span.in_scope(|| info!("off"));
        assert!(memory.is_empty());
        assert_eq!(tagged(outside, "off"), 1);
    });
}

#[test]
fn an_unscoped_event_goes_to_the_context_its_span_was_made_in() {
    routed(|outside| {
        let (uno, memory) = context("uno", LevelFilter::INFO);
        let (due, other) = context("due", LevelFilter::DEBUG);
        let span = uno.scope(|| info_span!("work"));
        let dispatch = dispatcher::get_default(Dispatch::clone);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                dispatcher::with_default(&dispatch, || {
                    info!("routed out");
                    span.in_scope(|| {
                        info!("routed");
                        debug!("above the verbosity");
                        due.scope(|| debug!("a scope stands before it"));
                        info!("routed");
                    });
                    info!("routed out");
                });
            });
        });
        assert_eq!(messages(&memory), ["routed"; 2]);
        assert_eq!(messages(&other), ["a scope stands before it"]);
        assert_eq!(tagged(outside, "routed out"), 2);
        // The record has the number, the spans and the fields that it would have in a scope.
        let record = &layers::records(&memory)[1];
        assert_eq!((&record["seq"], &record["span"]["name"]), (&2.into(), &"work".into()));
    });
}

#[test]
fn the_innermost_span_with_a_live_context_decides() {
    routed(|outside| {
        let (uno, first) = context("uno", LevelFilter::INFO);
        let (due, second) = context("due", LevelFilter::INFO);
        let outer = uno.scope(|| info_span!("outer"));
        let inner = due.scope(|| info_span!(parent: &outer, "inner"));
        let unbound = info_span!(parent: &inner, "unbound");
        let log_all = || {
            unbound.in_scope(|| info!("innermost"));
            info!(parent: &outer, "named");
            unbound.in_scope(|| info!(parent: None, "innermost without a parent"));
        };
        log_all();
        assert_eq!((messages(&first), messages(&second)), (vec!["named".to_owned()], vec!["innermost".to_owned()]));
        drop(due);
        log_all();
        assert_eq!(messages(&first), ["named", "innermost", "named"]);
        drop(uno);
        log_all();
        assert_eq!(messages(&first).len() + messages(&second).len(), 4);
        assert_eq!(tagged(outside, "innermost without a parent"), 3);
        assert_eq!((tagged(outside, "innermost"), tagged(outside, "named")), (1, 1));
    });
}

#[test]
fn a_span_does_not_keep_its_context_alive() {
    routed(|outside| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("uno.log");
        let uno = OutputContext::builder("uno").sink(sink::file(&path).open().unwrap()).build();
        let id = uno.id();
        let span = uno.scope(|| info_span!("connection"));
        span.in_scope(|| info!("kept"));
        drop(uno);
        // A test that runs at the same time and closes a context may have a count of this one for a moment.
        wait_until(PATIENCE, || logscope::live().iter().all(|context| context.id() != id))
            .expect("the context is gone");
        span.in_scope(|| info!("kept"));
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1);
        assert_eq!(tagged(outside, "kept"), 1);
    });
}

#[test]
fn a_closed_context_counts_routed_records_as_dropped() {
    routed(|outside| {
        let (uno, memory) = context("uno", LevelFilter::INFO);
        let span = uno.scope(|| info_span!("work"));
        assert!(uno.close(Duration::ZERO).is_complete());
        span.in_scope(|| info!("closed"));
        assert_eq!((memory.len(), tagged(outside, "closed")), (0, 0));
        assert_eq!(uno.ledger().dropped, 1);
    });
}

/// The documented limitation: all requests enter the span of a connection that one request opened.
#[test]
fn a_shared_connection_span_attributes_to_the_wrong_context() {
    routed(|_| {
        let (opened, first) = context("opened", LevelFilter::INFO);
        let (_later, second) = context("later", LevelFilter::INFO);
        let connection = opened.scope(|| info_span!("connection"));
        connection.in_scope(|| info!("on behalf of a later request, outside its scope"));
        assert_eq!((first.len(), second.len()), (1, 0));
    });
}

/// Under `install`, the layer answers `enabled!` by the context that an event would go to. In a process of its own, because it installs.
#[test]
fn under_install_enabled_follows_the_route() {
    if let Some(child) = in_own_process("under_install_enabled_follows_the_route", &[]) {
        child.passed();
        return;
    }
    let (outside, outside_memory) = context("outside", LevelFilter::WARN);
    configure().route_by_span(true).default_context(outside).install().unwrap();
    let (uno, memory) = context("uno", LevelFilter::DEBUG);
    let span = uno.scope(|| info_span!("work"));
    assert!(!enabled!(Level::DEBUG));
    span.in_scope(|| {
        assert!(enabled!(Level::DEBUG) && !enabled!(Level::TRACE));
        debug!("routed");
        log::debug!("routed");
        // A span that is made outside every scope is enabled by the context of the spans around it.
        tracing::debug_span!("inner").in_scope(|| debug!("routed"));
    });
    drop(uno);
    span.in_scope(|| {
        assert!(!enabled!(Level::INFO));
        info!("no context wants it");
        tracing::warn!("outside");
    });
    assert_eq!(messages(&memory), vec!["routed"; if cfg!(feature = "log") { 3 } else { 2 }]);
    assert_eq!(messages(&outside_memory), ["outside"]);
}

#[test]
fn a_span_of_a_dropped_derived_context_routes_to_the_original() {
    routed(|outside| {
        let (uno, memory) = context("uno", LevelFilter::TRACE);
        let span = uno.with_field("unit", 3_u64).scope(|| info_span!("unit"));
        span.in_scope(|| info!("derived"));
        assert_eq!((tagged(&memory, "derived"), tagged(outside, "derived")), (1, 0));
        drop(uno);
        span.in_scope(|| info!("gone"));
        assert_eq!((tagged(&memory, "gone"), tagged(outside, "gone")), (0, 1));
    });
}
