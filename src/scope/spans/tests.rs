use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber, info_span};
use tracing_core::span::Current;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;

use super::*;
use crate::sync::{Arc, AtomicUsize, Mutex, Ordering};

/// Notes each step of a span.
#[derive(Clone, Default)]
struct Steps(Arc<Mutex<Vec<String>>>);

impl Steps {
    fn note(&self, what: fmt::Arguments<'_>) {
        self.0.lock().push(what.to_string());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock())
    }
}

impl<S: Subscriber + for<'lookup> LookupSpan<'lookup>> Layer<S> for Steps {
    fn on_enter(&self, id: &Id, cx: Context<'_, S>) {
        self.note(format_args!("+{}", name_in(&cx, id)));
    }

    fn on_exit(&self, id: &Id, cx: Context<'_, S>) {
        self.note(format_args!("-{}", name_in(&cx, id)));
    }

    fn on_close(&self, id: Id, cx: Context<'_, S>) {
        self.note(format_args!("closed {}", name_in(&cx, &id)));
    }
}

fn name_in<S: Subscriber + for<'lookup> LookupSpan<'lookup>>(cx: &Context<'_, S>, id: &Id) -> &'static str {
    cx.metadata(id).map_or("gone", |metadata| metadata.name())
}

fn with_steps(f: impl FnOnce(&Steps)) {
    let steps = Steps::default();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(steps.clone()), || f(&steps));
}

fn current() -> &'static str {
    Span::current().metadata().map_or("-", |metadata| metadata.name())
}

#[test]
fn all_spans_are_left_innermost_first_and_entered_again() {
    with_steps(|steps| {
        let (a, b) = (info_span!("a"), info_span!("b"));
        let (_a, _b) = (a.enter(), b.enter());
        steps.take();
        outside_spans(|| {
            assert_eq!((current(), steps.take().join(" ")), ("-", "-b -a".to_owned()));
            outside_spans(|| assert_eq!(current(), "-"));
        });
        assert_eq!((current(), steps.take().join(" ")), ("b", "+a +b".to_owned()));
    });
}

#[test]
fn nothing_is_done_where_there_is_no_span_or_no_subscriber() {
    outside_spans(|| assert_eq!(current(), "-"));
    with_steps(|steps| {
        assert_eq!(outside_spans(|| 1), 1);
        assert_eq!(steps.take(), [""; 0]);
    });
}

#[test]
fn a_span_that_was_entered_twice_is_left_twice() {
    with_steps(|_| {
        let (a, b) = (info_span!("a"), info_span!("b"));
        // Every order in which three entries of two spans can be exited.
        for exits in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let seen = [false, true].map(|leaves| {
                let mut guards = [Some(a.enter()), Some(b.enter()), Some(a.enter())];
                let mut seen = vec![current()];
                if leaves {
                    outside_spans(|| {
                        assert_eq!(current(), "-");
                        // The span that the stack holds below another one becomes the current one here.
                        a.in_scope(|| assert_eq!(current(), "a"));
                    });
                }
                seen.push(current());
                for exit in exits {
                    drop(guards[exit].take());
                    seen.push(current());
                }
                seen
            });
            assert_eq!(seen[0], seen[1], "exited in the order {exits:?}");
        }
        assert_eq!(current(), "-");
    });
}

#[test]
fn spans_are_entered_again_while_unwinding() {
    with_steps(|_| {
        let a = info_span!("a");
        let _a = a.enter();
        let result = catch_unwind(AssertUnwindSafe(|| outside_spans(|| panic!("inside"))));
        assert!(result.is_err());
        assert_eq!(current(), "a");
    });
}

#[test]
fn a_span_that_only_its_entry_keeps_open_stays_open() {
    with_steps(|steps| {
        let span = info_span!("a");
        let id = span.id().unwrap();
        tracing::dispatcher::get_default(|dispatch| dispatch.enter(&id));
        drop(span);
        let before = steps.take();
        outside_spans(|| ());
        // Since 0.3.22 the registry lets an entry keep no span open: then there was no span to leave.
        let closed = before.contains(&"closed a".to_owned());
        assert_eq!(steps.take(), if closed { vec![] } else { vec!["-a", "+a"] });
        tracing::dispatcher::get_default(|dispatch| dispatch.exit(&id));
    });
}

/// Says that it is for ever in the same span.
struct Stuck {
    calls: Arc<AtomicUsize>,
    metadata: &'static Metadata<'static>,
}

impl Subscriber for Stuck {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    fn exit(&self, _: &Id) {
        self.calls.fetch_add(1_000, Ordering::Relaxed);
    }

    fn current_span(&self) -> Current {
        Current::new(Id::from_u64(1), self.metadata)
    }
}

#[test]
fn a_subscriber_that_never_leaves_a_span_holds_nobody_up() {
    let calls = Arc::new(AtomicUsize::new(0));
    let mut metadata = None;
    with_steps(|_| metadata = info_span!("stuck").metadata());
    let stuck = Stuck { calls: calls.clone(), metadata: metadata.unwrap() };
    tracing::subscriber::with_default(stuck, || outside_spans(|| ()));
    assert_eq!(calls.load(Ordering::Relaxed), MOST_TIMES_IN_A_SPAN * 1_001, "as many entries as exits");
}

#[test]
fn a_deep_recursion_is_left_as_a_whole() {
    fn recurse(depth: u32) {
        let span = info_span!("level");
        let _span = span.enter();
        if depth > 0 {
            recurse(depth - 1);
        } else {
            outside_spans(|| assert_eq!(current(), "-"));
            assert_eq!(current(), "level");
        }
    }
    with_steps(|_| recurse(500));
}
