//! When contexts are let go of: never under a reader, and with nothing held that their `Drop` could get in the way of.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use super::*;
use crate::scope::chain::depth;

/// What happened, in order.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<String>>>);

impl Events {
    fn add(&self, event: impl Into<String>) {
        self.0.lock().unwrap().push(event.into());
    }

    #[track_caller]
    fn assert(&self, expected: &[&str]) {
        assert_eq!(*self.0.lock().unwrap(), expected);
    }

    /// A context that says that it is dropped, and what was current then.
    fn context(&self, name: &'static str) -> Arc<Context> {
        let events = self.clone();
        context_that(name, move || events.add(format!("{name} gone, now {}", current())))
    }
}

#[test]
fn a_guard_dropped_by_its_own_reader() {
    let events = Events::default();
    let guard = Guard::enter(events.context("a"));
    with_current(|a: Option<&Arc<Context>>| {
        drop(guard);
        events.add(format!("left {}, now {}", a.unwrap().name, current()));
    });
    events.assert(&["left a, now -", "a gone, now -"]);
    assert_clean([]);
}

#[test]
fn only_the_outermost_reader_releases() {
    let events = Events::default();
    let (lower, upper) = (Guard::enter(events.context("a")), Guard::enter(events.context("b")));
    with_current(|_: Option<&Arc<Context>>| {
        with_current(|_: Option<&Arc<Context>>| {
            assert_eq!(depth::<Context>(), 2);
            drop(upper);
        });
        drop(lower);
        events.add("outermost");
    });
    events.assert(&["outermost", "a gone, now -", "b gone, now -"]);
    assert_clean([]);
}

#[test]
fn a_reader_that_panics_releases() {
    let events = Events::default();
    let guard = Guard::enter(events.context("a"));
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        with_current(|_: Option<&Arc<Context>>| {
            drop(guard);
            panic!("in a reader");
        });
    }));
    assert!(unwound.is_err());
    events.assert(&["a gone, now -"]);
    assert_clean([]);
}

#[test]
fn update_within_a_reader_of_a_guard_a_closure_and_a_task() {
    fn update_within(events: &Events) {
        with_current(|before: Option<&Arc<Context>>| {
            drop(replace_current(events.context("new")));
            events.add(format!("{} still there, now {}", before.unwrap().name, current()));
        });
    }

    let events = Events::default();
    let guard = Guard::enter(events.context("old"));
    update_within(&events);
    drop(guard);
    events.assert(&["old still there, now new", "old gone, now new", "new gone, now -"]);

    let events = Events::default();
    let mut task = TaskChain::new(events.context("old"));
    task.run(|| update_within(&events));
    drop(task);
    events.assert(&["old still there, now new", "old gone, now new", "new gone, now -"]);

    let events = Events::default();
    let old = events.context("old");
    scope(&old, || {
        update_within(&events);
        update_within(&events);
    });
    drop(old);
    events.assert(&[
        "old still there, now new",
        "new still there, now new",
        "new gone, now new",
        "new gone, now -",
        "old gone, now -",
    ]);
    assert_clean([]);
}

#[test]
fn a_task_that_ends_within_a_reader() {
    let events = Events::default();
    let mut task = TaskChain::new(events.context("t"));
    let mut guards = Vec::new();
    task.run(|| {
        guards.push(Guard::enter(events.context("a")));
        guards.push(Guard::enter(events.context("b")));
    });
    drop(guards.pop());
    with_current(|_: Option<&Arc<Context>>| {
        drop(task);
        drop(guards);
        events.add("ended");
    });
    events.assert(&["ended", "t gone, now -", "a gone, now -", "b gone, now -"]);
    assert_clean([]);
}

#[test]
fn a_chain_that_settles_within_a_reader() {
    let events = Events::default();
    let mut task = TaskChain::new(events.context("t"));
    let guard = task.run(|| Guard::enter(events.context("a")));
    drop(guard);
    with_current(|_: Option<&Arc<Context>>| {
        task.run(|| events.add(current()));
    });
    events.assert(&["t", "a gone, now -"]);
    drop(task);
    assert_clean([]);
}

/// While the first of several abandoned scopes is let go of, none of them is the current one any more.
#[test]
fn abandoned_scopes_end_together() {
    let events = Events::default();
    let mut task = TaskChain::new(events.context("t"));
    let guards = task.run(|| ["a", "b", "c"].map(|name| Guard::enter(events.context(name))));
    let [a, b, c] = guards;
    drop((a, b));
    task.run(|| drop(c));
    events.assert(&["b gone, now t", "a gone, now t", "c gone, now t"]);
    drop(task);
    assert_clean([]);
}

#[test]
fn the_drop_of_a_context_may_use_scopes() {
    let events = Events::default();
    let b = context("b");
    let told = events.clone();
    let entered = Arc::clone(&b);
    let guard = Guard::enter(context_that("a", move || {
        scope(&entered, || {
            let _guard = enter(&entered);
            with_current(|current: Option<&Arc<Context>>| told.add(current.unwrap().name));
            replace(&context("c"));
            TaskChain::new(context("t")).run(|| told.add(current()));
        });
        told.add(current());
    }));
    drop(guard);
    events.assert(&["b", "t", "-"]);
    assert_clean([&b]);
}

/// The same from within a reader, where the contexts of the destructor's own scopes are retired while others are
/// released.
#[test]
fn the_drop_of_a_retired_context_may_retire_others() {
    let events = Events::default();
    let inner = events.clone();
    let outer = context_that("a", move || {
        let guard = Guard::enter(inner.context("b"));
        with_current(|_: Option<&Arc<Context>>| {
            drop(guard);
            inner.add("left b");
        });
        inner.add("a gone");
    });
    let (lower, upper) = (Guard::enter(events.context("z")), Guard::enter(outer));
    with_current(|_: Option<&Arc<Context>>| drop((lower, upper)));
    events.assert(&["left b", "b gone, now -", "a gone", "z gone, now -"]);
    assert_clean([]);
}

/// A context that owns guards of other chains, as one can through an output of the user's own.
#[test]
fn the_drop_of_a_context_may_drop_a_task() {
    let t = context("t");
    let parked = Mutex::new(Some(task(&t)));
    let guard = Guard::enter(context_that("a", move || drop(parked.lock().unwrap().take())));
    with_current(|_: Option<&Arc<Context>>| drop(guard));
    assert_clean([&t]);
}

#[test]
fn a_context_that_panics_when_it_is_dropped_is_caught() {
    let events = Events::default();
    let panics = || context_that("p", || panic!("a context panics when it is dropped"));
    drop(Guard::enter(panics()));
    let guards = [Guard::enter(events.context("a")), Guard::enter(panics()), Guard::enter(events.context("b"))];
    with_current(|_: Option<&Arc<Context>>| drop(guards));
    events.assert(&["b gone, now -", "a gone, now -"]);

    let mut task = TaskChain::new(events.context("t"));
    let guard = task.run(|| Guard::enter(panics()));
    drop(task);
    drop(guard);
    events.assert(&["b gone, now -", "a gone, now -", "t gone, now -"]);
    assert_clean([]);
}
