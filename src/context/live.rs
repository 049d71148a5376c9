//! Listing the contexts that are alive.

use super::inner::{ContextInner, LIVE};
use super::output_context::OutputContext;
use crate::sync::Arc;

/// Returns the live contexts that share the id of `inner`, itself among them.
pub(super) fn family_members(inner: &Arc<ContextInner>) -> Vec<Arc<ContextInner>> {
    let id = inner.info().id();
    LIVE.shard(id).into_iter().filter(|inner| inner.info().id() == id).collect()
}

/// Returns the contexts that are alive in this process, in the order of their ids.
///
/// ```
/// use logscope::OutputContext;
///
/// let uno = OutputContext::builder("uno").build();
/// assert!(logscope::live().iter().any(|context| context.id() == uno.id()));
/// ```
///
/// Contexts that were derived from one another share an id; the list has one of them.
#[must_use]
pub fn live() -> Vec<OutputContext> {
    let mut found = LIVE.all();
    found.sort_by_key(|inner| inner.info().id());
    found.dedup_by_key(|inner| inner.info().id());
    found.into_iter().map(OutputContext::from).collect()
}
