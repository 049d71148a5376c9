//! A scope that lasts as long as a value.

use std::ptr::NonNull;

use super::local::{ChainContext, Local};
use super::node::Node;
use crate::sync::Arc;

/// Keeps a scope open on the chain that was running when the guard was made. Guards may be dropped in any order and anywhere
/// on their thread. A forgotten guard keeps its scope open until the task ends, or for ever on a thread.
///
/// The pointer makes it `!Send`. Sending it would not be unsound, but the scope would stay open until the first thread next looks at
/// its chain.
pub(crate) struct Guard<T: ChainContext> {
    /// Valid as long as the guard: only this guard can set the node's ownership to `GUARD_GONE`.
    node: NonNull<Node<T>>,
}

impl<T: ChainContext> Guard<T> {
    /// Opens a scope of `context` on top of the running chain.
    pub(crate) fn enter(context: Arc<T>) -> Self {
        let node = NonNull::from(Box::leak(Box::new(Node::counted(context))));
        // SAFETY: the node is boxed and holds its own count. Nobody frees it before it was taken out of its chain.
        unsafe { Local::here().push(node.as_ptr()) };
        Guard { node }
    }
}

impl<T: ChainContext> Drop for Guard<T> {
    fn drop(&mut self) {
        let node = self.node.as_ptr();
        let local = Local::here();
        if local.unlink(node) {
            // SAFETY: the node is boxed and was in the chain that runs here, so the chain had not left it. Now it is out of the chain,
            // and this guard, the only other holder, ends.
            unsafe { local.readers.release_node(node) };
        // SAFETY: the guard has not left yet, so the node is valid. Only its ownership is touched: the rest belongs to its chain.
        } else if unsafe { (*node).ownership.guard_leaves() } {
            // SAFETY: the node is boxed, and the chain had left it before the guard did. The chain took the context with it.
            drop(unsafe { Box::from_raw(node) });
        }
    }
}
