//! The process's standard streams, and the one lock that each has for its lines.
//!
//! Several outputs write to one stream: its sink, files that are the stream (`/dev/stdout`, the file that it is redirected to) and, for stderr,
//! the fallback. A line may take several `write`s, and the end of a stream may be in the middle of a line. So whoever writes a line to a
//! stream holds the lock of its [`LineWriter`] meanwhile: no line gets into another, and the next one begins after the `\n` of the last.
//!
//! Under the lock there are system calls only, no code of the program. A `write` may stand still, as long as the reader of the stream does. An
//! output of its own waits for it, as it would in its own `write`. The fallback only tries the lock, and a file leaves the lock once its
//! stream has become another file. A forked child has locks of its own, since a thread that only the parent has may hold the parent's.

use super::LineWriter;
use crate::process::ForkLocal;
use crate::sync::Mutex;

/// A standard stream of the process that can be written to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum StandardStream {
    Stdout,
    Stderr,
}

type Lines = ForkLocal<Mutex<LineWriter>>;

const fn new_lines() -> Lines {
    ForkLocal::new(Mutex::new(LineWriter::new(false)), |parents| {
        // Whoever of the parent is in the middle of a line ends it.
        Mutex::new(parents.try_lock().map_or(LineWriter::new(false), |lines| *lines))
    })
}

impl StandardStream {
    /// Returns the state of the stream's lines, under the lock that all hold that write to the stream.
    pub(crate) fn lines(self) -> &'static Mutex<LineWriter> {
        static STDOUT: Lines = new_lines();
        static STDERR: Lines = new_lines();
        match self {
            StandardStream::Stdout => STDOUT.get(),
            StandardStream::Stderr => STDERR.get(),
        }
    }
}
