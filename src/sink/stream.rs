//! The process's standard streams, past std's buffers and locks.
//!
//! std's `Stdout` keeps what it could not write and comes back with it later, takes a closed stream for a success, and holds a
//! lock that a caller may be holding. So on Unix the bytes go straight to the descriptor.

use std::io::{self, IsTerminal};

use super::delivery::{Core, Target};
use super::whole::Whole;
use super::{Output, Sink};
use crate::sync::{Arc, Mutex, OnceLock};

/// The process's standard output. All views share one output.
///
/// On Unix the bytes go past std's buffer: what was `print!`ed without a `\n` appears after the lines that are logged before
/// its `\n` comes, unless it is flushed. (To a terminal or not, std's stdout is buffered by line.)
///
/// ```
/// let console = logscope::sink::stdout().format(logscope::Format::build());
/// assert_eq!(console.to_string(), "stdout");
/// ```
pub fn stdout() -> Sink {
    static STDOUT: OnceLock<Arc<Core>> = OnceLock::new();
    Sink::on(Stream::core(&STDOUT, Descriptor::Stdout))
}

/// The process's standard error. All views share one output.
///
/// ```
/// let console = logscope::sink::stderr().max_level(logscope::LevelFilter::WARN);
/// assert_eq!(console.to_string(), "stderr");
/// ```
pub fn stderr() -> Sink {
    static STDERR: OnceLock<Arc<Core>> = OnceLock::new();
    Sink::on(Stream::core(&STDERR, Descriptor::Stderr))
}

#[derive(Clone, Copy)]
enum Descriptor {
    Stdout,
    Stderr,
}

struct Stream {
    descriptor: Descriptor,
    end: Mutex<Whole>,
}

impl Stream {
    fn core(place: &OnceLock<Arc<Core>>, descriptor: Descriptor) -> Arc<Core> {
        let stream = || Stream { descriptor, end: Mutex::new(Whole::default()) };
        Arc::clone(place.get_or_init(|| Arc::new(Core::new(Target::Lines(Box::new(stream()))))))
    }
}

impl Output for Stream {
    #[cfg(unix)]
    fn write(&self, line: &[u8]) -> io::Result<()> {
        let fd = match self.descriptor {
            Descriptor::Stdout => rustix::stdio::stdout(),
            Descriptor::Stderr => rustix::stdio::stderr(),
        };
        self.end.lock().write(&mut super::whole::Fd(fd), line)
    }

    #[cfg(not(unix))]
    fn write(&self, line: &[u8]) -> io::Result<()> {
        use super::whole::Through;
        use io::Write as _;

        let mut end = self.end.lock();
        match self.descriptor {
            Descriptor::Stdout => {
                let mut stdout = io::stdout().lock();
                end.write(&mut Through::new(&mut stdout), line)?;
                stdout.flush()
            }
            Descriptor::Stderr => end.write(&mut Through::new(&mut io::stderr().lock()), line),
        }
    }

    fn is_terminal(&self) -> bool {
        match self.descriptor {
            Descriptor::Stdout => io::stdout().is_terminal(),
            Descriptor::Stderr => io::stderr().is_terminal(),
        }
    }

    fn describe(&self) -> String {
        String::from(match self.descriptor {
            Descriptor::Stdout => "stdout",
            Descriptor::Stderr => "stderr",
        })
    }
}
