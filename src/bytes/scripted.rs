//! A writer for tests that follows a script.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};

use crate::sync::{Arc, Mutex};

/// What a [`Scripted`] writer does in one call of `write`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Take,
    /// Takes at most this many bytes.
    Short(usize),
    Interrupted,
    WouldBlock,
    Zero,
    Full,
    /// Takes at most this many bytes, never a whole line, and panics.
    Panic(usize),
}

/// A writer that follows a script and then takes all bytes. Clones share the script.
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

    /// Ends the script: from now on the writer takes all bytes.
    pub(crate) fn recover(&self) {
        self.0.lock().steps.clear();
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().taken.clone()).unwrap()
    }

    /// Returns how often `write` was called.
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
            // Nobody knows how many bytes a writer took in a call that panics. If it completed a line in that call, the line would count as
            // failed and be in the log all the same. So this writer completes no line when it panics.
            Step::Panic(_) if bytes.len() < 2 => Err(ErrorKind::StorageFull.into()),
            Step::Panic(most) => {
                let _ = take(most.min(bytes.len().saturating_sub(2)));
                drop(script);
                // `resume_unwind` does not call the panic hook, which would print.
                std::panic::resume_unwind(Box::new("scripted"))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
