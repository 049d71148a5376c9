//! What a thread knows about its scopes, and the list of the running chain.

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::ptr;

use super::base::Base;
use super::node::Node;
use super::readers::Readers;
use crate::sync::{Arc, thread::LocalKey};

/// A type of contexts. It names the thread-local that holds the running chain of its scopes.
///
/// ```ignore
/// thread_local! { static LOCAL: Local<ContextInner> = const { Local::new() } }
/// impl ChainContext for ContextInner { fn local() -> &'static LocalKey<Local<Self>> { &LOCAL } }
/// ```
pub(crate) trait ChainContext: Sized + 'static {
    /// Returns the thread-local. It has no destructor, so on a platform with native thread-locals it can always be reached.
    fn local() -> &'static LocalKey<Local<Self>>;
}

/// What a thread knows about its scopes. It has no destructor: scopes that are left open on a thread are never closed.
///
/// The order of the fields is fixed, so that `top` and `base` are not neighbours. A poll exchanges both; if they were neighbours, it
/// would load them as one vector shortly after one of them was stored alone, and wait for that store (9 ns instead of 2.5).
#[repr(C)]
pub(crate) struct Local<T> {
    /// The newest scope of the running chain, or null.
    pub(super) top: Cell<*const Node<T>>,
    /// The context of `top`, or that of `base` if there is no scope: readers see it in one load.
    pub(super) current: Cell<*const T>,
    /// What lies below all scopes: the context of a running task, with its count. Nothing on a thread that polls none.
    pub(super) base: Cell<Base<T>>,
    /// The readers under way on this thread, and the contexts that wait for them.
    pub(super) readers: Readers<T>,
}

impl<T> Local<T> {
    pub(crate) const fn new() -> Self {
        Local {
            top: Cell::new(ptr::null()),
            current: Cell::new(ptr::null()),
            base: Cell::new(Base::NONE),
            readers: Readers::new(),
        }
    }
}

impl<T: ChainContext> Local<T> {
    /// Returns the one of this thread.
    #[inline]
    pub(super) fn here() -> &'static Self {
        // SAFETY: a thread-local without destructor is valid for as long as its thread runs code, and the reference
        // cannot leave the thread, because `Local` is not `Sync`.
        T::local().with(|local| unsafe { &*ptr::from_ref(local) })
    }
}

/// The list. Every node that is read here is in the running chain, which this thread owns.
impl<T> Local<T> {
    /// Returns the current context with the count that its owner holds. `ManuallyDrop` keeps that count from being dropped.
    #[inline]
    pub(super) fn borrow_current(&self) -> Option<ManuallyDrop<Arc<T>>> {
        let current = self.current.get();
        // SAFETY:
        // - A context that is not null was made by `Arc::as_ptr` or `Arc::into_raw`.
        // - It has a count: that of the chain, or the one that a closure scope borrows. `ManuallyDrop` leaves it there.
        (!current.is_null()).then(|| ManuallyDrop::new(unsafe { Arc::from_raw(current) }))
    }

    /// Puts `node` on top of the chain.
    ///
    /// # Safety
    ///
    /// The node must stay where it is, and its context alive, until it was taken out of the chain.
    #[inline]
    pub(super) unsafe fn push(&self, node: *const Node<T>) {
        let below = self.top.replace(node);
        // SAFETY: the caller promises that the node is valid. The list keeps `node` itself, not a pointer derived from
        // this reference, which could not be made a box again.
        let node = unsafe { &*node };
        node.prev.set(below);
        self.current.set(node.context());
    }

    /// Makes `top` (null, or a node of this chain) the newest scope, and removes abandoned nodes from the top.
    #[inline]
    pub(super) fn reveal(&self, top: *const Node<T>) {
        self.top.set(top);
        // SAFETY: nodes of the running chain are valid until they are taken out of it.
        match unsafe { top.as_ref() } {
            None => self.current.set(self.base.get().context()),
            Some(node) if node.ownership.is_guard_gone() => self.remove_abandoned(),
            Some(node) => self.current.set(node.context()),
        }
    }

    /// Takes `node` out of the chain, or returns false if it is not in it. Reads the node only if it is in the chain.
    #[inline]
    pub(super) fn unlink(&self, node: *const Node<T>) -> bool {
        if self.top.get() != node {
            return self.unlink_below(node);
        }
        // SAFETY: the node is in the running chain, so it is valid.
        self.reveal(unsafe { (*node).prev.get() });
        true
    }

    /// [`unlink`](Self::unlink) for a scope that is left out of order. The newest scope stays the newest.
    #[cold]
    #[inline(never)]
    fn unlink_below(&self, node: *const Node<T>) -> bool {
        let mut newer = self.top.get();
        // SAFETY: nodes of the running chain are valid, and the walk stays in the chain.
        while let Some(candidate) = unsafe { newer.as_ref() } {
            if candidate.prev.get() == node {
                // SAFETY: the node was found in the running chain, so it is valid.
                candidate.prev.set(unsafe { (*node).prev.get() });
                self.reveal(self.top.get());
                return true;
            }
            newer = candidate.prev.get();
        }
        false
    }

    /// Takes the nodes at the top whose guards are gone out of the chain, and frees them.
    #[cold]
    #[inline(never)]
    fn remove_abandoned(&self) {
        let mut abandoned = self.top.get();
        let mut live = abandoned;
        // SAFETY: nodes of the running chain are valid, and the walk stays in the chain.
        while let Some(node) = unsafe { live.as_ref() }
            && node.ownership.is_guard_gone()
        {
            live = node.prev.get();
        }
        // All abandoned nodes are cut off before the first of them is freed, so that the `Drop` of a context sees the list in order.
        self.top.set(live);
        // SAFETY: as above.
        self.current.set(unsafe { live.as_ref() }.map_or_else(|| self.base.get().context(), Node::context));
        while abandoned != live {
            // SAFETY:
            // - The node is boxed and its guard is gone for ever, as its ownership says: only a guard sets that.
            // - It is out of the chain, so this is the only pointer to it. Its `prev` is read before it is freed.
            unsafe {
                let next = (*abandoned).prev.get();
                self.readers.release_node(abandoned);
                abandoned = next;
            }
        }
    }
}
