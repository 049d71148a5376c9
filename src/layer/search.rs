//! Finding the layer in a subscriber, also where `tracing-subscriber` hides it.
//!
//! A subscriber is asked by `downcast_ref` for what it holds, and `reload` does not pass that question on: what is behind its lock can be
//! replaced while somebody has the reference. But it passes on each question whether a callsite is of interest. So this thread notes that it
//! searches, and has the subscriber asked about a callsite. A layer that is asked meanwhile says which one it is.
//!
//! A filter of all layers that says no to a callsite keeps the question from the layers behind it. So we ask about two callsites: one of the
//! target `logscope`, and the first one of which a layer of ours was ever asked. Where both are kept back, the layer is not found: each scope
//! then searches, which costs it about a microsecond.

use std::cell::Cell;

use tracing::{Dispatch, Metadata};

use super::capped::probe_metadata;
use super::first_scope::FirstScope;
use crate::sync::{Arc, OnceLock};

/// The first callsite of which a layer was ever asked.
static REACHED: OnceLock<&'static Metadata<'static>> = OnceLock::new();

enum Search {
    None,
    UnderWay,
    Found(Arc<FirstScope>),
}

thread_local! {
    static SEARCH: Cell<Search> = const { Cell::new(Search::None) };
}

/// Returns the state of a layer in `dispatch` that is not found by `downcast_ref`.
#[cold]
pub(super) fn search(dispatch: &Dispatch) -> Option<Arc<FirstScope>> {
    // A search inside a search begins where a layer enters a scope when it is asked about a callsite.
    let before = SEARCH.try_with(|search| search.replace(Search::UnderWay)).ok()?;
    let outer = EndOnDrop(before);
    for metadata in [Some(probe_metadata()), REACHED.get().copied()].into_iter().flatten() {
        dispatch.register_callsite(metadata);
        if let Some(found) = outer.take_found() {
            return Some(found);
        }
    }
    None
}

/// What a layer does when it is asked about a callsite: ends a search of this thread.
pub(super) fn answer(metadata: &'static Metadata<'static>, layer: Option<&Arc<FirstScope>>) {
    if REACHED.get().is_none() {
        // An error says that another thread was faster.
        let _ = REACHED.set(metadata);
    }
    let Some(layer) = layer else { return };
    let _ = SEARCH.try_with(|search| {
        let state = match search.replace(Search::None) {
            Search::UnderWay => Search::Found(Arc::clone(layer)),
            other => other,
        };
        search.set(state);
    });
}

/// Goes back to the search around the one that ends, which may be none. Also when a layer has panicked.
struct EndOnDrop(Search);

impl EndOnDrop {
    fn take_found(&self) -> Option<Arc<FirstScope>> {
        let state = SEARCH.try_with(|search| search.replace(Search::UnderWay)).ok()?;
        if let Search::Found(found) = state { Some(found) } else { None }
    }
}

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        let before = std::mem::replace(&mut self.0, Search::None);
        let _ = SEARCH.try_with(|search| search.set(before));
    }
}
