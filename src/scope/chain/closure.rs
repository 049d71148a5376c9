//! A scope that lasts as long as a call.

use std::ptr;

use super::local::{ChainContext, Local};
use super::node::Node;
use crate::sync::Arc;

/// Runs `f` in a scope of `context`. Allocates nothing and takes no count.
///
/// A guard that `f` returns stays open when this scope has ended. A stack that is switched to another thread inside `f` (a stackful
/// coroutine) has left its chain behind: the process aborts when `f` returns there.
#[inline]
pub(crate) fn scope<T: ChainContext, R>(context: &Arc<T>, f: impl FnOnce() -> R) -> R {
    /// Leaves the scope, also when `f` unwinds.
    struct Leave<'a, T: ChainContext>(&'a Node<T>);

    impl<T: ChainContext> Drop for Leave<'_, T> {
        #[inline]
        fn drop(&mut self) {
            leave_scope(self.0);
        }
    }

    let node = Node::lent(context);
    // SAFETY:
    // - The node stays in its place and valid until it is taken out: `Leave` borrows it, drops before it and takes it
    //   out.
    // - The context outlives the node: `context` is borrowed for this whole call.
    unsafe { Local::here().push(&node) };
    let _leave = Leave(&node);
    f()
}

/// Takes the node of a closure scope out of the running chain.
///
/// A function of its own, so that the address of the thread-local is computed anew. Within one function the compiler may keep the
/// address over a call, and a stack that was switched to another thread would then work on the first thread's list.
#[inline(never)]
pub(super) fn leave_scope<T: ChainContext>(node: &Node<T>) {
    let local = Local::here();
    if local.top.get() == ptr::from_ref(node) && !node.is_counted() {
        local.reveal(node.prev.get());
    } else {
        leave_scope_slowly(local, node);
    }
}

/// [`leave_scope`] for a scope that is not the newest, or whose context was replaced.
#[cold]
#[inline(never)]
fn leave_scope_slowly<T: ChainContext>(local: &Local<T>, node: &Node<T>) {
    if !local.unlink(node) {
        // This chain is not the one in which the scope was opened, and that one still points into this stack frame. Only the first
        // thread could take the node out. Returning would let that thread read the frame when it is gone.
        std::process::abort();
    }
    if let Some(context) = node.take_count() {
        local.readers.release(context);
    }
}
