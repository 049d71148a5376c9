//! The protocol by which a guard and a chain give up the node that they share, possibly on two threads at once.

use std::marker::PhantomData;

use crate::sync::Ordering;
use crate::sync::model::AtomicU8;

/// Guard and chain hold the node. The node of a closure scope, which has no guard, stays in this state.
const SHARED: u8 = 0;
/// The guard was dropped while its chain was not the running one.
const GUARD_GONE: u8 = 1;
/// The chain ended while the guard was still there.
const CHAIN_GONE: u8 = 2;

/// Tracks who holds the memory of a guard's node.
///
/// | state        | guard | chain | who frees the memory, and when                                                            |
/// |--------------|-------|-------|-------------------------------------------------------------------------------------------|
/// | `SHARED`     | holds | holds | nobody yet; the guard, if it is dropped where its chain runs and takes the node out        |
/// | `GUARD_GONE` | gone  | holds | the chain, when it removes abandoned nodes or ends                                        |
/// | `CHAIN_GONE` | holds | gone  | the guard, when it is dropped                                                             |
///
/// Each side leaves by one exchange, and never touches the node again unless the exchange returns that the other side was already gone.
/// In that case it is the last holder and frees the node. A forgotten guard never leaves.
///
/// The orderings are a parameter, so that the model can weaken one at a time and watch the same code fail.
pub(super) struct Ownership<O = Strict>(AtomicU8, PhantomData<O>);

/// The orderings of the three steps of [`Ownership`].
pub(super) trait Orderings {
    /// Of the exchange by which the guard leaves.
    ///
    /// - Release: the guard has used the node (it made it). Without Release the chain could free or reuse the memory before
    ///   these accesses, and before this exchange itself, have taken place.
    /// - Acquire, for the result `CHAIN_GONE`: without it the chain's last accesses (it took the context out, and read
    ///   `prev`) could still be under way while the guard frees the memory.
    const GUARD_LEAVES: Ordering = Ordering::AcqRel;

    /// Of the exchange by which the chain leaves: the same two reasons, with the sides exchanged.
    const CHAIN_LEAVES: Ordering = Ordering::AcqRel;

    /// Of the load by which the chain looks whether the guard is gone. Acquire, with the guard's Release: the chain frees the node if
    /// the guard is gone.
    const CHAIN_LOOKS: Ordering = Ordering::Acquire;
}

/// The orderings of the product.
pub(super) struct Strict;

impl Orderings for Strict {}

impl<O: Orderings> Ownership<O> {
    #[inline]
    pub(super) fn new() -> Self {
        Ownership(AtomicU8::new(SHARED), PhantomData)
    }

    /// The guard leaves while its chain is not the running one. True if the chain was gone: then the guard must free the node.
    #[must_use]
    pub(super) fn guard_leaves(&self) -> bool {
        self.0.swap(GUARD_GONE, O::GUARD_LEAVES) == CHAIN_GONE
    }

    /// The chain leaves, because its task ended. True if the guard was gone: then the chain must free the node.
    #[must_use]
    pub(super) fn chain_leaves(&self) -> bool {
        self.0.swap(CHAIN_GONE, O::CHAIN_LEAVES) == GUARD_GONE
    }

    /// The chain looks whether the guard is gone. If it is, only the chain holds the node.
    #[inline]
    pub(super) fn is_guard_gone(&self) -> bool {
        self.0.load(O::CHAIN_LOOKS) == GUARD_GONE
    }
}
