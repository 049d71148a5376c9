//! Where work runs: in a context, or outside every scope.

use super::bound::RunIn;
use super::chain::TaskChain;
use super::current::is_unscoped;
use crate::context::{ContextInner, OutputContext};

/// Where work runs. It is noted on one thread, and run in on another.
pub(super) enum Place {
    Context(OutputContext),
    OutsideEveryScope,
    /// Outside every scope on purpose.
    Unscoped,
}

impl Place {
    pub(super) fn current() -> Self {
        match OutputContext::try_current() {
            Some(context) => Place::Context(context),
            None if is_unscoped() => Place::Unscoped,
            None => Place::OutsideEveryScope,
        }
    }

    /// Makes a chain for a task that runs here.
    pub(super) fn into_chain(self) -> TaskChain<ContextInner> {
        match self {
            Place::Context(context) => TaskChain::new(context.into_inner()),
            Place::OutsideEveryScope => TaskChain::outside(),
            Place::Unscoped => TaskChain::outside_on_purpose(),
        }
    }

    /// Runs `f` here, on a chain of its own: no scope that `f` leaves open stays on the thread. Takes no count of the context.
    #[inline]
    pub(super) fn run_apart<R>(&self, f: impl FnOnce() -> R) -> R {
        match self {
            Place::Context(context) => TaskChain::<ContextInner>::outside().run(|| context.scope(f)),
            Place::OutsideEveryScope | Place::Unscoped => self.run(f),
        }
    }
}

/// A guard that is left open in a context stays on the thread.
impl RunIn for Place {
    #[inline]
    fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        match self {
            Place::Context(context) => context.scope(f),
            Place::OutsideEveryScope => TaskChain::<ContextInner>::outside().run(f),
            Place::Unscoped => TaskChain::<ContextInner>::outside_on_purpose().run(f),
        }
    }
}
