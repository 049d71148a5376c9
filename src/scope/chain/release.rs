//! Letting go of contexts: at once, or, while readers are under way on this thread, when the outermost of them is done.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use super::Local;
use super::node::Node;
use crate::record::drop_quietly;
use crate::sync::Arc;

/// A reader of the current context is under way on this thread, and no count that a chain releases may be dropped.
pub(super) struct Reading<'a, T>(&'a Local<T>);

impl<'a, T> Reading<'a, T> {
    #[inline]
    pub(super) fn begin(local: &'a Local<T>) -> Self {
        local.depth.set(local.depth.get() + 1);
        Reading(local)
    }
}

impl<T> Drop for Reading<'_, T> {
    #[inline]
    fn drop(&mut self) {
        let depth = self.0.depth.get() - 1;
        self.0.depth.set(depth);
        if depth == 0 && !self.0.retired.get().is_null() {
            self.0.release_retired();
        }
    }
}

impl<T> Local<T> {
    /// Lets go of a count that a chain held.
    #[inline(never)]
    pub(super) fn release(&self, context: Arc<T>) {
        if self.depth.get() == 0 {
            drop_context(context);
        } else {
            self.retire(Box::new(Node::counted(context)));
        }
    }

    /// Lets go of a node and of the count that it holds.
    ///
    /// # Safety
    ///
    /// The node must be boxed, out of its chain, and held by nobody else.
    #[inline]
    pub(super) unsafe fn release_node(&self, node: *const Node<T>) {
        // SAFETY: the caller promises that the node came from a box and that this is the last pointer to it.
        let node = unsafe { Box::from_raw(node.cast_mut()) };
        if self.depth.get() == 0 {
            drop_held(node);
        } else {
            self.retire(node);
        }
    }

    #[cold]
    #[inline(never)]
    fn retire(&self, node: Box<Node<T>>) {
        node.prev.set(self.retired.get());
        self.retired.set(Box::into_raw(node));
    }

    #[cold]
    #[inline(never)]
    fn release_retired(&self) {
        // Detached first: what a context's `Drop` retires in turn goes to a list of its own, which the reader releases
        // that made it necessary.
        let mut retired = self.retired.replace(ptr::null());
        while !retired.is_null() {
            // SAFETY: only `retire` puts nodes in the list, and it takes them as boxes.
            let node = unsafe { Box::from_raw(retired.cast_mut()) };
            retired = node.prev.get();
            drop_held(node);
        }
    }
}

#[inline]
fn drop_held<T>(node: Box<Node<T>>) {
    if let Some(context) = node.take() {
        drop_context(context);
    }
    drop(node);
}

/// Drops a context. If it was the last count, that runs the user's code; a panic in it would otherwise come out of a
/// log call or of the end of a scope, which never panic.
#[inline]
fn drop_context<T>(context: Arc<T>) {
    // Unwind safety: the context is gone whether its `Drop` panics or not, and nothing of the chain is held meanwhile.
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(context))) {
        drop_quietly(payload);
    }
}
