//! Releasing contexts: at once, or, while readers are under way on this thread, when the outermost of them returns.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use super::node::Node;
use crate::record::drop_quietly;
use crate::sync::Arc;

/// The readers that are under way on a thread, and the contexts that wait for them.
#[repr(C)]
pub(super) struct Readers<T> {
    /// How many readers are under way, one inside the other.
    pub(super) depth: Cell<u32>,
    /// The nodes whose contexts were released while `depth` was not zero, linked by `prev`. Empty while `depth` is zero.
    pub(super) retired: Cell<*const Node<T>>,
}

/// A reader of the current context. While it exists, no count that a chain releases on this thread is dropped.
pub(super) struct Reading<'a, T>(&'a Readers<T>);

impl<T> Drop for Reading<'_, T> {
    #[inline]
    fn drop(&mut self) {
        let depth = self.0.depth.get() - 1;
        self.0.depth.set(depth);
        if depth == 0 && !self.0.retired.get().is_null() {
            self.0.drop_retired();
        }
    }
}

impl<T> Readers<T> {
    pub(super) const fn new() -> Self {
        Readers { depth: Cell::new(0), retired: Cell::new(ptr::null()) }
    }

    /// Begins a reader.
    #[inline]
    pub(super) fn begin(&self) -> Reading<'_, T> {
        self.depth.set(self.depth.get() + 1);
        Reading(self)
    }

    /// Releases a count that a chain held.
    #[inline(never)]
    pub(super) fn release(&self, context: Arc<T>) {
        if self.depth.get() == 0 {
            drop_context(context);
        } else {
            self.retire(Box::new(Node::counted(context)));
        }
    }

    /// Releases a node and the count that it holds.
    ///
    /// # Safety
    ///
    /// The node must be boxed, out of its chain, and held by nobody else.
    #[inline]
    pub(super) unsafe fn release_node(&self, node: *const Node<T>) {
        // SAFETY: the caller promises that the node came from a box and that this is the last pointer to it.
        let node = unsafe { Box::from_raw(node.cast_mut()) };
        if self.depth.get() == 0 {
            drop_node(node);
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
    fn drop_retired(&self) {
        // The list is detached first. A context's `Drop` may begin a reader and retire contexts under it: those go to a list of their
        // own, which that reader drops.
        let mut retired = self.retired.replace(ptr::null());
        while !retired.is_null() {
            // SAFETY: only `retire` puts nodes in the list, and it takes them as boxes.
            let node = unsafe { Box::from_raw(retired.cast_mut()) };
            retired = node.prev.get();
            drop_node(node);
        }
    }
}

#[inline]
fn drop_node<T>(node: Box<Node<T>>) {
    if let Some(context) = node.take_count() {
        drop_context(context);
    }
    drop(node);
}

/// Drops a count of a context. The last one runs the user's code, and a panic in it would otherwise leave a log call or the end of a
/// scope, which never panic.
#[inline]
fn drop_context<T>(context: Arc<T>) {
    // Unwind safety: the context is gone whether its `Drop` panics or not, and nothing of the chain is held meanwhile.
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(context))) {
        drop_quietly(payload);
    }
}
