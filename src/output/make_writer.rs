//! The output that writes to the writers of a `MakeWriter`, the trait by which `tracing_subscriber::fmt` is told where to write.

use std::io::{self, Write as _};
use std::time::Duration;

use tracing::Level;
use tracing_subscriber::fmt::MakeWriter;

use super::Output;
use crate::bytes::{IoWriter, Line, LineWriter};
use crate::record::line_metadata;
use crate::sync::Mutex;

/// A `MakeWriter` as an output.
pub(crate) struct MadeWriters<M> {
    make: M,
    /// Locked while a line is written: it may take several `write`s, and nothing may come between them.
    state: Mutex<State>,
    name: &'static str,
}

#[derive(Default)]
struct State {
    lines: LineWriter,
    /// The levels that were written since the last flush. There may be a writer for each.
    unflushed: Vec<Level>,
}

impl<M> MadeWriters<M> {
    /// Makes an output that is called `name` in messages.
    pub(crate) fn new(make: M, name: &'static str) -> Self {
        MadeWriters { make, state: Mutex::new(State::default()), name }
    }
}

impl<M> Output for MadeWriters<M>
where
    M: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        let metadata = line.metadata().unwrap_or_else(|| line_metadata(line.level()));
        let State { lines, unflushed } = &mut *self.state.lock();
        if !unflushed.contains(&line.level()) {
            unflushed.push(line.level());
        }
        lines.write(&mut IoWriter::new(&mut self.make.make_writer_for(metadata)), line.bytes())
    }

    fn flush(&self, deadline: Duration) -> io::Result<()> {
        let Some(mut state) = self.state.try_lock_for(deadline) else {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "another thread is in the middle of a line"));
        };
        let written = std::mem::take(&mut state.unflushed);
        let flushes = written.into_iter().map(|level| self.make.make_writer_for(line_metadata(level)).flush());
        flushes.fold(Ok(()), Result::and)
    }

    fn describe(&self) -> String {
        String::from(self.name)
    }
}
