//! One scope in a chain.

use std::cell::Cell;
use std::ptr;

use super::ownership::Ownership;
use crate::sync::Arc;

/// A scope in a chain. It has no `Drop`: whoever takes it out of its chain takes its context first.
///
/// All fields but `ownership` belong to the owner of the chain (see the [module](super)).
pub(super) struct Node<T> {
    /// The next older scope of the chain, or null. In a retired node, the next node of that list.
    pub(super) prev: Cell<*const Node<T>>,
    /// Made by `Arc::as_ptr` or `Arc::into_raw`.
    context: Cell<*const T>,
    /// Whether the node holds a count of its context. True for a guard's node; for that of a closure scope, only once its context was
    /// replaced.
    counted: Cell<bool>,
    pub(super) ownership: Ownership,
}

impl<T> Node<T> {
    /// Makes the node of a closure scope, which borrows `context`. The caller keeps the lifetime.
    #[inline]
    pub(super) fn lent(context: &Arc<T>) -> Self {
        Node::new(Arc::as_ptr(context), false)
    }

    /// Makes a node that holds a count of its context.
    #[inline]
    pub(super) fn counted(context: Arc<T>) -> Self {
        Node::new(Arc::into_raw(context), true)
    }

    #[inline]
    fn new(context: *const T, counted: bool) -> Self {
        Node {
            prev: Cell::new(ptr::null()),
            context: Cell::new(context),
            counted: Cell::new(counted),
            ownership: Ownership::new(),
        }
    }

    #[inline]
    pub(super) fn context(&self) -> *const T {
        self.context.get()
    }

    #[inline]
    pub(super) fn is_counted(&self) -> bool {
        self.counted.get()
    }

    /// Takes the count that the node holds, if it holds one.
    #[inline]
    pub(super) fn take_count(&self) -> Option<Arc<T>> {
        // SAFETY: `counted` says that the pointer came from `Arc::into_raw` and that its count was not taken yet.
        self.counted.replace(false).then(|| unsafe { Arc::from_raw(self.context.get()) })
    }

    /// Gives the scope another context. Returns the count of the old one, if the node held one.
    pub(super) fn replace(&self, new: Arc<T>) -> Option<Arc<T>> {
        let old = self.take_count();
        self.context.set(Arc::into_raw(new));
        self.counted.set(true);
        old
    }
}
