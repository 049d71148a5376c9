//! Tasks that migrate and leave their guards behind, and the destructors of thread-locals.

use std::cell::RefCell;
use std::sync::mpsc;
use std::sync::{Barrier, Mutex};
use std::thread;

use super::*;

#[test]
fn a_task_migrates_with_its_scopes() {
    let (a, t) = (context("a"), context("t"));
    let mut task = task(&t);
    let guard = task.run(|| enter(&a));
    thread::scope(|threads| {
        threads.spawn(|| {
            task.run(|| assert_eq!(current(), "a"));
            assert_clean([]);
        });
    });
    drop(guard);
    task.run(|| assert_eq!(current(), "t"));
    drop(task);
    assert_clean([&a, &t]);
}

/// A task of `t` runs `then` on another thread, after the guard of its scope of `b` was dropped on this one during the
/// same poll.
fn after_a_drop_during_a_poll_elsewhere(then: impl FnOnce(&Arc<Context>) + Send) {
    let (b, t) = (context("b"), context("t"));
    let mut task = task(&t);
    let guard = task.run(|| enter(&b));
    let (polled, dropped) = (Barrier::new(2), Barrier::new(2));
    thread::scope(|threads| {
        threads.spawn(|| {
            task.run(|| {
                polled.wait();
                dropped.wait();
                assert_eq!(current(), "b", "a reader does not look at the chain");
                then(&t);
            });
            drop(task);
            assert_clean([]);
        });
        polled.wait();
        drop(guard);
        dropped.wait();
    });
    assert_clean([&b, &t]);
}

#[test]
fn a_guard_left_behind_is_gone_when_a_scope_of_the_running_task_is_left() {
    after_a_drop_during_a_poll_elsewhere(|t| {
        drop(enter(t));
        assert_eq!(current(), "t");
    });
}

#[test]
fn a_guard_left_behind_is_gone_when_the_running_task_updates() {
    after_a_drop_during_a_poll_elsewhere(|_| {
        let c = context("c");
        assert_eq!(replace(&c), Some("t"));
        assert_eq!(current(), "c");
    });
}

/// The abandoned scope is the newest one, and an older one is left where the task runs.
#[test]
fn a_guard_left_behind_is_gone_when_an_older_scope_is_left() {
    let (a, b, t) = (context("a"), context("b"), context("t"));
    let task = Mutex::new(task(&t));
    let [older_entered, newest_entered, polled, dropped] = std::array::from_fn(|_| Barrier::new(2));
    thread::scope(|threads| {
        threads.spawn(|| {
            let older = task.lock().unwrap().run(|| enter(&a));
            older_entered.wait();
            newest_entered.wait();
            task.lock().unwrap().run(|| {
                polled.wait();
                dropped.wait();
                assert_eq!(current(), "b");
                drop(older);
                assert_eq!(current(), "t");
            });
        });
        older_entered.wait();
        let newest = task.lock().unwrap().run(|| enter(&b));
        newest_entered.wait();
        polled.wait();
        drop(newest);
        dropped.wait();
    });
    drop(task);
    assert_clean([&a, &b, &t]);
}

/// The race itself: nothing orders the drop of the guard against the poll and the end of the task. Miri and
/// ThreadSanitizer look for what is wrong with it; the counts show a double or a missing release.
#[test]
fn a_guard_left_behind_races_with_the_end_of_its_task() {
    let rounds = if cfg!(miri) { 12 } else { 2_000 };
    let (a, b, t) = (context("a"), context("b"), context("t"));
    let (send, receive) = mpsc::channel::<TaskChain<Context>>();
    let (ready, go) = (Barrier::new(2), Barrier::new(2));
    thread::scope(|threads| {
        threads.spawn(|| {
            for (round, mut task) in receive.into_iter().enumerate() {
                ready.wait();
                if round % 2 == 0 {
                    let name = task.run(current);
                    assert!(["a", "b", "t"].contains(&name));
                }
                drop(task);
                assert_clean([]);
                go.wait();
            }
        });
        for round in 0..rounds {
            let mut task = task(&t);
            let (lower, upper) = task.run(|| (enter(&a), enter(&b)));
            send.send(task).unwrap();
            ready.wait();
            if round % 3 == 0 {
                drop((lower, upper));
            } else {
                drop((upper, lower));
            }
            go.wait();
            assert_clean([&a, &b, &t]);
        }
        drop(send);
    });
}

/// A guard that is parked in a thread-local is dropped by the thread's destructors, while another thread has its task.
#[test]
fn a_guard_parked_in_a_thread_local() {
    thread_local! {
        static PARKED: RefCell<Option<Guard<Context>>> = const { RefCell::new(None) };
    }
    let (a, t) = (context("a"), context("t"));
    let mut chain = thread::scope(|threads| {
        let thread = threads.spawn(|| {
            let mut task = task(&t);
            task.run(|| PARKED.set(Some(enter(&a))));
            task
        });
        thread.join().unwrap()
    });
    chain.run(|| assert_eq!(current(), "t"));
    drop(chain);
    assert_clean([&a, &t]);
}

#[test]
fn everything_works_in_the_destructor_of_a_thread_local() {
    struct Last(Arc<Context>, mpsc::Sender<&'static str>);
    impl Drop for Last {
        fn drop(&mut self) {
            let guard = enter(&self.0);
            scope(&context("b"), || self.1.send(current()).unwrap());
            self.1.send(current()).unwrap();
            replace(&context("c"));
            self.1.send(current()).unwrap();
            task(&self.0).run(|| self.1.send(current()).unwrap());
            drop(guard);
            self.1.send(current()).unwrap();
        }
    }
    thread_local! {
        static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
    }
    let a = context("a");
    let (send, receive) = mpsc::channel();
    thread::scope(|threads| {
        threads.spawn(|| LAST.set(Some(Last(Arc::clone(&a), send))));
    });
    assert_eq!(receive.into_iter().collect::<Vec<_>>(), ["b", "a", "c", "a", "-"]);
    assert_clean([&a]);
}

#[test]
fn task_chains_are_send_sync_and_unwind_safe() {
    fn check<T: Send + Sync + Unpin + std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    check::<TaskChain<Context>>();
}
