//! P4 (harmless): a program can make contexts, enter scopes and log events without a deadlock inside a value's `Debug`, inside other layers'
//! callbacks, under a `reload` handle's lock, and while a `Dispatch` is being registered.
//!
//! A binary of its own, and a process for each case, with a time limit. Each case runs twice: with and without an earlier scope. The first
//! scope of a process causes a rebuild of `tracing`'s callsites on a thread of its own.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;

use std::cell::Cell;
use std::fmt;
use std::io;
use std::panic;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use logscope::sink::{self, RecordOutput};
use logscope::{LevelFilter, OutputContext, Record};
use serde_json::json;
use tracing::callsite::rebuild_interest_cache;
use tracing::span::{Attributes, Id, Record as SpanRecord};
use tracing::subscriber::{Interest, set_global_default};
use tracing::{Dispatch, Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::{registry, reload};

use child::Child;

/// Does what a library may do anywhere. [`ARRIVED`] counts its one event when it arrives.
fn work() {
    work_and(known_event);
    WORKED.fetch_add(1, Ordering::Relaxed);
}

/// The same without an event, for where `tracing-subscriber` itself cannot log: a layer's `reload` lock is held, which every event takes.
fn work_silently() {
    work_and(|| ());
}

fn work_and(then: fn()) {
    let context = OutputContext::builder("work").verbosity(LevelFilter::TRACE).sink(sink::records(Arrived)).build();
    context.scope(then);
    let guard = context.with_field("more", 1_u64).enter();
    logscope::update(|context| context.with_verbosity(LevelFilter::ERROR));
    logscope::set_process_default(OutputContext::builder("default").sink(sink::null()).build());
    assert!(logscope::live().len() > 1);
    drop((guard, context));
}

/// Logs an event whose callsite is registered since the beginning. While a `Dispatch` is being registered on this thread, an event from
/// a new callsite would make `tracing` itself wait for its own lock.
fn known_event() {
    tracing::info!("known");
}

static WORKED: AtomicU64 = AtomicU64::new(0);
static ARRIVED: AtomicU64 = AtomicU64::new(0);

struct Arrived;

impl RecordOutput for Arrived {
    fn write(&self, _: &Record<'_>) -> io::Result<()> {
        ARRIVED.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

thread_local! {
    /// The callback in which this thread calls [`work`], the next time that it gets there.
    static CALLBACK: Cell<&'static str> = const { Cell::new("") };
}

/// Calls `trigger`, which must reach `callback` on this thread.
fn work_during(callback: &'static str, trigger: impl FnOnce()) {
    CALLBACK.set(callback);
    trigger();
    assert_eq!(CALLBACK.get(), "", "{callback} was not called");
}

fn work_in(callback: &str) {
    if CALLBACK.get() == callback {
        CALLBACK.set("");
        work();
    }
}

/// A value that calls [`work`] when it is rendered.
struct Works;

impl fmt::Debug for Works {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        work_in("Debug");
        f.write_str("Works")
    }
}

/// A layer that calls [`work`] in its callbacks.
struct Probe;

impl<S: Subscriber> Layer<S> for Probe {
    fn on_register_dispatch(&self, _: &Dispatch) {
        work_in("on_register_dispatch");
    }

    fn on_layer(&mut self, _: &mut S) {
        work_in("on_layer");
    }

    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        work_in("register_callsite");
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>, _: Context<'_, S>) -> bool {
        work_in("enabled");
        true
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        work_in("max_level_hint");
        None
    }

    fn on_new_span(&self, _: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        work_in("on_new_span");
    }

    fn on_record(&self, _: &Id, _: &SpanRecord<'_>, _: Context<'_, S>) {
        work_in("on_record");
    }

    fn event_enabled(&self, _: &Event<'_>, _: Context<'_, S>) -> bool {
        work_in("event_enabled");
        true
    }

    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        work_in("on_event");
    }

    fn on_enter(&self, _: &Id, _: Context<'_, S>) {
        work_in("on_enter");
    }

    fn on_exit(&self, _: &Id, _: Context<'_, S>) {
        work_in("on_exit");
    }

    fn on_close(&self, _: Id, _: Context<'_, S>) {
        work_in("on_close");
    }
}

/// Installs the subscriber, and enters a first scope unless the case itself is to enter it.
fn install(subscriber: impl Subscriber + Send + Sync) {
    logscope::set_process_default(OutputContext::builder("default").sink(sink::memory().0).build());
    set_global_default(subscriber).unwrap();
    known_event();
    if std::env::var("FIRST").unwrap() == "false" {
        OutputContext::builder("first").build().scope(|| ());
    }
}

/// Runs `case` in two processes, and checks that its event arrived.
#[track_caller]
fn check(name: &str, case: fn()) {
    child::in_child(name, |_| {
        case();
        known_event();
        json!({ "worked": WORKED.load(Ordering::Relaxed), "arrived": ARRIVED.load(Ordering::Relaxed) })
    });
    for first in [true, false] {
        let ended = Child::new(name).var("FIRST", first).run();
        assert_eq!(ended.report, json!({ "worked": 1, "arrived": 1 }), "first scope: {first}");
        assert_eq!(ended.stderr, "", "first scope: {first}");
    }
}

macro_rules! cases {
    ($($(#[$doc:meta])* $name:ident: $case:expr,)*) => {$(
        $(#[$doc])*
        #[test]
        fn $name() {
            check(stringify!($name), || $case);
        }
    )*};
}

fn install_with_probe() {
    install(registry().with(logscope::layer()).with(Probe));
}

fn span_with_all_its_callbacks() {
    let span = tracing::info_span!("span", field = tracing::field::Empty);
    span.record("field", 1);
    span.in_scope(|| ());
}

cases! {
    work_in_a_debug_that_logscope_renders: {
        install(registry().with(logscope::layer()));
        work_during("Debug", || tracing::info!(value = ?Works));
    },
    work_in_a_debug_that_another_layer_renders: {
        install(registry().with(tracing_subscriber::fmt::layer().with_writer(io::sink)).with(logscope::layer()));
        work_during("Debug", || tracing::info!(value = ?Works));
    },
    work_in_a_debug_of_a_span: {
        install(registry().with(logscope::layer()));
        work_during("Debug", || drop(tracing::info_span!("span", value = ?Works)));
    },
    work_in_on_event: {
        install_with_probe();
        work_during("on_event", || tracing::info!("trigger"));
    },
    work_in_event_enabled: {
        install_with_probe();
        work_during("event_enabled", || tracing::info!("trigger"));
    },
    work_in_enabled: {
        install_with_probe();
        work_during("enabled", || tracing::info!("trigger"));
    },
    work_in_on_new_span: {
        install_with_probe();
        work_during("on_new_span", span_with_all_its_callbacks);
    },
    work_in_on_record: {
        install_with_probe();
        work_during("on_record", span_with_all_its_callbacks);
    },
    work_in_on_enter: {
        install_with_probe();
        work_during("on_enter", span_with_all_its_callbacks);
    },
    work_in_on_exit: {
        install_with_probe();
        work_during("on_exit", span_with_all_its_callbacks);
    },
    work_in_on_close: {
        install_with_probe();
        work_during("on_close", span_with_all_its_callbacks);
    },
    work_in_register_callsite: {
        install_with_probe();
        work_during("register_callsite", || tracing::info!("trigger"));
    },
    work_in_max_level_hint: {
        install_with_probe();
        work_during("max_level_hint", rebuild_interest_cache);
    },
    work_in_register_callsite_of_a_rebuild: {
        install_with_probe();
        work_during("register_callsite", rebuild_interest_cache);
    },
    work_in_on_layer: {
        install_with_probe();
        work_during("on_layer", || drop(registry().with(Probe)));
    },
    work_in_on_register_dispatch: {
        install_with_probe();
        work_during("on_register_dispatch", || drop(Dispatch::new(registry().with(Probe))));
    },
    work_in_register_callsite_of_a_new_dispatch: {
        install_with_probe();
        work_during("register_callsite", || drop(Dispatch::new(registry().with(Probe))));
    },
    work_in_max_level_hint_of_a_new_dispatch: {
        install_with_probe();
        work_during("max_level_hint", || drop(Dispatch::new(registry().with(Probe))));
    },
    work_in_on_register_dispatch_beside_a_second_layer_of_logscope: {
        install_with_probe();
        work_during("on_register_dispatch", || drop(Dispatch::new(registry().with(logscope::layer()).with(Probe))));
    },
    work_under_a_reload_lock: {
        let (filter, handle) = reload::Layer::new(LevelFilter::TRACE);
        install(registry().with(Probe.with_filter(filter)).with(logscope::layer()));
        handle.modify(|_| work_silently()).unwrap();
        work();
    },
    work_in_a_debug_under_a_reload_lock_that_another_thread_wants: {
        let (layer, handle) = reload::Layer::new(tracing_subscriber::fmt::layer().with_writer(io::sink));
        install(registry().with(layer).with(logscope::layer()));
        let ((ask, asked), (begin, begun)) = (channel(), channel());
        let reloading = thread::spawn(move || {
            asked.recv().unwrap();
            begin.send(()).unwrap();
            handle.modify(|_| ()).unwrap();
        });
        let value = WorksMeanwhile { ask, begun };
        tracing::info!(?value);
        reloading.join().unwrap();
        work();
    },
    work_while_another_thread_registers_a_dispatch: {
        install(registry().with(logscope::layer()));
        let other = Stopped::start(|gate| drop(Dispatch::new(registry().with(gate))));
        work();
        other.go_on();
    },
    work_while_another_thread_rebuilds: {
        let (gate, stops) = Gate::new();
        install(registry().with(logscope::layer()).with(gate));
        let other = stops.start(rebuild_interest_cache);
        work();
        other.go_on();
    },
    work_while_another_thread_makes_a_span: {
        let (gate, stops) = Gate::new();
        install(registry().with(logscope::layer()).with(gate));
        let other = stops.start(|| drop(tracing::info_span!("span")));
        work();
        other.go_on();
    },
    scopes_do_not_wait_when_a_layer_panics_in_the_rebuild: {
        install(registry().with(logscope::layer()).with(ActsInRebuild(|| panic::resume_unwind(Box::new("layer")))));
        let start = Instant::now();
        (0..20).for_each(|_| work_silently());
        assert!(start.elapsed() < SHORT, "scopes wait for a rebuild that is over");
        work();
    },
    scopes_do_not_wait_when_a_layer_hangs_in_the_rebuild: {
        install(registry().with(logscope::layer()).with(ActsInRebuild(|| loop { thread::park() })));
        let start = Instant::now();
        (0..20).for_each(|_| work_silently());
        assert!(start.elapsed() < SHORT, "each scope waits for the rebuild that hangs");
        work();
    },
}

/// How long twenty scopes may take together. Each would take a second if it waited for the rebuild.
const SHORT: Duration = Duration::from_secs(15);

/// A value that has another thread ask for the lock that it is rendered under, and works while that thread waits or is about to.
struct WorksMeanwhile {
    ask: Sender<()>,
    begun: Receiver<()>,
}

impl fmt::Debug for WorksMeanwhile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // For the layer that renders it second, the other thread is gone.
        if self.ask.send(()).is_ok() && self.begun.recv().is_ok() {
            (0..1_000).for_each(|_| thread::yield_now());
            work_silently();
        }
        f.write_str("WorksMeanwhile")
    }
}

/// A layer that calls a function on the thread that rebuilds.
struct ActsInRebuild(fn());

impl<S: Subscriber> Layer<S> for ActsInRebuild {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        if thread::current().name() == Some("logscope-rebuild") {
            (self.0)();
        }
        Interest::always()
    }
}

/// A layer in whose callbacks a thread stops.
struct Gate {
    stopped: Mutex<Sender<()>>,
    go_on: Mutex<Receiver<()>>,
}

/// The test's end of a [`Gate`].
struct GateHandle {
    stopped: Receiver<()>,
    go_on: Sender<()>,
}

thread_local! {
    /// True on a thread that stops work_in the next gate.
    static STOPS: Cell<bool> = const { Cell::new(false) };
}

impl Gate {
    fn new() -> (Gate, GateHandle) {
        let ((stopped, is_stopped), (go_on, goes_on)) = (channel(), channel());
        (Gate { stopped: Mutex::new(stopped), go_on: Mutex::new(goes_on) }, GateHandle { stopped: is_stopped, go_on })
    }

    fn stop_if_asked(&self) {
        if STOPS.replace(false) {
            self.stopped.lock().unwrap().send(()).unwrap();
            self.go_on.lock().unwrap().recv().unwrap();
        }
    }
}

impl<S: Subscriber> Layer<S> for Gate {
    fn on_register_dispatch(&self, _: &Dispatch) {
        self.stop_if_asked();
    }

    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        self.stop_if_asked();
        Interest::sometimes()
    }

    fn on_new_span(&self, _: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        self.stop_if_asked();
    }
}

impl GateHandle {
    /// Runs `f` on another thread until it reaches the gate.
    fn start(self, f: impl FnOnce() + Send + 'static) -> Stopped {
        let thread = thread::spawn(move || {
            STOPS.set(true);
            f();
        });
        self.stopped.recv().unwrap();
        Stopped { go_on: self.go_on, thread }
    }
}

/// A thread that is stopped work_in a gate.
struct Stopped {
    go_on: Sender<()>,
    thread: JoinHandle<()>,
}

impl Stopped {
    fn start(f: impl FnOnce(Gate) + Send + 'static) -> Stopped {
        let (gate, stops) = Gate::new();
        stops.start(move || f(gate))
    }

    fn go_on(self) {
        self.go_on.send(()).unwrap();
        self.thread.join().unwrap();
    }
}
