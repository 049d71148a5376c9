//! The founding bug, in small: one global file, verbosity and clock for the whole process. Each build sets them when it begins.
//!
//! The build daemon that `logscope` comes from logged like this, and for one build at a time it works. With two builds, the one that begins
//! last gets the lines of all. The lines have the shape of `Format::json()`, so that the same proof reads them.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use logscope::LevelFilter;
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use crate::Result;
use crate::build::Plan;
use crate::console::Console;

/// The state that all builds share.
static STATE: Mutex<Option<State>> = Mutex::new(None);

struct State {
    name: String,
    file: File,
    verbosity: LevelFilter,
    on_terminal: LevelFilter,
    start: Instant,
    seq: u64,
}

/// Installs a subscriber that writes to the global state.
pub(crate) fn install(console: Console) -> Result<()> {
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(GlobalLog { console }))?;
    Ok(())
}

/// Sets the global state to this build. Each build calls it when it begins.
pub(crate) fn set(plan: &Plan, start: Instant) -> io::Result<()> {
    if let Some(parent) = plan.log.parent() {
        fs::create_dir_all(parent)?;
    }
    let file = File::options().append(true).create(true).open(&plan.log)?;
    let manner = plan.program.manner;
    let state = State {
        name: plan.name.clone(),
        file,
        verbosity: manner.verbosity(),
        on_terminal: manner.on_terminal(),
        start,
        seq: 0,
    };
    if let Ok(mut current) = STATE.lock() {
        *current = Some(state);
    }
    Ok(())
}

struct GlobalLog {
    console: Console,
}

impl<S: Subscriber> Layer<S> for GlobalLog {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let Ok(mut state) = STATE.lock() else { return };
        let Some(state) = state.as_mut() else { return };
        let level = *event.metadata().level();
        if level > state.verbosity {
            return;
        }
        let elapsed = state.start.elapsed();
        state.seq += 1;
        let mut fields = Fields::default();
        event.record(&mut fields);
        let line = json!({
            "level": level.as_str(),
            "fields": fields.0,
            "threadName": thread::current().name(),
            "context": { "name": state.name },
            "elapsed": elapsed.as_secs_f64(),
            "seq": state.seq,
        });
        // The proof finds a line that is lost.
        let _ = state.file.write_all(format!("{line}\n").as_bytes());
        if level <= state.on_terminal {
            let _ = self.console.show(&state.name, elapsed, level, &mut |visitor| event.record(visitor));
        }
    }
}

#[derive(Default)]
struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }
}
