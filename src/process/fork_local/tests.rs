//! Tests of `fork_local`, in one process.

use super::*;
use crate::sync::{Arc, Mutex};

fn list() -> ForkLocal<Mutex<Vec<u32>>> {
    let inherit = |list: &Mutex<Vec<u32>>| Mutex::new(list.try_lock().map(|list| list.clone()).unwrap_or_default());
    ForkLocal::new(Mutex::new(vec![1]), inherit)
}

#[test]
fn each_generation_inherits_what_nobody_held() {
    let list = list();
    list.of(0).lock().push(2);
    list.of(1).lock().push(3);
    assert_eq!((list.of(0).lock().as_slice(), list.of(1).lock().as_slice()), (&[1, 2][..], &[1, 2, 3][..]));
    assert_eq!(*list.of(3).lock(), [1, 2, 3], "generation 2 had no use for it");
}

#[test]
fn a_lock_that_was_held_at_the_fork_is_not_waited_for() {
    let list = list();
    let _held = list.of(0).lock();
    assert_eq!(*list.of(1).lock(), [0; 0]);
    list.of(1).lock().push(7);
    assert_eq!(*list.of(1).lock(), [7]);
}

#[test]
fn generations_beyond_the_last_share_a_value() {
    let list = list();
    list.of(FORK_GENERATIONS).lock().push(2);
    assert_eq!(*list.of(FORK_GENERATIONS + 5).lock(), [1, 2]);
}

#[test]
fn the_parents_value_is_not_dropped() {
    let shared = Arc::new(());
    let list = ForkLocal::new(Arc::clone(&shared), Arc::clone);
    list.of(1);
    assert_eq!(Arc::strong_count(&shared), 3);
}
