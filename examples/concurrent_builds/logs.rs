//! The logs of the builds: a context for each build, or one global state for all, as in the founding bug.

use std::time::Duration;

use logscope::sink::{Ledger, Memory, Queue, Sink};
use logscope::{Format, LevelFilter, Origin, OutputContext, sink};

use crate::Result;
use crate::build::{Build, Plan};
use crate::console::Console;
use crate::global_state;
use crate::tally::{Expected, Tally};

/// How this run logs.
#[derive(Clone, Debug)]
pub(crate) enum Logs {
    Contexts {
        /// The terminal, which all builds share. Each has a view of it with its own threshold.
        terminal: Sink,
        /// The records outside every build. There should be none.
        strays: Memory,
        /// True if each log has a queue in front of it.
        queued: bool,
    },
    GlobalState,
}

impl Logs {
    /// Installs logscope. Records outside every build are kept, so that the proof finds them.
    pub(crate) fn contexts(console: &Console, queued: bool) -> Result<Logs> {
        let (stray, strays) = sink::memory();
        let nobody = OutputContext::builder("nobody").verbosity(LevelFilter::TRACE).sink(stray).build();
        logscope::configure().default_context(nobody).install()?;
        Ok(Logs::Contexts { terminal: sink::records(console.clone()), strays, queued })
    }

    /// Installs the imitation of the founding bug.
    pub(crate) fn global_state(console: &Console) -> Result<Logs> {
        global_state::install(console.clone())?;
        Ok(Logs::GlobalState)
    }

    /// Begins a build: its clock starts now.
    pub(crate) fn begin(&self, plan: Plan) -> Result<Build> {
        let origin = Origin::now();
        let context = match self {
            Logs::Contexts { terminal, queued, .. } => Some(context(&plan, origin, terminal, *queued)?),
            Logs::GlobalState => {
                global_state::set(&plan, origin.instant())?;
                None
            }
        };
        Ok(Build { tally: Tally::new(&plan.name, origin.instant()), start: origin.instant(), plan, context })
    }

    /// Returns how many lines were logged outside every build.
    pub(crate) fn strays(&self) -> usize {
        match self {
            Logs::Contexts { strays, .. } => strays.len(),
            Logs::GlobalState => 0,
        }
    }

    /// True if the ledger of the terminal is exact.
    pub(crate) fn terminal_is_exact<'a>(&self, builds: impl Iterator<Item = &'a Build>) -> bool {
        match self {
            Logs::Contexts { terminal, .. } => {
                let expected: u64 = builds.map(|build| on_terminal(build).lines).sum();
                let ledger = terminal.ledger();
                ledger.is_complete() && ledger.written == expected
            }
            Logs::GlobalState => true,
        }
    }
}

/// Makes the context of a build: its file, its view of the terminal, its verbosity, its origin.
fn context(plan: &Plan, origin: Origin, terminal: &Sink, queued: bool) -> Result<OutputContext> {
    let file = sink::file(&plan.log).create_parents(true).open()?;
    let file = if queued { file.queued(Queue::new()) } else { file };
    let manner = plan.program.manner;
    Ok(OutputContext::builder(&plan.name)
        .origin(origin)
        .verbosity(manner.verbosity())
        .sink(file.format(Format::json().thread_name(true)))
        .sink(terminal.max_level(manner.on_terminal()))
        .build())
}

/// Returns the deliveries that the ledger of a build should count: its lines in the file, and its lines on the terminal.
pub(crate) fn expected_deliveries(build: &Build) -> u64 {
    build.tally.up_to(build.plan.program.manner.verbosity()).lines + on_terminal(build).lines
}

/// Returns the lines of a build that the terminal should show.
fn on_terminal(build: &Build) -> Expected {
    let manner = build.plan.program.manner;
    build.tally.up_to(manner.verbosity().min(manner.on_terminal()))
}

/// Closes a build's context and returns its ledger; `None` without contexts.
pub(crate) fn close(build: &Build) -> Option<Ledger> {
    build.context.as_ref().map(|context| context.close(Duration::from_secs(5)))
}
