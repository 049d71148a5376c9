//! An output of either kind, called with its panics contained.

use std::io;
use std::time::Duration;

use super::guard::guarded;
use super::{Null, Output, RecordOutput};
use crate::bytes::Batch;
use crate::error::{Error, Kind};
use crate::format::buffer::Buffer;
use crate::format::{Renderer, Scratch};
use crate::record::Record;

/// What a sink delivers to.
pub(crate) enum Target {
    Lines(Box<dyn Output>),
    Records(Box<dyn RecordOutput>),
}

impl Target {
    /// What the output is called in messages.
    pub(crate) fn describe(&self) -> String {
        match self {
            Target::Lines(output) => output.describe(),
            Target::Records(output) => output.describe(),
        }
    }

    /// True if a person watches the output.
    pub(crate) fn is_terminal(&self) -> bool {
        match self {
            Target::Lines(output) => output.is_terminal(),
            Target::Records(_) => false,
        }
    }

    /// True if the output takes lines, which can be queued.
    pub(crate) fn takes_lines(&self) -> bool {
        matches!(self, Target::Lines(_))
    }

    /// Hands over `record`, as the line that `renderer` makes of it where the output takes lines.
    #[inline]
    pub(crate) fn write(&self, renderer: &Renderer, record: &Record<'_>, scratch: &mut Scratch) -> io::Result<()> {
        match self {
            Target::Lines(output) => {
                // Rendered before the output is entered: a `Debug` that logs is not inside the output.
                let line = scratch.line(renderer, record);
                guarded(|| output.write(line))
            }
            Target::Records(output) => guarded(|| output.write(record)),
        }
    }

    /// Hands over several lines.
    pub(crate) fn write_batch(&self, batch: &mut Batch<'_>) -> io::Result<()> {
        match self {
            Target::Lines(output) => guarded(|| output.write_batch(batch)),
            Target::Records(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Hands over a notice, rendered in a buffer of its own: the scratch has the record that comes after it.
    pub(crate) fn write_notice(&self, renderer: &Renderer, notice: &Record<'_>) -> io::Result<()> {
        match self {
            Target::Lines(output) => {
                let mut line = Buffer::take();
                renderer.render(notice, &mut line);
                guarded(|| output.write(&line))
            }
            Target::Records(output) => guarded(|| output.write(notice)),
        }
    }

    /// Has the output pass on what it holds back.
    pub(crate) fn flush(&self, deadline: Duration) -> io::Result<()> {
        match self {
            Target::Lines(output) => guarded(|| output.flush(deadline)),
            Target::Records(output) => guarded(|| output.flush(deadline)),
        }
    }

    /// Has what was written reach the storage device.
    pub(crate) fn sync(&self) -> io::Result<()> {
        match self {
            Target::Lines(output) => guarded(|| output.sync()),
            Target::Records(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Has the output open anew what it writes to.
    pub(crate) fn reopen(&self) -> io::Result<()> {
        match self {
            Target::Lines(output) => guarded(|| output.reopen()),
            Target::Records(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Drops the output, whose own `Drop` may panic: the last view may go at the end of a log call, out of which no panic must get.
    pub(crate) fn close(&mut self) {
        let output = std::mem::replace(self, Target::Lines(Box::new(Null)));
        let _ = guarded(|| {
            drop(output);
            Ok(())
        });
    }
}

/// Returns the error for an output of this name that could not be opened anew.
#[cold]
pub(crate) fn not_reopened(name: &str, error: io::Error) -> Error {
    let message = match error.kind() {
        io::ErrorKind::Unsupported => format!("{name} cannot be opened anew: it is not a file that has a name"),
        _ => format!("{name} cannot be opened anew, and is written to as before: {error}"),
    };
    Error::new(Kind::Open, message).with_source(error)
}
