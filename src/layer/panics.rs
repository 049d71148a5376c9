//! The records of panics.
//!
//! A panic hook must not panic: then the process aborts, and no `catch_unwind` helps. But the sinks and layouts of a context may be the
//! program's code, which may panic, and may need a lock that the panicking thread holds. So another thread writes the record, and the panicking
//! thread waits for it, for [`PANIC_RECORD`] at most. What of the program's code panics there is caught, like anywhere else. Only where no thread
//! can be started, the panicking thread writes the record itself.
//!
//! The panicking thread itself only notes which context and which span are current.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::time::Instant;

use tracing::span::Id;
use tracing::{Dispatch, Level, Subscriber, dispatcher};
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan as _;

use super::context_layer::ContextLayer;
use super::emit::emit;
use super::spans::{bound_context, walk};
use crate::context::{OutputContext, default_context};
use crate::fallback;
use crate::limits::PANIC_RECORD;
use crate::line_buffer::LineBuffer;
use crate::output::is_inside_output;
use crate::process::start_thread;
use crate::queue::FlushTicket;
use crate::record::{
    PANIC_TARGET, RecordMetadata, RenderPath, SpanPath, SpanValues, Style, drop_quietly, log_for, logging_thread,
    with_panic_event,
};
use crate::sync::thread::{self, Thread};
use crate::sync::{Arc, AtomicBool, Ordering};

/// The message of a panic whose payload is neither a `&str` nor a `String`.
const NO_TEXT: &str = "panicked with a value that is not a text";

thread_local! {
    /// True while this thread is in the hook, or writes the record of another thread's panic.
    static IS_LOGGING: Cell<bool> = const { Cell::new(false) };

    /// Gone when the thread has no handle any more, if the thread has used this before. `thread::current()` panics then. It may be gone earlier,
    /// in a handler at the exit of the process: the record of such a panic does not name its thread.
    static HAS_HANDLE: HasHandle = const { HasHandle };
}

struct HasHandle;

impl Drop for HasHandle {
    fn drop(&mut self) {}
}

/// Sets the panic hook, the first time that this is called. On a thread that panics, where no hook can be set, does nothing.
pub(super) fn install_hook() {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    // Handlers that run at the exit of the process run on the main thread, which is the one that installs, in most programs.
    let _ = HAS_HANDLE.try_with(|_| ());
    // Relaxed: the flag orders nothing. It only picks one of several threads.
    if thread::panicking() || INSTALLED.swap(true, Ordering::Relaxed) {
        return;
    }
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        log(info);
        before(info);
    }));
}

/// Writes the record of a panic. Called on the thread that panics, in the hook: nothing here may panic.
fn log(info: &PanicHookInfo<'_>) {
    // A panic inside an output is told as a failure of the output.
    if is_inside_output() || IS_LOGGING.replace(true) {
        return;
    }
    let panic = Arc::new(Panic::of(info));
    if !write_on_thread(&panic) {
        // A process that can start no threads has the most to say in its log.
        panic.write();
    }
    IS_LOGGING.set(false);
}

/// Has another thread write the record of `panic`, and waits for it. False if no thread can be started.
fn write_on_thread(panic: &Arc<Panic>) -> bool {
    let written = Arc::new(FlushTicket::new());
    let (writing, is_written) = (Arc::clone(panic), Arc::clone(&written));
    let started = start_thread("logscope-panic", move || {
        IS_LOGGING.set(true);
        if let Some(thread) = &writing.thread {
            log_for(thread.clone());
        }
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| writing.write())) {
            drop_quietly(payload);
        }
        is_written.complete(Ok(()));
    });
    if started.is_ok() && written.wait(Some(Instant::now() + PANIC_RECORD)).is_none() {
        fallback::report(format_args!(
            "the record of a panic is not written after {PANIC_RECORD:?}: its sinks may need what the panicking thread holds"
        ));
    }
    started.is_ok()
}

/// What is known of a panic.
struct Panic {
    message: String,
    file: Option<String>,
    line: Option<u32>,
    /// File, line and column.
    location: Option<String>,
    thread: Option<Thread>,
    /// The context of the newest scope.
    scope: Option<OutputContext>,
    dispatch: Dispatch,
    span: Option<Id>,
}

impl Panic {
    fn of(info: &PanicHookInfo<'_>) -> Self {
        let payload = info.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let message = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or(NO_TEXT);
        let dispatch = dispatcher::get_default(Dispatch::clone);
        let registry = dispatch.downcast_ref::<Registry>();
        Panic {
            message: message.to_owned(),
            file: info.location().map(|location| location.file().to_owned()),
            line: info.location().map(|location| location.line()),
            location: info.location().map(ToString::to_string),
            thread: HAS_HANDLE.try_with(|_| logging_thread()).unwrap_or_default(),
            scope: OutputContext::try_current(),
            span: registry.and_then(|registry| Subscriber::current_span(registry).into_inner()).map(|(id, _)| id),
            dispatch,
        }
    }

    /// Gives the record to the context that it belongs to.
    fn write(&self) {
        let (path, bound) = match catch_unwind(AssertUnwindSafe(|| self.spans())) {
            Ok(spans) => spans,
            // Another layer has panicked while it held the data of a span.
            Err(payload) => {
                drop_quietly(payload);
                (Vec::new(), None)
            }
        };
        let context = self.scope.clone().or(bound).unwrap_or_else(default_context);
        if !context.inner().verbosity().allows_target(Level::ERROR, PANIC_TARGET) {
            return;
        }
        let name = self.thread.as_ref().map(|thread| match thread.name() {
            Some(name) => name.to_owned(),
            None => format!("{:?}", thread.id()),
        });
        // What a layout of the program's own logs belongs to the same context.
        context.scope(|| {
            with_panic_event(&self.message, self.location.as_deref(), name.as_deref(), |event| {
                let metadata = RecordMetadata {
                    file: self.file.as_deref(),
                    line: self.line,
                    module_path: None,
                    ..RecordMetadata::without_callsite(event.metadata())
                };
                emit(context.inner(), event, &metadata, &Path(&path));
            });
        });
    }

    /// Returns the spans around the panic, outermost first, and the context to which they route it.
    fn spans(&self) -> (Vec<Arc<SpanValues>>, Option<OutputContext>) {
        let mut path = Vec::new();
        let (Some(registry), Some(id)) = (self.dispatch.downcast_ref::<Registry>(), &self.span) else {
            return (path, None);
        };
        walk(registry.span(id), &mut path);
        let routes = self.dispatch.downcast_ref::<ContextLayer>().is_some_and(ContextLayer::routes_by_span);
        let bound = if routes { bound_context(registry.span(id)) } else { None };
        (path, bound.map(OutputContext::of_inner))
    }
}

/// A path of spans that was collected before.
struct Path<'a>(&'a [Arc<SpanValues>]);

impl SpanPath for Path<'_> {
    fn append(&self, _: Style, render: &RenderPath<'_>, out: &mut LineBuffer) {
        render(self.0, out);
    }

    fn visit(&self, each: &mut dyn FnMut(&SpanValues)) {
        self.0.iter().for_each(|span| each(span));
    }
}
