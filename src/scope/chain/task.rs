//! The chain of a task: it runs for each poll, on whatever thread, and keeps its scopes in between.

use std::mem;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr;

use super::node::Node;
use super::{Local, Scoped};
use crate::sync::Arc;

/// The scopes of a task, above the task's own context.
///
/// While it is suspended, it holds the two words of its own chain; while it runs, those of the chain that it
/// interrupted.
pub(crate) struct TaskChain<T: Scoped> {
    top: *const Node<T>,
    /// Made by `Arc::into_raw`, with its count. Null only while the task runs, for a thread that had no base.
    base: *const T,
}

// SAFETY: a suspended chain is reached only through the value that is sent. It owns counts of contexts, which may be
// sent as `Arc<T>` may, and nodes, of which a guard on another thread touches only the atomic state until the chain has
// left them. The nodes of closure scopes, which lie on a stack, are taken out of the chain before the poll that they
// began in ends.
unsafe impl<T: Scoped + Send + Sync> Send for TaskChain<T> {}
// SAFETY: nothing can be done with a shared reference to it.
unsafe impl<T: Scoped + Send + Sync> Sync for TaskChain<T> {}

// A panic leaves both chains whole: `run` takes its own out again while it unwinds.
impl<T: Scoped> UnwindSafe for TaskChain<T> {}
impl<T: Scoped> RefUnwindSafe for TaskChain<T> {}

impl<T: Scoped> TaskChain<T> {
    /// A chain without scopes, based on `context`.
    pub(crate) fn new(context: Arc<T>) -> Self {
        TaskChain { top: ptr::null(), base: Arc::into_raw(context) }
    }

    /// Runs `f` (a poll, or the drop of the task's future) with this chain in place of the one that is running, which
    /// is put back after it, also when it unwinds. Calls nest, each with its own chain.
    #[inline]
    pub(crate) fn run<R>(&mut self, f: impl FnOnce() -> R) -> R {
        /// Puts the interrupted chain back. It cannot be leaked, so a running chain never outlives its `TaskChain`.
        struct Running<'a, T: Scoped> {
            chain: &'a mut TaskChain<T>,
            local: &'a Local<T>,
        }

        impl<T: Scoped> Drop for Running<'_, T> {
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

    /// Exchanges the running chain for the one that is kept here.
    #[inline]
    fn exchange(&mut self, local: &Local<T>) {
        self.base = local.base.replace(self.base);
        let top = mem::replace(&mut self.top, local.top.get());
        local.reveal(top);
    }
}

/// The chain ends: it lets go of its nodes and of every context.
impl<T: Scoped> Drop for TaskChain<T> {
    fn drop(&mut self) {
        let local = Local::here();
        let mut node = self.top;
        while !node.is_null() {
            // SAFETY:
            // - The nodes of a suspended chain are valid until the chain leaves them, and the chain is ours: nobody
            //   runs it, because `run` borrows it mutably.
            // - After `chain_leaves` the node is not touched, unless the guard was gone: then this is the last pointer
            //   to it, and it came from a box, because only guards leave.
            let context = unsafe {
                let context = (*node).take();
                let prev = (*node).prev.get();
                if (*node).state.chain_leaves() {
                    drop(Box::from_raw(node.cast_mut()));
                }
                node = prev;
                context
            };
            if let Some(context) = context {
                local.release(context);
            }
        }
        // SAFETY: the base was made by `Arc::into_raw`, and its count is this chain's.
        local.release(unsafe { Arc::from_raw(self.base) });
    }
}
