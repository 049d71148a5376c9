//! The event path takes no lock but the sink's own: an event passes while another thread stands still inside any of the others.
//!
//! Each test stops a thread in a place where it holds something, has another thread log, and fails if that does not come back.

#![allow(clippy::unwrap_used)]

mod layers;

use std::fmt;
use std::io;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use layers::context;
use logscope::sink::{self, Memory, Output};
use logscope::{Format, LevelFilter, OutputContext};
use tracing::span::Id;
use tracing::{Dispatch, Subscriber, dispatcher, info, info_span};
use tracing_subscriber::layer::Context;
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, registry};

/// How long an event may take before it is said to wait.
const DEADLINE: Duration = Duration::from_secs(10);

/// A place in which a thread stands still, until it is let go.
struct Place {
    reached: SyncSender<()>,
    leave: Mutex<Receiver<()>>,
}

/// The other end of a [`Place`].
struct Stop {
    is_reached: Receiver<()>,
    let_go: SyncSender<()>,
}

fn place() -> (Place, Stop) {
    let (reached, is_reached) = sync_channel(1);
    let (let_go, leave) = sync_channel(1);
    (Place { reached, leave: Mutex::new(leave) }, Stop { is_reached, let_go })
}

impl Place {
    fn stand_still(&self) {
        self.reached.send(()).unwrap();
        self.leave.lock().unwrap().recv_timeout(DEADLINE * 2).unwrap();
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stand_still();
        f.write_str("left")
    }
}

/// Runs `stopped` on a thread of its own up to its place and `event` meanwhile, which must come back.
#[track_caller]
fn assert_passes(stop: Stop, stopped: impl FnOnce() + Send, event: impl FnOnce() + Send) {
    let subscriber = dispatcher::get_default(Dispatch::clone);
    let under = |f: Box<dyn FnOnce() + Send + '_>| dispatcher::with_default(&subscriber, f);
    let passed = std::thread::scope(|scope| {
        scope.spawn(|| under(Box::new(stopped)));
        stop.is_reached.recv_timeout(DEADLINE).expect("the place is reached");
        let (done, is_done) = sync_channel(1);
        scope.spawn(move || {
            under(Box::new(event));
            let _ = done.send(());
        });
        let passed = is_done.recv_timeout(DEADLINE).is_ok();
        stop.let_go.send(()).unwrap();
        passed
    });
    assert!(passed, "the event waited");
}

fn under_layer<R>(f: impl FnOnce() -> R) -> R {
    tracing::subscriber::with_default(registry().with(logscope::layer()), f)
}

/// One callsite, and one thread's caches, for all that `f` logs before and while something stands still.
fn say() {
    info!("said");
}

fn said(memory: &Memory) -> usize {
    memory.lines().iter().filter(|line| line.contains("said")).count()
}

#[test]
fn while_a_value_is_rendered_for_the_same_sink() {
    under_layer(|| {
        let (uno, memory) = context("uno", LevelFilter::INFO);
        let (place, stop) = place();
        assert_passes(stop, || uno.scope(|| info!(?place, "slow")), || uno.scope(say));
        let lines = memory.lines();
        assert!(lines[0].contains("said") && lines[1].contains("slow"), "{lines:?}");
    });
}

#[test]
fn while_a_span_is_made() {
    under_layer(|| {
        let (uno, memory) = context("uno", LevelFilter::INFO);
        let (place, stop) = place();
        assert_passes(stop, || uno.scope(|| drop(info_span!("slow", ?place))), || uno.scope(say));
        assert_eq!(said(&memory), 1);
    });
}

#[test]
fn while_a_field_is_recorded_on_the_span_around_it() {
    under_layer(|| {
        let (uno, memory) = context("uno", LevelFilter::INFO);
        let span = uno.scope(|| info_span!("build", slow = tracing::field::Empty));
        let (place, stop) = place();
        let record = || {
            span.record("slow", tracing::field::debug(&place));
        };
        assert_passes(stop, record, || uno.scope(|| span.in_scope(say)));
        assert_eq!(said(&memory), 1);
        assert_eq!(layers::records(&memory)[0]["span"], serde_json::json!({ "name": "build" }));
    });
}

/// An output that stands still in its first call.
struct Slow(Mutex<Option<Place>>);

impl Slow {
    fn write_line(&self) {
        let place = self.0.lock().unwrap().take();
        if let Some(place) = place {
            place.stand_still();
        }
    }
}

impl Output for Slow {
    fn write(&self, _: &[u8]) -> io::Result<()> {
        self.write_line();
        Ok(())
    }
}

impl io::Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_line();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn while_another_sink_is_written_to() {
    under_layer(|| {
        let (uno, memory) = context("uno", LevelFilter::INFO);
        let (place, stop) = place();
        let due = OutputContext::builder("due").sink(sink::writer(Slow(Some(place).into()))).build();
        assert_passes(stop, || due.scope(say), || uno.scope(say));
        assert_eq!(said(&memory), 1);
    });
}

/// An output of the program's own has whatever lock it needs itself.
#[test]
fn while_another_thread_is_in_the_same_output() {
    under_layer(|| {
        let (place, stop) = place();
        let uno = OutputContext::builder("uno").sink(sink::custom(Slow(Some(place).into()))).build();
        assert_passes(stop, || uno.scope(say), || uno.scope(say));
        assert_eq!(uno.ledger().written, 2);
    });
}

#[test]
fn while_a_context_is_flushed_and_closed() {
    under_layer(|| {
        let (uno, memory) = context("uno", LevelFilter::INFO);
        let (place, stop) = place();
        let due = OutputContext::builder("due").sink(sink::writer(Slow(Some(place).into()))).build();
        let uno_too = uno.to_builder().sink(sink::null()).build();
        let event = || {
            assert!(uno.flush(Duration::ZERO).is_complete());
            uno.scope(say);
            uno_too.scope(say);
            assert!(uno.close(Duration::ZERO).is_complete());
        };
        assert_passes(stop, || due.scope(say), event);
        assert_eq!(said(&memory), 2);
    });
}

/// A layer that stands still while it holds the extensions of a span that is entered, or while its dispatcher is registered.
struct Holds {
    entering: Mutex<Option<Place>>,
    registering: Mutex<Option<Place>>,
}

impl<S: Subscriber + for<'lookup> LookupSpan<'lookup>> Layer<S> for Holds {
    fn on_register_dispatch(&self, _: &Dispatch) {
        if let Some(place) = self.registering.lock().unwrap().take() {
            place.stand_still();
        }
    }

    fn on_enter(&self, id: &Id, cx: Context<'_, S>) {
        let place = self.entering.lock().unwrap().take();
        if let Some(place) = place {
            let span = cx.span(id).unwrap();
            let _held = span.extensions_mut();
            place.stand_still();
        }
    }
}

/// The path to the current span is cached; only when it has changed are the spans asked, each under its own lock in the registry.
#[test]
fn while_another_layer_holds_the_extensions_of_the_span_around_it() {
    let (place, stop) = place();
    let holds = Holds { entering: Mutex::new(None), registering: Mutex::new(None) };
    let subscriber = Dispatch::new(registry().with(logscope::layer()).with(holds));
    dispatcher::with_default(&subscriber, || {
        let formats = [Format::text(), Format::json(), Format::logfmt()];
        let uno = OutputContext::builder("uno").sinks(formats.map(|format| sink::null().format(format))).build();
        let span = uno.scope(|| info_span!("build", n = 1));
        let (has_said, said) = sync_channel(2);
        let (say_again, again) = sync_channel(1);
        let logging = {
            let (subscriber, uno, span) = (subscriber.clone(), uno.clone(), span.clone());
            let say = move || {
                say();
                has_said.send(()).unwrap();
                again.recv().unwrap();
                say();
                has_said.send(()).unwrap();
            };
            std::thread::spawn(move || dispatcher::with_default(&subscriber, || uno.scope(|| span.in_scope(say))))
        };
        // It is inside the span, and has logged there, before the other thread enters it.
        said.recv_timeout(DEADLINE).unwrap();
        *subscriber.downcast_ref::<Holds>().unwrap().entering.lock().unwrap() = Some(place);
        let event = move || {
            say_again.send(()).unwrap();
            said.recv_timeout(DEADLINE * 2).unwrap();
        };
        assert_passes(stop, || span.in_scope(|| ()), event);
        logging.join().unwrap();
        assert_eq!(uno.ledger().written, 6);
    });
}

/// tracing holds the lock of all dispatchers meanwhile, which a callsite needs only when it is hit for the first time.
#[test]
fn while_another_dispatcher_is_registered() {
    under_layer(|| {
        let (uno, memory) = context("uno", LevelFilter::INFO);
        uno.scope(say);
        let (place, stop) = place();
        let holds = Holds { entering: Mutex::new(None), registering: Mutex::new(Some(place)) };
        let due = uno.to_builder();
        let event = || {
            uno.scope(say);
            // Making and dropping contexts asks nothing of tracing either.
            due.build().scope(say);
        };
        assert_passes(stop, || drop(Dispatch::new(registry().with(holds))), event);
        assert_eq!(said(&memory), 3);
    });
}
