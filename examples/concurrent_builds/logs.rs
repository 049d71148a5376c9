//! Where the builds' events go: to a context for each build, or, as the founding bug had it, to one global state for all.

use std::time::Duration;

use logscope::sink::{Memory, Outcome, Queue, Sink};
use logscope::{Format, LevelFilter, Origin, OutputContext, sink};

use crate::Result;
use crate::build::{Build, Plan};
use crate::console::Console;
use crate::global_state;
use crate::tally::{Expected, Tally};

/// One of the two, for the whole program.
#[derive(Clone, Debug)]
pub(crate) enum Logs {
    Contexts {
        /// The terminal, which all builds share; each sees it through a threshold of its own.
        terminal: Sink,
        /// What was said outside every build. There should be nothing.
        strays: Memory,
        /// The files are written by writer threads.
        queued: bool,
    },
    GlobalState,
}

impl Logs {
    /// Installs logscope. What no build claims is kept, so that the proof finds it.
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

    /// Begins a build: from now on its time counts.
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

    /// How many lines were said outside every build.
    pub(crate) fn strays(&self) -> usize {
        match self {
            Logs::Contexts { strays, .. } => strays.len(),
            Logs::GlobalState => 0,
        }
    }

    /// True if the ledger of the terminal, which all builds share, is exact.
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

/// The context of a build: its file, its view of the terminal, its verbosity, its origin.
fn context(plan: &Plan, origin: Origin, terminal: &Sink, queued: bool) -> Result<OutputContext> {
    let file = sink::file(&plan.log).create_parents(true).open()?;
    let file = if queued { file.queued(Queue::new()) } else { file };
    let manner = plan.program.manner;
    Ok(OutputContext::builder(&plan.name)
        .origin(origin)
        .verbosity(manner.verbosity())
        .sink(file.format(Format::json().thread(true)))
        .sink(terminal.max_level(manner.on_terminal()))
        .build())
}

/// The deliveries that the ledger of a build should count: its lines in the file, and those of them that the terminal shows.
pub(crate) fn expected_deliveries(build: &Build) -> u64 {
    build.tally.up_to(build.plan.program.manner.verbosity()).lines + on_terminal(build).lines
}

/// What the terminal should show of a build.
fn on_terminal(build: &Build) -> Expected {
    let manner = build.plan.program.manner;
    build.tally.up_to(manner.verbosity().min(manner.on_terminal()))
}

/// Ends a build's context and returns its ledger; `None` where there are no contexts.
pub(crate) fn close(build: &Build) -> Option<Outcome> {
    build.context.as_ref().map(|context| context.close(Duration::from_secs(5)))
}
