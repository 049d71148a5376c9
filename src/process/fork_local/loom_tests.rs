//! Models of `fork_local`.

use std::mem;

use loom::thread;

use super::*;
use crate::sync::Arc;
use crate::sync::model::Mutex;

type List = ForkLocal<Mutex<Vec<u32>>>;

fn list() -> Arc<List> {
    let inherit = |list: &Mutex<Vec<u32>>| Mutex::new(list.try_lock().map(|list| list.clone()).unwrap_or_default());
    Arc::new(ForkLocal::new(Mutex::new(Vec::new()), inherit))
}

/// A thread of the parent has entered 1 and, if it is `frozen`, holds the lock at the fork. Then two threads of the child, which are all
/// that exist, enter a number each, by `enter`. The lists of the child must have both.
fn threads_of_a_child_share_a_lock(frozen: bool, enter: fn(&List, u32)) {
    loom::model(move || {
        let list = list();
        let mut guard = list.of(0).lock();
        guard.push(1);
        if frozen {
            mem::forget(guard)
        } else {
            drop(guard)
        }
        let threads = [2, 3].map(|number| {
            let list = Arc::clone(&list);
            thread::spawn(move || enter(&list, number))
        });
        for thread in threads {
            thread.join().unwrap();
        }
        let mut entered = list.of(1).lock().clone();
        entered.sort_unstable();
        let expected: &[u32] = if frozen { &[2, 3] } else { &[1, 2, 3] };
        assert_eq!(entered, expected, "an entry is lost");
    });
}

fn enter(list: &List, number: u32) {
    list.of(1).lock().push(number);
}

#[test]
fn loom_threads_of_a_child_share_a_lock() {
    threads_of_a_child_share_a_lock(true, enter);
    threads_of_a_child_share_a_lock(false, enter);
}

/// Takes the lock of the parent.
#[test]
#[should_panic(expected = "deadlock")]
fn loom_a_child_that_takes_the_lock_of_its_parent_waits_for_ever() {
    threads_of_a_child_share_a_lock(true, |list, number| list.of(0).lock().push(number));
}

/// Looks whether there is a value, and makes one, in two steps.
#[test]
#[should_panic(expected = "an entry is lost")]
fn loom_a_value_that_is_replaced_in_two_steps_loses_an_entry() {
    threads_of_a_child_share_a_lock(false, |list, number| {
        if let Some(value) = list.later().0[0].get() {
            value.lock().push(number);
            return;
        }
        let value = Box::new((list.inherit)(&list.first));
        value.lock().push(number);
        let _ = list.later().0[0].set(value);
    });
}
