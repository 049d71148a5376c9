//! A scope's place in its chain, and the protocol by which a guard and a chain let go of it on two threads.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;

use crate::sync::model::AtomicU8;
use crate::sync::{Arc, Ordering};

/// A scope in a chain. Nothing is done when it is dropped: whoever takes it out of its chain takes its context first.
///
/// All fields but `state` belong to the owner of the chain (see the [module](super)).
pub(super) struct Node<T> {
    /// The next older scope of the chain, or null; in a node that is retired, the next one in that list.
    pub(super) prev: Cell<*const Node<T>>,
    /// Made by `Arc::as_ptr` or `Arc::into_raw`.
    context: Cell<*const T>,
    /// Whether the node holds a count of its context. Always so for a guard's; for a closure's once its context was
    /// replaced.
    counted: Cell<bool>,
    pub(super) state: State,
}

impl<T> Node<T> {
    /// The node of a closure scope, which borrows `context`. The lifetime is the caller's to keep.
    #[inline]
    pub(super) fn lent(context: &Arc<T>) -> Self {
        Node::new(Arc::as_ptr(context), false)
    }

    /// A node that holds a count of its context.
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
            state: State::new(),
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
    pub(super) fn take(&self) -> Option<Arc<T>> {
        // SAFETY: `counted` says that the pointer came from `Arc::into_raw` and that its count was not given back yet.
        self.counted.replace(false).then(|| unsafe { Arc::from_raw(self.context.get()) })
    }

    /// Gives the scope another context. Returns the count of the old one, if the node held one.
    pub(super) fn replace(&self, new: Arc<T>) -> Option<Arc<T>> {
        let old = self.take();
        self.context.set(Arc::into_raw(new));
        self.counted.set(true);
        old
    }
}

/// Guard and chain hold the node. The node of a closure scope, which has no guard, stays here.
const SHARED: u8 = 0;
/// The guard was dropped where its chain was not the running one.
const GUARD_GONE: u8 = 1;
/// The chain ended while the guard was still there.
const CHAIN_GONE: u8 = 2;

/// Who holds the memory of a guard's node.
///
/// | state        | guard | chain | who frees the memory, and when                                                    |
/// |--------------|-------|-------|-----------------------------------------------------------------------------------|
/// | `SHARED`     | holds | holds | nobody yet; the guard, if it is dropped where the chain runs and takes it out     |
/// | `GUARD_GONE` | gone  | holds | the chain, when it settles or ends                                                |
/// | `CHAIN_GONE` | holds | gone  | the guard, when it is dropped                                                     |
///
/// Each side leaves by one exchange and never touches the node again, unless the answer says that the other side was
/// gone already: then it is the last one and frees it. A forgotten guard never leaves.
///
/// The orderings are a parameter so that the model can weaken one at a time and see the same code fail.
pub(super) struct State<O = Strict>(AtomicU8, PhantomData<O>);

/// The orderings of the three steps of [`State`].
pub(super) trait Orderings {
    /// Of the exchange by which the guard leaves.
    ///
    /// - Release: the guard has used the node (it made it). Without it, the chain could free or reuse the memory before
    ///   these accesses, and before this very exchange, have taken place.
    /// - Acquire, for the answer `CHAIN_GONE`: without it the chain's last accesses (it took the context out, and read
    ///   `prev`) could still be under way while the guard frees the memory.
    const GUARD_LEAVES: Ordering = Ordering::AcqRel;

    /// Of the exchange by which the chain leaves: the same two reasons, with the sides changed.
    const CHAIN_LEAVES: Ordering = Ordering::AcqRel;

    /// Of the load by which the chain looks. Acquire, because it frees the node if the guard is gone: it is the other
    /// half of the guard's Release.
    const CHAIN_LOOKS: Ordering = Ordering::Acquire;
}

/// The orderings of the product.
pub(super) struct Strict;

impl Orderings for Strict {}

impl<O: Orderings> State<O> {
    #[inline]
    pub(super) fn new() -> Self {
        State(AtomicU8::new(SHARED), PhantomData)
    }

    /// The guard leaves, where its chain is not the running one. True if the chain was gone: then the guard frees the
    /// node.
    #[must_use]
    pub(super) fn guard_leaves(&self) -> bool {
        self.0.swap(GUARD_GONE, O::GUARD_LEAVES) == CHAIN_GONE
    }

    /// The chain leaves, because its task ended. True if the guard was gone: then the chain frees the node.
    #[must_use]
    pub(super) fn chain_leaves(&self) -> bool {
        self.0.swap(CHAIN_GONE, O::CHAIN_LEAVES) == GUARD_GONE
    }

    /// The chain looks whether the guard is gone. If it is, the node is the chain's alone.
    #[inline]
    pub(super) fn is_guard_gone(&self) -> bool {
        self.0.load(O::CHAIN_LOOKS) == GUARD_GONE
    }
}
