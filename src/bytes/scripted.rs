//! A writer that follows a script, for tests.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};

use crate::sync::{Arc, Mutex};

/// What a scripted writer does in one call of `write`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Take,
    /// Takes at most so many bytes.
    Short(usize),
    Interrupted,
    WouldBlock,
    Zero,
    Full,
    /// Takes at most so many bytes, never a whole line, and panics.
    Panic(usize),
}

/// A writer that follows a script and then takes everything. Clones are the same writer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scripted(Arc<Mutex<Script>>);

#[derive(Debug, Default)]
struct Script {
    steps: VecDeque<Step>,
    taken: Vec<u8>,
    writes: usize,
}

impl Scripted {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let scripted = Scripted::default();
        scripted.then(steps);
        scripted
    }

    /// Appends to the script.
    pub(crate) fn then(&self, steps: impl IntoIterator<Item = Step>) {
        self.0.lock().steps.extend(steps);
    }

    /// Ends the script: from now on everything is taken.
    pub(crate) fn recover(&self) {
        self.0.lock().steps.clear();
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().taken.clone()).unwrap()
    }

    /// How often `write` was called.
    pub(crate) fn writes(&self) -> usize {
        self.0.lock().writes
    }
}

impl io::Write for Scripted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut script = self.0.lock();
        script.writes += 1;
        let step = script.steps.pop_front().unwrap_or(Step::Take);
        let mut take = |most: usize| {
            let count = most.min(bytes.len());
            script.taken.extend_from_slice(&bytes[..count]);
            Ok(count)
        };
        match step {
            Step::Take => take(usize::MAX),
            Step::Short(most) => take(most.max(1)),
            Step::Interrupted => Err(ErrorKind::Interrupted.into()),
            Step::WouldBlock => Err(ErrorKind::WouldBlock.into()),
            Step::Zero => Ok(0),
            Step::Full => Err(ErrorKind::StorageFull.into()),
            // What a writer took in the call that panics is not known, so a line that it completes there counts as failed and is
            // in the log all the same. The scripted ones complete none.
            Step::Panic(_) if bytes.len() < 2 => Err(ErrorKind::StorageFull.into()),
            Step::Panic(most) => {
                let _ = take(most.min(bytes.len().saturating_sub(2)));
                drop(script);
                // Past the panic hook, which would print.
                std::panic::resume_unwind(Box::new("scripted"))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
