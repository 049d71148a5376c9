//! The chain of a task: it runs during each poll, on whatever thread, and keeps its scopes between polls.

use std::mem;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr;

use super::base::Base;
use super::local::{ChainContext, Local};
use super::node::Node;
use crate::sync::Arc;

/// The scopes of a task, above the task's own context, if it has one.
///
/// While the task is suspended, this holds the two words of the task's chain; while the task runs, those of the chain that it
/// interrupted.
pub(crate) struct TaskChain<T: ChainContext> {
    top: *const Node<T>,
    /// With the count of its context, if it has one.
    base: Base<T>,
}

// SAFETY:
// - A suspended chain is reached only through the value that is sent.
// - It owns counts of contexts, which may be sent as `Arc<T>` may.
// - It owns nodes. Until the chain has left a node, a guard on another thread touches only the node's atomic ownership.
// - The nodes of closure scopes, which lie on a stack, are taken out of the chain before the poll in which they began ends.
unsafe impl<T: ChainContext + Send + Sync> Send for TaskChain<T> {}
// SAFETY: nothing can be done with a shared reference to it.
unsafe impl<T: ChainContext + Send + Sync> Sync for TaskChain<T> {}

// A panic leaves both chains whole: `run` puts the interrupted chain back while it unwinds.
impl<T: ChainContext> UnwindSafe for TaskChain<T> {}
impl<T: ChainContext> RefUnwindSafe for TaskChain<T> {}

impl<T: ChainContext> TaskChain<T> {
    /// Makes a chain without scopes, based on `context`.
    pub(crate) fn new(context: Arc<T>) -> Self {
        TaskChain { top: ptr::null(), base: Base::of(context) }
    }

    /// Makes a chain without scopes and without a context: what runs in it is outside every scope, wherever that is.
    pub(crate) fn outside() -> Self {
        TaskChain { top: ptr::null(), base: Base::NONE }
    }

    /// Makes such a chain for work that is outside every scope because the program said so.
    pub(crate) fn outside_on_purpose() -> Self {
        TaskChain { top: ptr::null(), base: Base::ON_PURPOSE }
    }

    /// Runs `f` (a poll, or the drop of the task's future) with this chain in place of the running one, which is put back afterwards,
    /// also when `f` unwinds. Calls nest, each with its own chain.
    #[inline]
    pub(crate) fn run<R>(&mut self, f: impl FnOnce() -> R) -> R {
        /// Puts the interrupted chain back. It cannot be leaked, so a running chain never outlives its `TaskChain`.
        struct Running<'a, T: ChainContext> {
            chain: &'a mut TaskChain<T>,
            local: &'a Local<T>,
        }

        impl<T: ChainContext> Drop for Running<'_, T> {
            #[inline]
            fn drop(&mut self) {
                self.chain.exchange(self.local);
            }
        }

        let local = Local::here();
        self.exchange(local);
        let _running = Running { chain: self, local };
        f()
    }

    /// Exchanges the running chain for the one that `self` holds.
    #[inline]
    fn exchange(&mut self, local: &Local<T>) {
        self.base = local.base.replace(self.base);
        let top = mem::replace(&mut self.top, local.top.get());
        local.reveal(top);
    }
}

/// Ends the chain: releases its nodes and every context.
impl<T: ChainContext> Drop for TaskChain<T> {
    fn drop(&mut self) {
        let local = Local::here();
        let mut node = self.top;
        while !node.is_null() {
            // SAFETY:
            // - The nodes of a suspended chain are valid until the chain leaves them, and the chain is ours: nobody
            //   runs it, because `run` borrows it mutably.
            // - After `chain_leaves` the node is not touched, unless the guard was gone. Then this is the last pointer
            //   to it, and it came from a box, because only the node of a guard can be left by a guard.
            let context = unsafe {
                let context = (*node).take_count();
                let prev = (*node).prev.get();
                if (*node).ownership.chain_leaves() {
                    drop(Box::from_raw(node.cast_mut()));
                }
                node = prev;
                context
            };
            if let Some(context) = context {
                local.readers.release(context);
            }
        }
        // SAFETY: the count of the base is this chain's, which ends here.
        if let Some(context) = unsafe { self.base.into_count() } {
            local.readers.release(context);
        }
    }
}
