//! Scopes on one thread: nesting, and leaving in any order.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

#[test]
fn closures_nest_and_take_no_count() {
    let (a, b) = (context("a"), context("b"));
    let answer = scope(&a, || {
        assert_eq!(current(), "a");
        scope(&b, || assert_eq!((current(), Arc::strong_count(&b)), ("b", 1)));
        assert_eq!(current(), "a");
        7
    });
    assert_eq!(answer, 7);
    assert_clean([&a, &b]);
}

#[test]
fn guards_nest() {
    let (a, b) = (context("a"), context("b"));
    let outer = enter(&a);
    let inner = enter(&b);
    assert_eq!(current(), "b");
    drop(inner);
    assert_eq!(current(), "a");
    drop(outer);
    assert_clean([&a, &b]);
}

#[test]
fn the_same_context_may_be_entered_twice() {
    let a = context("a");
    let (first, second) = (enter(&a), enter(&a));
    drop(first);
    assert_eq!(current(), "a");
    drop(second);
    assert_clean([&a]);
}

/// All 120 orders of five guards: the newest that is left is always the current one.
#[test]
fn guards_drop_in_every_order() {
    let contexts = ["a", "b", "c", "d", "e"].map(context);
    let mut orders = 0;
    for code in 0..5 * 4 * 3 * 2 {
        let mut guards: Vec<_> = contexts.iter().map(|context| (context.name, enter(context))).collect();
        let mut code = code;
        while !guards.is_empty() {
            let choice = code % guards.len();
            code /= guards.len();
            drop(guards.remove(choice));
            assert_eq!(current(), guards.last().map_or("-", |(name, _)| *name));
        }
        orders += 1;
    }
    assert_eq!(orders, 120);
    assert_clean(contexts.each_ref());
}

#[test]
fn a_guard_outlives_the_closure_that_made_it() {
    let (a, b, c) = (context("a"), context("b"), context("c"));
    scope(&c, || {
        let guard = scope(&a, || enter(&b));
        assert_eq!(current(), "b");
        drop(guard);
        assert_eq!(current(), "c");
    });
    assert_clean([&a, &b, &c]);
}

#[test]
fn a_guard_below_a_closure_is_dropped_within_it() {
    let (a, b) = (context("a"), context("b"));
    let guard = enter(&a);
    scope(&b, || {
        drop(guard);
        assert_eq!(current(), "b");
    });
    assert_clean([&a, &b]);
}

#[test]
fn a_panic_leaves_the_scopes_that_it_unwinds() {
    let (a, b, c) = (context("a"), context("b"), context("c"));
    let outer = enter(&a);
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        scope(&b, || {
            let _inner = enter(&c);
            panic!("unwinds a guard and a closure");
        });
    }));
    assert!(unwound.is_err());
    assert_eq!(current(), "a");
    drop(outer);
    assert_clean([&a, &b, &c]);
}

#[test]
fn scopes_can_be_opened_and_left_while_unwinding() {
    struct Scopes<'a>(&'a Arc<Context>);
    impl Drop for Scopes<'_> {
        fn drop(&mut self) {
            scope(self.0, || drop(enter(self.0)));
            assert_eq!(current(), "a");
        }
    }
    let (a, b) = (context("a"), context("b"));
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _a = enter(&a);
        let _scopes = Scopes(&b);
        panic!("runs the destructor above");
    }));
    assert!(unwound.is_err_and(|payload| payload.downcast_ref() == Some(&"runs the destructor above")));
    assert_clean([&a, &b]);
}

#[test]
fn a_forgotten_guard_keeps_its_scope_on_a_thread() {
    let a = context("a");
    std::thread::scope(|threads| {
        threads.spawn(|| {
            // Parked rather than forgotten, which is the same to the chain, so that leak checkers have nothing to find.
            let forgotten = std::mem::ManuallyDrop::new(enter(&a));
            drop(enter(&context("b")));
            assert_eq!(current(), "a");
            drop(std::mem::ManuallyDrop::into_inner(forgotten));
            assert_clean([]);
        });
    });
    assert_clean([&a]);
}

#[test]
fn update_replaces_the_context_of_the_newest_scope_only() {
    let (a, b, c) = (context("a"), context("b"), context("c"));
    assert_eq!(replace(&c), None);
    let outer = enter(&a);
    let inner = enter(&b);
    assert_eq!(replace(&c), Some("b"));
    assert_eq!((current(), Arc::strong_count(&b)), ("c", 1));
    drop(inner);
    assert_eq!(current(), "a");
    drop(outer);
    assert_clean([&a, &b, &c]);
}

#[test]
fn update_in_a_closure_ends_with_it() {
    let (a, b) = (context("a"), context("b"));
    scope(&a, || {
        assert_eq!(replace(&b), Some("a"));
        assert_eq!((current(), Arc::strong_count(&b)), ("b", 2));
        assert_eq!(replace(&a), Some("b"));
        assert_eq!((current(), Arc::strong_count(&b)), ("a", 1));
        assert_eq!(replace(&b), Some("a"));
    });
    assert_clean([&a, &b]);
}

#[test]
fn a_count_can_be_taken_of_the_current_context() {
    let a = context("a");
    assert!(crate::scope::chain::current::<Context>().is_none());
    let taken = scope(&a, crate::scope::chain::current::<Context>);
    assert!(taken.is_some_and(|taken| Arc::ptr_eq(&taken, &a)));
    assert_clean([&a]);
}

/// What a stack that was switched to another thread within a scope would do: leave it where its chain does not run.
#[test]
#[cfg(unix)]
#[cfg_attr(miri, ignore = "starts a process")]
fn a_scope_that_is_left_on_a_chain_that_is_not_its_own_aborts() {
    const CHILD: &str = "LOGSCOPE_TEST_ABORT";
    let a = context("a");
    if std::env::var_os(CHILD).is_some() {
        let _other = enter(&a);
        crate::scope::chain::closure::leave_scope(&crate::scope::chain::node::Node::lent(&a));
        return;
    }
    // If the name were not that of this test, the child would run none and end well.
    let name = std::thread::current().name().unwrap().to_owned();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    let status = child.args(["--exact", &name]).env(CHILD, "1").output().unwrap().status;
    assert_eq!(status.code(), None, "it must end by a signal");
}
