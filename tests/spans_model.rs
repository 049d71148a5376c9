//! Compares the path that a record shows with one that another layer determines anew for each event, after any steps on two threads.

#![allow(clippy::unwrap_used)]

mod layers;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};

use layers::paths::{Log, joined, show};
use proptest::prelude::*;
use tracing::field::{Empty, Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Span, Subscriber, info, info_span};
use tracing_subscriber::layer::Context;
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, registry};

/// A layer that determines the path of each event anew: from the registry's spans, with their current fields.
#[derive(Clone, Default)]
struct Oracle(Arc<Mutex<Vec<String>>>);

#[derive(Default)]
struct OracleFields(BTreeMap<String, String>);

impl Visit for OracleFields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

impl<S: Subscriber + for<'lookup> LookupSpan<'lookup>> Layer<S> for Oracle {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        let mut fields = OracleFields::default();
        attributes.record(&mut fields);
        cx.span(id).unwrap().extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, cx: Context<'_, S>) {
        values.record(cx.span(id).unwrap().extensions_mut().get_mut::<OracleFields>().unwrap());
    }

    fn on_event(&self, event: &Event<'_>, cx: Context<'_, S>) {
        let scope = cx.event_scope(event).into_iter().flat_map(|scope| scope.from_root());
        let spans = scope.map(|span| show(span.name(), span.extensions().get::<OracleFields>().unwrap().0.clone()));
        self.0.lock().unwrap().push(joined("logged", spans));
    }
}

#[derive(Clone, Debug)]
enum Parent {
    Current,
    None,
    Explicit(usize),
}

#[derive(Clone, Debug)]
enum Step {
    Make(Parent),
    Enter(usize),
    /// Exits any span that was entered before, in any order.
    Exit(usize),
    Record(usize, u32),
    Log(Parent),
}

fn steps() -> impl Strategy<Value = Vec<(bool, Step)>> {
    let parent = || prop_oneof![3 => Just(Parent::Current), 1 => Just(Parent::None), 1 => (0..9_usize).prop_map(Parent::Explicit)];
    let step = prop_oneof![
        2 => parent().prop_map(Step::Make),
        3 => (0..9_usize).prop_map(Step::Enter),
        3 => (0..9_usize).prop_map(Step::Exit),
        2 => (0..9_usize, 0..99_u32).prop_map(|(span, value)| Step::Record(span, value)),
        5 => parent().prop_map(Step::Log),
    ];
    prop::collection::vec((any::<bool>(), step), 1..60)
}

/// Does a step on the calling thread. `entered` holds the spans that this thread has entered.
fn do_step(step: Step, spans: &Mutex<Vec<Span>>, entered: &mut Vec<Span>) {
    let mut spans = spans.lock().unwrap();
    let pick = |index: usize| (!spans.is_empty()).then(|| spans[index % spans.len()].clone());
    match step {
        Step::Make(parent) => {
            let span = match parent {
                Parent::Current => info_span!("current", value = Empty),
                Parent::None => info_span!(parent: None, "root", value = 100),
                Parent::Explicit(index) => match pick(index) {
                    Some(parent) => info_span!(parent: &parent, "child", value = Empty),
                    None => return,
                },
            };
            spans.push(span);
        }
        Step::Enter(index) => {
            if let Some(span) = pick(index) {
                span.with_subscriber(|(id, dispatch)| dispatch.enter(id));
                entered.push(span);
            }
        }
        Step::Exit(index) => {
            if !entered.is_empty() {
                let span = entered.swap_remove(index % entered.len());
                span.with_subscriber(|(id, dispatch)| dispatch.exit(id));
            }
        }
        Step::Record(index, value) => {
            if let Some(span) = pick(index) {
                span.record("value", value);
            }
        }
        Step::Log(Parent::Current) => info!("logged"),
        Step::Log(Parent::None) => info!(parent: None, "logged"),
        Step::Log(Parent::Explicit(index)) => {
            if let Some(span) = pick(index) {
                info!(parent: &span, "logged");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn records_show_the_current_path_after_any_steps(steps in steps()) {
        let oracle = Oracle::default();
        let log = Log::new(&Dispatch::new(registry().with(oracle.clone()).with(logscope::layer())));
        let spans = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel::<Step>(0);
            let (done, is_done) = sync_channel::<()>(0);
            let (log, spans) = (&log, &spans);
            scope.spawn(move || log.scope(|| {
                let mut entered = Vec::new();
                for step in receiver {
                    do_step(step, spans, &mut entered);
                    done.send(()).unwrap();
                }
            }));
            log.scope(|| {
                let mut entered = Vec::new();
                for (elsewhere, step) in steps {
                    if elsewhere {
                        sender.send(step).unwrap();
                        is_done.recv().unwrap();
                    } else {
                        do_step(step, spans, &mut entered);
                    }
                }
                drop(sender);
            });
        });
        // Dropped under their own subscriber: closing the parent of the last span goes through the current subscriber.
        log.scope(|| drop(spans));
        prop_assert_eq!(log.paths(), oracle.0.lock().unwrap().clone());
    }
}
