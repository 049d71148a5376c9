//! The event path takes no lock but the sink's own: a log call returns while another thread is stopped inside any other lock.
//!
//! Each test stops a thread where it holds a lock, has another thread log, and fails if that log call does not return.

#![allow(clippy::unwrap_used)]

mod layers;

use std::fmt;
use std::io;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use layers::context;
use logscope::sink::{self, Line, Memory, Output};
use logscope::{Format, LevelFilter, OutputContext};
use tracing::span::Id;
use tracing::{Dispatch, Subscriber, dispatcher, info, info_span};
use tracing_subscriber::layer::Context;
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, registry};

/// An event that takes longer than this counts as blocked.
const DEADLINE: Duration = Duration::from_secs(10);

/// Held by a test that records fields, and by one that says something while nobody does.
static RECORDS: parking_lot::Mutex<()> = parking_lot::Mutex::new(());

/// A point in the code where a thread stops until it is released.
struct StopPoint {
    reached: SyncSender<()>,
    leave: Mutex<Receiver<()>>,
}

/// The test's end of a [`StopPoint`].
struct StopHandle {
    is_reached: Receiver<()>,
    let_go: SyncSender<()>,
}

fn stop_point() -> (StopPoint, StopHandle) {
    let (reached, is_reached) = sync_channel(1);
    let (let_go, leave) = sync_channel(1);
    (StopPoint { reached, leave: Mutex::new(leave) }, StopHandle { is_reached, let_go })
}

impl StopPoint {
    fn stop(&self) {
        self.reached.send(()).unwrap();
        self.leave.lock().unwrap().recv_timeout(DEADLINE * 2).unwrap();
    }
}

impl fmt::Debug for StopPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stop();
        f.write_str("left")
    }
}

/// Runs `stopped` on a thread of its own up to its stop point, and meanwhile `event` on another one. Checks that `event` returns.
#[track_caller]
fn assert_passes(stop: StopHandle, stopped: impl FnOnce() + Send, event: impl FnOnce() + Send) {
    let subscriber = dispatcher::get_default(Dispatch::clone);
    let under = |f: Box<dyn FnOnce() + Send + '_>| dispatcher::with_default(&subscriber, f);
    let passed = std::thread::scope(|scope| {
        scope.spawn(|| under(Box::new(stopped)));
        stop.is_reached.recv_timeout(DEADLINE).expect("the thread reaches its stop point");
        let (done, is_done) = sync_channel(1);
        scope.spawn(move || {
            under(Box::new(event));
            let _ = done.send(());
        });
        let passed = is_done.recv_timeout(DEADLINE).is_ok();
        stop.let_go.send(()).unwrap();
        passed
    });
    assert!(passed, "the log call did not return");
}

fn under_layer<R>(f: impl FnOnce() -> R) -> R {
    tracing::subscriber::with_default(registry().with(logscope::layer()), f)
}

/// Logs one event, always from the same callsite.
fn log_event() {
    info!("logged");
}

fn logged(memory: &Memory) -> usize {
    memory.lines().iter().filter(|line| line.contains("logged")).count()
}

#[test]
fn an_event_passes_while_a_value_is_rendered_for_the_same_sink() {
    under_layer(|| {
        let (uno, memory) = context("uno", LevelFilter::INFO);
        let (point, stop) = stop_point();
        assert_passes(stop, || uno.scope(|| info!(?point, "slow")), || uno.scope(log_event));
        let lines = memory.lines();
        assert!(lines[0].contains("logged") && lines[1].contains("slow"), "{lines:?}");
    });
}

#[test]
fn an_event_passes_while_a_span_is_made() {
    under_layer(|| {
        let (uno, memory) = context("uno", LevelFilter::INFO);
        let (point, stop) = stop_point();
        assert_passes(stop, || uno.scope(|| drop(info_span!("slow", ?point))), || uno.scope(log_event));
        assert_eq!(logged(&memory), 1);
    });
}

#[test]
fn an_event_passes_while_a_field_is_recorded_on_its_span() {
    let _records = RECORDS.lock();
    under_layer(|| {
        let (uno, memory) = context("uno", LevelFilter::INFO);
        let span = uno.scope(|| info_span!("build", slow = tracing::field::Empty));
        let (point, stop) = stop_point();
        let record = || {
            span.record("slow", tracing::field::debug(&point));
        };
        assert_passes(stop, record, || uno.scope(|| span.in_scope(log_event)));
        assert_eq!(logged(&memory), 1);
        assert_eq!(layers::records(&memory)[0]["span"], serde_json::json!({ "name": "build" }));
    });
}

/// An output that stops in its first call.
struct StopsOnce(Mutex<Option<StopPoint>>);

impl StopsOnce {
    fn write_line(&self) {
        let point = self.0.lock().unwrap().take();
        if let Some(point) = point {
            point.stop();
        }
    }
}

impl Output for StopsOnce {
    fn write(&self, _: Line<'_>) -> io::Result<()> {
        self.write_line();
        Ok(())
    }
}

impl io::Write for StopsOnce {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_line();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_event_passes_while_another_sink_is_written_to() {
    under_layer(|| {
        let (uno, memory) = context("uno", LevelFilter::INFO);
        let (point, stop) = stop_point();
        let due = OutputContext::builder("due").sink(sink::writer(StopsOnce(Some(point).into()))).build();
        assert_passes(stop, || due.scope(log_event), || uno.scope(log_event));
        assert_eq!(logged(&memory), 1);
    });
}

/// An output of a program's own takes whatever lock it needs itself.
#[test]
fn an_event_passes_while_another_thread_is_in_the_same_output() {
    under_layer(|| {
        let (point, stop) = stop_point();
        let uno = OutputContext::builder("uno").sink(sink::custom(StopsOnce(Some(point).into()))).build();
        assert_passes(stop, || uno.scope(log_event), || uno.scope(log_event));
        assert_eq!(uno.ledger().written, 2);
    });
}

#[test]
fn events_and_flushes_pass_while_another_context_is_blocked() {
    under_layer(|| {
        let (uno, memory) = context("uno", LevelFilter::INFO);
        let (point, stop) = stop_point();
        let due = OutputContext::builder("due").sink(sink::writer(StopsOnce(Some(point).into()))).build();
        let uno_too = uno.to_builder().sink(sink::null()).build();
        let event = || {
            assert!(uno.flush(Duration::ZERO).is_complete());
            uno.scope(log_event);
            uno_too.scope(log_event);
            assert!(uno.close(Duration::ZERO).is_complete());
        };
        assert_passes(stop, || due.scope(log_event), event);
        assert_eq!(logged(&memory), 2);
    });
}

/// A layer that stops while it holds the extensions of a span that is being entered, or while its dispatcher is being registered.
struct Holds {
    entering: Mutex<Option<StopPoint>>,
    registering: Mutex<Option<StopPoint>>,
}

impl<S: Subscriber + for<'lookup> LookupSpan<'lookup>> Layer<S> for Holds {
    fn on_register_dispatch(&self, _: &Dispatch) {
        if let Some(point) = self.registering.lock().unwrap().take() {
            point.stop();
        }
    }

    fn on_enter(&self, id: &Id, cx: Context<'_, S>) {
        let point = self.entering.lock().unwrap().take();
        if let Some(point) = point {
            let span = cx.span(id).unwrap();
            let _held = span.extensions_mut();
            point.stop();
        }
    }
}

/// The path of the current span is cached. Only when it has changed, or when a field was recorded on any span, are the spans asked, each under its own
/// lock in the registry.
#[test]
fn an_event_passes_while_another_layer_holds_the_extensions_of_its_span() {
    let _records_nothing = RECORDS.lock();
    let (point, stop) = stop_point();
    let holds = Holds { entering: Mutex::new(None), registering: Mutex::new(None) };
    let subscriber = Dispatch::new(registry().with(logscope::layer()).with(holds));
    dispatcher::with_default(&subscriber, || {
        let formats = [Format::text(), Format::json(), Format::logfmt()];
        let uno = OutputContext::builder("uno").sinks(formats.map(|format| sink::null().format(format))).build();
        let span = uno.scope(|| info_span!("build", n = 1));
        let (has_logged, logged) = sync_channel(2);
        let (log_again, again) = sync_channel(1);
        let logging = {
            let (subscriber, uno, span) = (subscriber.clone(), uno.clone(), span.clone());
            let log_event = move || {
                log_event();
                has_logged.send(()).unwrap();
                again.recv().unwrap();
                log_event();
                has_logged.send(()).unwrap();
            };
            std::thread::spawn(move || dispatcher::with_default(&subscriber, || uno.scope(|| span.in_scope(log_event))))
        };
        // The logging thread is inside the span, and has logged there, before the other thread enters it.
        logged.recv_timeout(DEADLINE).unwrap();
        *subscriber.downcast_ref::<Holds>().unwrap().entering.lock().unwrap() = Some(point);
        let event = move || {
            log_again.send(()).unwrap();
            logged.recv_timeout(DEADLINE * 2).unwrap();
        };
        assert_passes(stop, || span.in_scope(|| ()), event);
        logging.join().unwrap();
        assert_eq!(uno.ledger().written, 6);
    });
}

/// tracing holds its lock of all dispatchers meanwhile. A callsite needs that lock only when it is hit for the first time.
#[test]
fn an_event_passes_while_another_dispatcher_is_registered() {
    under_layer(|| {
        let (uno, memory) = context("uno", LevelFilter::INFO);
        uno.scope(log_event);
        let (point, stop) = stop_point();
        let holds = Holds { entering: Mutex::new(None), registering: Mutex::new(Some(point)) };
        let due = uno.to_builder();
        let event = || {
            uno.scope(log_event);
            // Making and dropping contexts takes no lock of tracing's either.
            due.build().scope(log_event);
        };
        assert_passes(stop, || drop(Dispatch::new(registry().with(holds))), event);
        assert_eq!(logged(&memory), 3);
    });
}
