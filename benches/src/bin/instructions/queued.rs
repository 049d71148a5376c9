//! A record that goes into a queued sink, until it is flushed.
//!
//! The writer thread is held in its output while the records are enqueued, and the queue has room for all of them. So no record wakes
//! the writer, none waits for room, and the calling thread executes the same instructions in every run.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use logscope::sink::{self, Batch, Line, Output, Queue};
use logscope::{Clock, OutputContext};
use logscope_bench::harness::{Subject, within};
use logscope_bench::subjects::{event, in_span};

/// Room for half a million records: a queue that is half full wakes its writer.
const BYTES: usize = 128 << 20;

const PATIENCE: Duration = Duration::from_secs(600);

/// Logs [`event`] into the queue, and flushes at the end of the round.
pub fn subject(clock: Clock) -> Subject {
    let gate = Arc::new(Gate::default());
    let sink = sink::custom(Gated(Arc::clone(&gate))).queued(Queue::new().bytes(BYTES));
    let context = OutputContext::builder("uno").clock(clock).sink(sink.clone()).build();
    let around = move |round: &mut dyn FnMut()| {
        context.scope(|| {
            in_span(&mut || {
                event();
                gate.wait_for_writer();
                round();
                gate.open();
                assert!(sink.flush(PATIENCE).is_complete(), "the queue is not flushed");
            });
        });
    };
    within(around, event)
}

/// Holds a writer thread until it is opened.
#[derive(Default)]
struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_writer_here: bool,
    is_open: bool,
}

impl Gate {
    /// The writer thread passes the gate, if it is open.
    fn pass(&self) {
        let mut state = self.lock();
        state.is_writer_here = true;
        self.changed.notify_all();
        self.wait(state, |state| state.is_open);
    }

    fn wait_for_writer(&self) {
        self.wait(self.lock(), |state| state.is_writer_here);
    }

    fn open(&self) {
        self.lock().is_open = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, state: MutexGuard<'_, State>, is_met: impl Fn(&State) -> bool) {
        drop(self.changed.wait_while(state, |state| !is_met(state)));
    }
}

/// An output behind a gate, which discards what it is given.
struct Gated(Arc<Gate>);

impl Output for Gated {
    fn write(&self, _line: Line<'_>) -> io::Result<()> {
        self.0.pass();
        Ok(())
    }

    fn write_batch(&self, batch: &mut Batch<'_>) -> io::Result<()> {
        self.0.pass();
        batch.advance(batch.rest().len());
        Ok(())
    }
}
