//! A scope that lasts as long as a value.

use std::ptr::NonNull;

use super::node::Node;
use super::{Local, Scoped};
use crate::sync::Arc;

/// Keeps a scope open on the chain that was running when it was made. Guards may be dropped in any order and anywhere
/// on their thread; one that is forgotten keeps its scope open until the task ends, on a thread for ever.
///
/// It is not `Send`: the pointer sees to that. Sending it would not be unsound, but the scope would stay open until the
/// first thread looks at its chain again.
pub(crate) struct Guard<T: Scoped> {
    /// Valid as long as the guard: the node's state says so, which only this guard can set to `GUARD_GONE`.
    node: NonNull<Node<T>>,
}

impl<T: Scoped> Guard<T> {
    /// Opens a scope of `context` on top of the running chain.
    pub(crate) fn enter(context: Arc<T>) -> Self {
        let node = NonNull::from(Box::leak(Box::new(Node::counted(context))));
        // SAFETY: the node is boxed and holds its own count. It is freed only by who has taken it out of its chain.
        unsafe { Local::here().push(node.as_ptr()) };
        Guard { node }
    }
}

impl<T: Scoped> Drop for Guard<T> {
    fn drop(&mut self) {
        let node = self.node.as_ptr();
        let local = Local::here();
        if local.unlink(node) {
            // SAFETY: the node is boxed and was in the chain that runs here, so the chain has not left it; now it is
            // out of the chain, and this guard, which is the only other holder, ends.
            unsafe { local.release_node(node) };
        // SAFETY: the guard has not left yet, so the node is valid. Only its state is touched: the rest is its chain's.
        } else if unsafe { (*node).state.guard_leaves() } {
            // SAFETY: the node is boxed, and the chain had left it before the guard did. It took the context with it.
            drop(unsafe { Box::from_raw(node) });
        }
    }
}
