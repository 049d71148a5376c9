//! Listing the contexts that are alive.

use super::inner::LIVE;
use super::output_context::OutputContext;

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
    let mut found = LIVE.all();
    found.sort_by_key(|(id, _)| *id);
    found.dedup_by_key(|(id, _)| *id);
    found.into_iter().map(|(_, inner)| OutputContext::of_inner(inner)).collect()
}
