//! Listing the contexts that are alive.

use super::inner::{ContextInner, LIVE};
use super::output_context::OutputContext;
use crate::sync::Arc;

/// Returns the contexts that are alive in this process, in the order of their ids.
///
/// ```
/// use logscope::OutputContext;
///
/// let uno = OutputContext::builder("uno").build();
/// assert!(logscope::live().iter().any(|context| context.id() == uno.id()));
/// ```
///
/// Contexts that were derived from one another share an id; the list has one of them. It is made while other threads make and drop contexts,
/// which it does not hold up, however long it is: what begins or ends meanwhile may be in it or not.
#[must_use]
pub fn live() -> Vec<OutputContext> {
    listed(LIVE.all())
}

/// Returns those that were made under an isolated test.
#[cfg(feature = "testing")]
pub(crate) fn live_under(mark: crate::under_test::Mark) -> Vec<OutputContext> {
    let mut found = LIVE.all();
    found.retain(|(_, inner)| inner.made_under() == mark);
    listed(found)
}

fn listed(mut found: Vec<(u64, Arc<ContextInner>)>) -> Vec<OutputContext> {
    found.sort_by_key(|(id, _)| *id);
    found.dedup_by_key(|(id, _)| *id);
    found.into_iter().map(|(_, inner)| OutputContext::of_inner(inner)).collect()
}
