//! The bridge from the `log` crate, under `init` and `install`: a logger whose records reach the current context.
//!
//! An event of `tracing` has a fixed set of names, and a record of `log` has key-values of any names. So the bridge does not dispatch an event
//! where logscope is the whole subscriber: it finds the layer, and gives it the record with its [key-values](super::log_fields). Under
//! another subscriber, which a thread has set for a scope, it makes an event without them, as `LogTracer` of the crate `tracing-log` does.

use std::time::Instant;

use tracing::field::Value;
use tracing::{Dispatch, Event, Level, Metadata, dispatcher};
use tracing_core::callsite::DefaultCallsite;
use tracing_core::field::FieldSet;
use tracing_core::metadata::Kind;
use tracing_subscriber::Registry;

use super::context_layer::ContextLayer;
use super::forwarded;
use super::log_fields::LogFields;
use crate::LevelFilter;
use crate::error::{Error, ErrorKind};
use crate::fallback;
use crate::output::is_inside_output;
use crate::process::exit_deadline;
use crate::record::{KeyValues, RecordMetadata};
use crate::sink;

/// Makes logscope the receiver of `log` records up to `ceiling`.
pub(super) fn install(ceiling: LevelFilter) -> Result<(), Error> {
    log::set_logger(&LogBridge).map_err(|source| {
        let message = "a `log` logger is installed already (env_logger or another), so `log` records cannot reach logscope; \
                       remove it, or build logscope without its feature `log`";
        Error::new(ErrorKind::AlreadyInstalled, message).with_source(source)
    })?;
    log::set_max_level(match ceiling.into_level() {
        None => log::LevelFilter::Off,
        Some(Level::ERROR) => log::LevelFilter::Error,
        Some(Level::WARN) => log::LevelFilter::Warn,
        Some(Level::INFO) => log::LevelFilter::Info,
        Some(Level::DEBUG) => log::LevelFilter::Debug,
        Some(Level::TRACE) => log::LevelFilter::Trace,
    });
    Ok(())
}

struct LogBridge;

impl log::Log for LogBridge {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        let level = level_of(metadata.level());
        dispatcher::get_default(|dispatch| match the_only_layer(dispatch) {
            Some((layer, registry)) => layer.wants_log(level, metadata.target(), registry),
            None => is_enabled(dispatch, &call_metadata(level, metadata.target(), None)),
        })
    }

    fn log(&self, record: &log::Record<'_>) {
        dispatcher::get_default(|dispatch| match the_only_layer(dispatch) {
            Some((layer, registry)) => deliver(record, layer, registry),
            None => forward(record, dispatch),
        });
    }

    /// Flushes all outputs, and waits for as long as the end of the process would.
    fn flush(&self) {
        if is_inside_output() {
            return;
        }
        let deadline = exit_deadline();
        let (start, ledger) = (Instant::now(), sink::flush(deadline));
        if ledger.pending > 0 && start.elapsed() >= deadline {
            let pending = ledger.pending;
            fallback::report(format_args!(
                "log::logger().flush() has waited for {deadline:?}, and {pending} records are not written"
            ));
        }
    }
}

/// Returns the layer and its registry, if the layer is the only one of the subscriber.
fn the_only_layer(dispatch: &Dispatch) -> Option<(&ContextLayer, &Registry)> {
    let layer = dispatch.downcast_ref::<ContextLayer>().filter(|layer| layer.is_alone())?;
    Some((layer, dispatch.downcast_ref::<Registry>()?))
}

fn deliver(record: &log::Record<'_>, layer: &ContextLayer, registry: &Registry) {
    let fields = LogFields(record.key_values());
    let metadata = RecordMetadata {
        level: level_of(record.level()),
        target: record.target(),
        module_path: record.module_path(),
        file: record.file(),
        line: record.line(),
        from_log: true,
        callsite: None,
        key_values: (!fields.is_empty()).then_some(&fields as &dyn KeyValues),
    };
    with_event(metadata.level, [Some(record.args()), None, None, None, None], |event| {
        layer.deliver_log(event, metadata, registry);
    });
}

/// Makes an event of `record`, for a subscriber that is not logscope's alone.
#[cold]
fn forward(record: &log::Record<'_>, dispatch: &Dispatch) {
    let level = level_of(record.level());
    if is_enabled(dispatch, &call_metadata(level, record.target(), Some(record))) {
        let (target, module_path, file, line) = (record.target(), record.module_path(), record.file(), record.line());
        let values = [
            Some(record.args() as &dyn Value),
            Some(&target),
            module_path.as_ref().map(|path| path as &dyn Value),
            file.as_ref().map(|file| file as &dyn Value),
            line.as_ref().map(|line| line as &dyn Value),
        ];
        with_event(level, values, |event| dispatch.event(event));
    }
}

fn is_enabled(dispatch: &Dispatch, metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= LevelFilter::current() && dispatch.enabled(metadata)
}

/// Returns the metadata of a log call, for the filters of other layers.
fn call_metadata<'a>(level: Level, target: &'a str, record: Option<&log::Record<'a>>) -> Metadata<'a> {
    Metadata::new(
        forwarded::NAME,
        target,
        level,
        record.and_then(|record| record.file()),
        record.and_then(|record| record.line()),
        record.and_then(|record| record.module_path()),
        FieldSet::new(&["message"], event_metadata(level).callsite()),
        Kind::EVENT,
    )
}

/// Calls `f` with an event that has these values of the fields [`forwarded::FIELDS`].
fn with_event<R>(level: Level, values: [Option<&dyn Value>; 5], f: impl FnOnce(&Event<'_>) -> R) -> R {
    let metadata = event_metadata(level);
    let values = metadata.fields().value_set_all(&values);
    f(&Event::new(metadata, &values))
}

fn level_of(level: log::Level) -> Level {
    match level {
        log::Level::Error => Level::ERROR,
        log::Level::Warn => Level::WARN,
        log::Level::Info => Level::INFO,
        log::Level::Debug => Level::DEBUG,
        log::Level::Trace => Level::TRACE,
    }
}

macro_rules! event_metadata {
    ($($callsite:ident $metadata:ident $level:ident),* $(,)?) => {
        $(
            static $callsite: DefaultCallsite = DefaultCallsite::new(&$metadata);
            static $metadata: Metadata<'static> = Metadata::new(
                forwarded::NAME,
                forwarded::TARGET,
                Level::$level,
                None,
                None,
                None,
                FieldSet::new(forwarded::FIELDS, tracing_core::identify_callsite!(&$callsite)),
                Kind::EVENT,
            );
        )*
        /// Returns the metadata of the events that are made of records of this level.
        pub(super) fn event_metadata(level: Level) -> &'static Metadata<'static> {
            match level {
                $(Level::$level => &$metadata,)*
            }
        }
    };
}

event_metadata! {
    ERROR_CALLSITE ERROR_METADATA ERROR,
    WARN_CALLSITE WARN_METADATA WARN,
    INFO_CALLSITE INFO_METADATA INFO,
    DEBUG_CALLSITE DEBUG_METADATA DEBUG,
    TRACE_CALLSITE TRACE_METADATA TRACE,
}
