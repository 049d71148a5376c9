//! The protocol by which a guard and a chain give up a node, under loom: the real [`Ownership`], in every interleaving
//! and with every value that the orderings allow.
//!
//! The memory of the node is a cell that loom watches: every use of it must be ordered before it is freed. Each
//! model has twins in which one ordering, or one step, is missing; loom must report a fault in every one of them.
//!
//! `RUSTFLAGS="--cfg logscope_loom" cargo test --release --lib loom`

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::ownership::{Orderings, Ownership, Strict};
use crate::sync::Ordering;

/// The parts of a guard's node that its ownership protects.
struct Node<O> {
    ownership: Ownership<O>,
    /// Used by both sides while they hold the node. Counts how often the node was freed.
    memory: UnsafeCell<u32>,
    /// Stands for `prev` and the context, which only the chain writes.
    contents: UnsafeCell<()>,
}

impl<O: Orderings + 'static> Node<O> {
    fn new() -> Arc<Self> {
        Arc::new(Node { ownership: Ownership::new(), memory: UnsafeCell::new(0), contents: UnsafeCell::new(()) })
    }

    fn hold(&self) {
        self.memory.with(|_| ());
    }

    fn write(&self) {
        self.contents.with_mut(|_| ());
    }

    fn free(&self) {
        self.contents.with_mut(|_| ());
        // SAFETY: loom panics if any other access is not ordered before or after this one. That is what the model checks.
        self.memory.with_mut(|freed| unsafe { *freed += 1 });
    }

    /// Does what `Guard::drop` does when its chain is not the running one.
    fn drop_guard(&self) {
        self.hold();
        if self.ownership.guard_leaves() {
            self.free();
        }
    }

    /// Does what a poll does: frees the node if it is abandoned. True if it has freed it.
    fn remove_if_abandoned(&self) -> bool {
        let gone = self.ownership.is_guard_gone();
        if gone {
            self.free();
        }
        gone
    }

    /// Does what the end of the task does.
    fn end_task(&self) {
        self.hold();
        self.write();
        if self.ownership.chain_leaves() {
            self.free();
        }
    }
}

/// Runs `guard` against `chain`; the node must be freed once.
fn race<O: Orderings + 'static>(guard: fn(&Node<O>), chain: fn(&Node<O>)) {
    loom::model(move || {
        let node = Node::<O>::new();
        let other = Arc::clone(&node);
        let thread = thread::spawn(move || guard(&other));
        chain(&node);
        thread.join().unwrap();
        // SAFETY: both sides have finished, and the thread was joined.
        let freed = node.memory.with(|freed| unsafe { *freed });
        assert_eq!(freed, 1, "the node was freed {freed} times");
    });
}

/// The guard is dropped while the task ends on another thread.
fn drop_against_end<O: Orderings + 'static>() {
    race::<O>(Node::drop_guard, Node::end_task);
}

/// The guard is dropped while another thread polls the task twice and then, unless a poll freed the node, ends it.
fn drop_against_polls<O: Orderings + 'static>() {
    race::<O>(Node::drop_guard, |node| {
        if !node.remove_if_abandoned() {
            node.write();
            if !node.remove_if_abandoned() {
                node.end_task();
            }
        }
    });
}

#[test]
fn loom_a_guard_and_the_end_of_its_task() {
    drop_against_end::<Strict>();
}

#[test]
fn loom_a_guard_and_the_polls_of_its_task() {
    drop_against_polls::<Strict>();
}

/// Each side can be the last one. A model in which one side never frees would prove little.
#[test]
fn loom_either_side_frees() {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    static GUARD: AtomicU32 = AtomicU32::new(0);
    static POLL: AtomicU32 = AtomicU32::new(0);
    static END: AtomicU32 = AtomicU32::new(0);
    race::<Strict>(
        |node| {
            if node.ownership.guard_leaves() {
                node.free();
                GUARD.fetch_add(1, Relaxed);
            }
        },
        |node| {
            if node.remove_if_abandoned() {
                POLL.fetch_add(1, Relaxed);
            } else if node.ownership.chain_leaves() {
                node.free();
                END.fetch_add(1, Relaxed);
            }
        },
    );
    for (side, times) in [("guard", &GUARD), ("poll", &POLL), ("end", &END)] {
        assert_ne!(times.load(Relaxed), 0, "the {side} never freed the node");
    }
}

/// Orderings in which one is weaker than the product's.
macro_rules! weakened {
    ($($name:ident: $step:ident = $ordering:ident;)*) => {$(
        struct $name;
        impl Orderings for $name {
            const $step: Ordering = Ordering::$ordering;
        }
    )*};
}

weakened! {
    GuardWithoutRelease: GUARD_LEAVES = Acquire;
    GuardWithoutAcquire: GUARD_LEAVES = Release;
    ChainWithoutRelease: CHAIN_LEAVES = Acquire;
    ChainWithoutAcquire: CHAIN_LEAVES = Release;
    LookWithoutAcquire: CHAIN_LOOKS = Relaxed;
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_fails_if_the_guard_does_not_release() {
    drop_against_end::<GuardWithoutRelease>();
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_fails_if_the_guard_does_not_release_to_a_poll() {
    drop_against_polls::<GuardWithoutRelease>();
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_fails_if_the_guard_does_not_acquire() {
    drop_against_end::<GuardWithoutAcquire>();
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_fails_if_the_chain_does_not_release() {
    drop_against_end::<ChainWithoutRelease>();
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_fails_if_the_chain_does_not_acquire() {
    drop_against_end::<ChainWithoutAcquire>();
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_fails_if_a_poll_does_not_acquire() {
    drop_against_polls::<LookWithoutAcquire>();
}

#[test]
#[should_panic(expected = "freed 0 times")]
fn loom_fails_if_the_chain_does_not_heed_the_answer() {
    race::<Strict>(Node::drop_guard, |node| {
        node.write();
        let _ = node.ownership.chain_leaves();
    });
}

#[test]
#[should_panic(expected = "freed 0 times")]
fn loom_fails_if_the_guard_does_not_heed_the_answer() {
    race::<Strict>(
        |node| {
            node.hold();
            let _ = node.ownership.guard_leaves();
        },
        Node::end_task,
    );
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_fails_if_a_poll_frees_without_looking() {
    race::<Strict>(Node::drop_guard, |node| node.free());
}
