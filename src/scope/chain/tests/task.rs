//! Tasks on one thread, polled by hand.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

#[test]
fn a_poll_starts_at_the_context_of_the_task() {
    let (a, t) = (context("a"), context("t"));
    let mut task = task(&t);
    let guard = enter(&a);
    task.run(|| assert_eq!(current(), "t"));
    assert_eq!(current(), "a");
    drop(guard);
    task.run(|| assert_eq!(current(), "t"));
    drop(task);
    assert_clean([&a, &t]);
}

#[test]
fn a_guard_is_held_across_polls() {
    let (a, t) = (context("a"), context("t"));
    let mut task = task(&t);
    let guard = task.run(|| enter(&a));
    assert_eq!(current(), "-");
    task.run(|| assert_eq!(current(), "a"));
    task.run(|| {
        drop(guard);
        assert_eq!(current(), "t");
    });
    drop(task);
    assert_clean([&a, &t]);
}

#[test]
fn a_guard_is_dropped_between_polls() {
    let (a, b, t) = (context("a"), context("b"), context("t"));
    let mut task = task(&t);
    let (lower, upper) = task.run(|| (enter(&a), enter(&b)));
    drop(lower);
    task.run(|| assert_eq!(current(), "b"));
    drop(upper);
    task.run(|| assert_eq!(current(), "t"));
    assert_eq!((Arc::strong_count(&a), Arc::strong_count(&b)), (1, 1));
    drop(task);
    assert_clean([&a, &b, &t]);
}

#[test]
fn a_guard_is_dropped_in_the_poll_of_another_task() {
    let (a, b, t, u) = (context("a"), context("b"), context("t"), context("u"));
    let (mut first, mut second) = (task(&t), task(&u));
    let guard = first.run(|| enter(&a));
    second.run(|| {
        let _b = enter(&b);
        drop(guard);
        assert_eq!(current(), "b");
    });
    first.run(|| assert_eq!(current(), "t"));
    drop((first, second));
    assert_clean([&a, &b, &t, &u]);
}

#[test]
fn a_guard_of_the_thread_is_dropped_in_a_poll() {
    let (a, b, t) = (context("a"), context("b"), context("t"));
    let (lower, upper) = (enter(&a), enter(&b));
    let mut task = task(&t);
    task.run(|| {
        drop(upper);
        assert_eq!(current(), "t");
    });
    assert_eq!((current(), Arc::strong_count(&b)), ("a", 1));
    drop(lower);
    drop(task);
    assert_clean([&a, &b, &t]);
}

#[test]
fn a_guard_in_a_futures_output_outlives_the_task() {
    let (a, t) = (context("a"), context("t"));
    let mut task = task(&t);
    let output = task.run(|| enter(&a));
    drop(task);
    assert_eq!((Arc::strong_count(&a), Arc::strong_count(&t)), (1, 1), "the contexts end with the task");
    scope(&a, || {
        drop(output);
        assert_eq!(current(), "a");
    });
    assert_clean([&a, &t]);
}

#[test]
fn guards_dropped_before_and_after_the_end_of_the_task() {
    let contexts = ["a", "b", "c"].map(context);
    let t = context("t");
    let mut task = task(&t);
    let [a, b, c] = task.run(|| contexts.each_ref().map(enter));
    drop(b);
    drop(task);
    drop(c);
    drop(a);
    assert_clean([&t]);
    assert_clean(contexts.each_ref());
}

/// A real `mem::forget`, so Miri would report the few bytes of the node that it leaks.
#[test]
#[cfg_attr(miri, ignore)]
fn a_forgotten_guard_keeps_its_scope_until_the_task_ends() {
    let (a, t) = (context("a"), context("t"));
    let mut task = task(&t);
    task.run(|| std::mem::forget(enter(&a)));
    task.run(|| assert_eq!(current(), "a"));
    drop(task);
    assert_clean([&a, &t]);
}

#[test]
fn tasks_nest_as_block_on_within_a_poll_does() {
    let (a, b, t, u) = (context("a"), context("b"), context("t"), context("u"));
    let (mut outer, mut inner) = (task(&t), task(&u));
    outer.run(|| {
        let of_outer = enter(&a);
        let of_inner = inner.run(|| {
            assert_eq!(current(), "u");
            drop(of_outer);
            enter(&b)
        });
        assert_eq!((current(), Arc::strong_count(&a)), ("t", 1));
        inner.run(|| {
            assert_eq!(current(), "b");
            drop(of_inner);
        });
    });
    drop((outer, inner));
    assert_clean([&a, &b, &t, &u]);
}

#[test]
fn a_closure_around_a_poll_is_not_seen_in_it() {
    let (a, t) = (context("a"), context("t"));
    let mut task = task(&t);
    scope(&a, || {
        task.run(|| assert_eq!(current(), "t"));
        assert_eq!(current(), "a");
        drop(task);
        assert_eq!(current(), "a");
    });
    assert_clean([&a, &t]);
}

#[test]
fn a_poll_that_panics_puts_the_threads_chain_back() {
    let (a, b, t) = (context("a"), context("b"), context("t"));
    let mut task = task(&t);
    let guard = enter(&a);
    let mut held = None;
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        task.run(|| {
            held = Some(enter(&b));
            panic!("in a poll");
        });
    }));
    assert!(unwound.is_err());
    assert_eq!(current(), "a");
    task.run(|| assert_eq!(current(), "b"));
    drop((task, held, guard));
    assert_clean([&a, &b, &t]);
}

#[test]
fn a_task_that_was_never_polled_gives_its_context_back() {
    let t = context("t");
    drop(task(&t));
    assert_clean([&t]);
}

#[test]
fn update_in_a_task_stays_with_the_task() {
    let (a, t, u) = (context("a"), context("t"), context("u"));
    let mut task = task(&t);
    let guard = enter(&a);
    task.run(|| assert_eq!(replace(&u), Some("t")));
    assert_eq!(current(), "a");
    task.run(|| assert_eq!(current(), "u"));
    assert_eq!(Arc::strong_count(&t), 1);
    let inner = task.run(|| enter(&a));
    task.run(|| assert_eq!(replace(&t), Some("a")));
    drop(inner);
    task.run(|| assert_eq!(replace(&a), Some("u"), "the scope that was dropped between the polls is not the newest"));
    task.run(|| assert_eq!(current(), "a"));
    drop((guard, task));
    assert_clean([&a, &t, &u]);
}

#[test]
fn what_is_outside_on_purpose_is_told_from_what_is_not() {
    let (a, t) = (context("a"), context("t"));
    let on_purpose = is_outside_on_purpose::<Context>;
    assert!(!on_purpose());
    let guard = enter(&a);
    assert!(!on_purpose());
    let mut held = None;
    TaskChain::<Context>::outside_on_purpose().run(|| {
        assert!(on_purpose() && current() == "-");
        assert_eq!(replace(&t), None, "there is nothing to replace");
        held = Some(enter(&t));
        assert!(!on_purpose() && current() == "t");
        TaskChain::<Context>::outside().run(|| assert!(!on_purpose() && current() == "-"));
        drop(held.take());
        assert!(on_purpose());
        task(&t).run(|| assert!(!on_purpose() && current() == "t"));
        assert!(on_purpose());
        held = Some(enter(&t));
    });
    assert_eq!(current(), "a");
    drop((held, guard));
    assert!(!on_purpose());
    assert_clean([&a, &t]);
}
