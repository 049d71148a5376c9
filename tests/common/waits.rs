//! Being told when somebody waits for a file lock: the library logs it.

use std::fmt::Debug;

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// Has `tell` called whenever a thread or task of this process begins to wait for a file lock, by the thread that does. Once for each process.
pub(crate) fn on_waits(tell: impl Fn() + Send + Sync + 'static) {
    tracing_subscriber::registry().with(Waits(tell)).init();
}

struct Waits<F>(F);

impl<S: Subscriber, F: Fn() + Send + Sync + 'static> Layer<S> for Waits<F> {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut is_wait = IsWait(false);
        if event.metadata().target() == "logscope::lock" {
            event.record(&mut is_wait);
        }
        if is_wait.0 {
            (self.0)();
        }
    }
}

struct IsWait(bool);

impl Visit for IsWait {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0 |= field.name() == "message" && format!("{value:?}") == "waiting for a file lock";
    }
}
