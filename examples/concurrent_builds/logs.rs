//! The logs of the builds: a context for each build, or one global log for all, as it was before there were contexts.

use std::time::Duration;

use logscope::sink::{Ledger, Memory, Queue, Sink};
use logscope::{Format, LevelFilter, Origin, OutputContext, sink};

use crate::Result;
use crate::build::{Build, Plan};
use crate::tally::{Expected, Tally};

/// How this run logs.
#[derive(Clone, Debug)]
pub(crate) struct Logs {
    /// The terminal, which all builds share. Each has a view of it with its own threshold.
    terminal: Sink,
    /// The records outside every build. There should be none.
    strays: Memory,
    mode: Mode,
}

/// Where the lines of a build go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    /// To the build's own context.
    Contexts,
    /// The same, with a queue in front of each log.
    Queued,
    /// To one log for the whole process, which each build sets when it begins. The build daemon that `logscope` comes from logged like this, and
    /// for one build at a time it works. With two builds, the one that begins last gets the lines of all.
    GlobalState,
}

impl Logs {
    /// Installs logscope. Records outside every build are kept, so that the proof finds them.
    pub(crate) fn install(mode: Mode) -> Result<Logs> {
        let (stray, strays) = sink::memory();
        let nobody = OutputContext::builder("nobody").verbosity(LevelFilter::TRACE).sink(stray).build();
        logscope::configure().default_context(nobody).install()?;
        let terminal = sink::stdout().format(Format::build().aligned(true).fields(false));
        Ok(Logs { terminal, strays, mode })
    }

    /// Begins a build: its clock starts now.
    pub(crate) fn begin(&self, plan: Plan) -> Result<Build> {
        let origin = Origin::now();
        let context = context(&plan, origin, &self.terminal, self.mode == Mode::Queued)?;
        let context = match self.mode {
            Mode::Contexts | Mode::Queued => Some(context),
            Mode::GlobalState => {
                logscope::set_process_default(context);
                None
            }
        };
        Ok(Build { tally: Tally::new(&plan.name, origin.instant()), start: origin.instant(), plan, context })
    }

    /// Returns how many lines were logged outside every build.
    pub(crate) fn strays(&self) -> usize {
        self.strays.len()
    }

    /// True if the ledger of the terminal is exact.
    pub(crate) fn terminal_is_exact<'a>(&self, builds: impl Iterator<Item = &'a Build>) -> bool {
        let expected: u64 = builds.map(|build| on_terminal(build).lines).sum();
        let ledger = self.terminal.ledger();
        self.mode == Mode::GlobalState || ledger.is_complete() && ledger.written == expected
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
