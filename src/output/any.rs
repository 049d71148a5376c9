//! An output of any kind. Panics of its code become errors.

use std::io;
use std::time::Duration;

use super::guard::call_contained;
use super::{CopyOutput, Null, Output, RecordOutput};
use crate::bytes::{Batch, Line};
use crate::error::{Error, ErrorKind};
use crate::format::buffer::Buffer;
use crate::format::{Renderer, Scratch};
use crate::record::Record;

/// An output that takes lines, one that takes records, or one of this crate that takes copies of records.
pub(crate) enum AnyOutput {
    Lines(Box<dyn Output>),
    Records(Box<dyn RecordOutput>),
    Copies(Box<dyn CopyOutput>),
}

impl AnyOutput {
    /// Returns the name of the output in messages.
    pub(crate) fn describe(&self) -> String {
        match self {
            AnyOutput::Lines(output) => output.describe(),
            AnyOutput::Records(output) => output.describe(),
            AnyOutput::Copies(output) => output.describe(),
        }
    }

    /// True if the output is a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        match self {
            AnyOutput::Lines(output) => output.is_terminal(),
            AnyOutput::Records(_) | AnyOutput::Copies(_) => false,
        }
    }

    /// True if the output takes lines. Only lines can be queued.
    pub(crate) fn takes_lines(&self) -> bool {
        matches!(self, AnyOutput::Lines(_))
    }

    /// Writes `record`. An output that takes lines gets the line that `renderer` makes of it.
    #[inline(always)]
    pub(crate) fn write<'r>(
        &self,
        renderer: &'r Renderer,
        record: &Record<'_>,
        scratch: &mut Scratch<'r>,
    ) -> io::Result<()> {
        match self {
            AnyOutput::Lines(output) => {
                // Rendered before `call_contained`: a `Debug` that logs is not inside the output.
                let line = scratch.line(renderer, record);
                let line = Line::new(line, record.level());
                #[cfg(feature = "fmt")]
                let line = line.of(record.metadata.callsite);
                call_contained(|| output.write(line))
            }
            AnyOutput::Records(output) => write_record(&**output, renderer, record),
            AnyOutput::Copies(output) => write_copy(&**output, renderer, record),
        }
    }

    /// Writes several lines.
    pub(crate) fn write_batch(&self, batch: &mut Batch<'_>) -> io::Result<()> {
        match self {
            AnyOutput::Lines(output) => call_contained(|| output.write_batch(batch)),
            AnyOutput::Records(_) | AnyOutput::Copies(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Writes a notice. It is rendered into a buffer of its own, because the scratch may contain the record that comes after it.
    pub(crate) fn write_notice(&self, renderer: &Renderer, notice: &Record<'_>) -> io::Result<()> {
        match self {
            AnyOutput::Lines(output) => {
                let mut line = Buffer::take();
                renderer.render(notice, &mut line);
                call_contained(|| output.write(Line::new(&line, notice.level())))
            }
            AnyOutput::Records(output) => write_record(&**output, renderer, notice),
            AnyOutput::Copies(output) => write_copy(&**output, renderer, notice),
        }
    }

    /// Flushes the buffers of the output.
    pub(crate) fn flush(&self, deadline: Duration) -> io::Result<()> {
        match self {
            AnyOutput::Lines(output) => call_contained(|| output.flush(deadline)),
            AnyOutput::Records(output) => call_contained(|| output.flush(deadline)),
            AnyOutput::Copies(_) => Ok(()),
        }
    }

    /// Brings all written bytes to the storage device, within `deadline`.
    pub(crate) fn sync(&self, deadline: Duration) -> io::Result<()> {
        match self {
            AnyOutput::Lines(output) => call_contained(|| output.sync(deadline)),
            AnyOutput::Records(_) | AnyOutput::Copies(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Opens the file of the output anew, within `deadline`.
    pub(crate) fn reopen(&self, deadline: Duration) -> io::Result<()> {
        match self {
            AnyOutput::Lines(output) => call_contained(|| output.reopen(deadline)),
            AnyOutput::Records(_) | AnyOutput::Copies(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Drops the output. Its `Drop` may panic, and the last view may be dropped at the end of a log call, which must not panic.
    pub(crate) fn close(&mut self) {
        let output = std::mem::replace(self, AnyOutput::Lines(Box::new(Null)));
        let _ = call_contained(|| {
            drop(output);
            Ok(())
        });
    }
}

/// Returns the error for an output called `name` whose file could not be opened anew.
#[cold]
pub(crate) fn reopen_error(name: &str, error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::Unsupported {
        return Error::new(ErrorKind::Open, format!("{name} cannot be opened anew: it is not a file that has a name"));
    }
    let message = format_args!("{name} cannot be opened anew, and is written to as before");
    Error::from_io(ErrorKind::Open, message, error)
}

/// Not inlined, so that lines, which most outputs take, pay nothing for it.
#[inline(never)]
fn write_record(output: &dyn RecordOutput, renderer: &Renderer, record: &Record<'_>) -> io::Result<()> {
    renderer.with_origin_of(record, |record| call_contained(|| output.write(record)))
}

#[inline(never)]
fn write_copy(output: &dyn CopyOutput, renderer: &Renderer, record: &Record<'_>) -> io::Result<()> {
    // Copied before `call_contained`, as a line is rendered before it: a `Debug` that logs is not inside the output.
    let copy = renderer.with_origin_of(record, |record| record.to_buf());
    call_contained(|| output.write(copy))
}
