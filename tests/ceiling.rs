//! The ceiling where logscope is a layer beside others (DESIGN section 6): whatever contexts come and go, and whatever other layers'
//! filters and other dispatchers do to the caches of `tracing`, each context gets exactly the records that it wants.
//!
//! A binary of its own, because it installs the global subscriber. `ceiling_init.rs` tests the same under `init`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/callsites.rs"]
mod callsites;
#[path = "common/turmoil.rs"]
mod turmoil;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use logscope::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::reload;

/// Another layer, which counts the events that it other.
#[derive(Clone, Default)]
struct CountsEvents(Arc<AtomicU64>);

impl<S: Subscriber> Layer<S> for CountsEvents {
    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn every_context_gets_exactly_what_it_wants() {
    let other = CountsEvents::default();
    // Each layer beside ours has a filter: a layer without one would keep every callsite enabled for all.
    let (filter, handle) = reload::Layer::new(LevelFilter::OFF);
    let subscriber = tracing_subscriber::registry().with(other.clone().with_filter(filter)).with(logscope::layer());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let wanted = turmoil::run(|| {
        let handle = handle.clone();
        vec![Box::new(move |random| handle.reload(random.level()).unwrap())]
    });
    let seen = other.0.load(Ordering::Relaxed);
    println!("{wanted} records were wanted and arrived; the other layer saw {seen}");
    assert_ne!(seen, 0, "the other layer's filter lets nothing through, so reloading it disturbs nothing");
}
