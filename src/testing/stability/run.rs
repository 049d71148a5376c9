//! One run of all scenarios.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::context::OutputContext;
use crate::output::Memory;
use crate::sink;
use crate::testing::seed::Random;
use crate::testing::seed_value::{hash, value};
use crate::testing::sync::{last_lines, message_of};

/// Tells a scenario which run of it this is, and gives it random numbers; from [`stability`](super::stability()).
#[derive(Debug)]
pub struct Run {
    number: usize,
    threads: usize,
    random: Random,
}

impl Run {
    /// Returns the number of the run, from zero on.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    /// Returns on how many threads runs are under way.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Returns the random numbers of this scenario, which depend on the [seed](crate::testing::seed()), on the name of the scenario and on the
    /// number of the run, and on nothing that runs beside it or before it.
    pub fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    pub(super) fn new(number: usize, threads: usize) -> Self {
        Run { number, threads, random: Random::of(state_of(number)) }
    }
}

/// The state of the first random number of a run.
fn state_of(number: usize) -> u64 {
    value() ^ (number as u64).wrapping_mul(0xD6E8_FEB8_6659_FD93)
}

/// A scenario that has failed.
#[derive(Debug)]
pub(super) struct Failure {
    /// What had run before it in the same run, and itself.
    pub(super) order: Vec<String>,
    pub(super) message: String,
    pub(super) log: String,
}

/// A scenario, with its name.
pub(super) struct Scenario<'a> {
    pub(super) name: String,
    pub(super) play: Box<dyn Fn(&mut Run) + Sync + 'a>,
}

/// Plays scenarios one after the other, in one context.
pub(super) fn play<'a, 's: 'a>(
    run: &mut Run,
    scenarios: impl IntoIterator<Item = &'a Scenario<'s>>,
) -> Result<(), Failure> {
    let (context, memory) = context_of(run);
    let mut order = Vec::new();
    for scenario in scenarios {
        order.push(scenario.name.clone());
        // Whatever ran before it: alone it has the same numbers.
        run.random = Random::of(state_of(run.number) ^ hash(&scenario.name));
        let played = catch_unwind(AssertUnwindSafe(|| context.scope(|| (scenario.play)(run))));
        if let Err(payload) = played {
            let message = message_of(&*payload).to_owned();
            // Its `Drop` may panic.
            std::mem::forget(payload);
            return Err(Failure { order, message, log: last_lines(&memory) });
        }
    }
    Ok(())
}

fn context_of(run: &Run) -> (OutputContext, Memory) {
    let (sink, memory) = sink::memory();
    let name = format!("run {} on {}", run.number, run.threads);
    (OutputContext::builder(name).verbosity(tracing::level_filters::LevelFilter::TRACE).sink(sink).build(), memory)
}
