//! The scopes of work that runs in several calls of different functions, such as a request: what a task has, without a future.

use super::chain::TaskChain;
use super::hook::entering;
use crate::context::{ContextInner, OutputContext};

/// The scopes of a piece of work, kept from call to call.
pub(crate) struct TaskScope(TaskChain<ContextInner>);

impl TaskScope {
    pub(crate) fn new(context: &OutputContext) -> Self {
        TaskScope(TaskChain::new(context.inner().clone()))
    }

    /// Runs `f` in these scopes. What it enters and updates is there in the next call.
    #[inline]
    pub(crate) fn run<R>(&mut self, f: impl FnOnce() -> R) -> R {
        entering();
        self.0.run(f)
    }
}
