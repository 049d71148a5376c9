//! What is known of a program that has ended.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use super::records::{How, Program};

/// Says how a program has ended, and what it printed; from [`Run`](super::Run).
///
/// ```
/// # #[cfg(unix)] {
/// use std::process::Command;
///
/// let uno = logscope::OutputContext::builder("uno").sink(logscope::sink::null()).build();
/// let revision = uno.run(Command::new("echo").arg("4f3a9c2")).capture(true).wait()?.check()?;
/// assert_eq!(revision.stdout.text().trim(), "4f3a9c2");
///
/// let finished = uno.run(Command::new("sh").args(["-c", "exit 3"])).wait()?;
/// assert!(!finished.success());
/// assert_eq!(finished.status.code(), Some(3));
/// assert_eq!(finished.check().unwrap_err().to_string(), "sh failed (exit status: 3)");
/// # }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Finished {
    /// The exit status: an exit code or, on Unix, the signal that ended the program.
    pub status: ExitStatus,
    /// How long the program ran.
    pub duration: Duration,
    /// How many lines of its output became records.
    pub lines: u64,
    /// True if the program took longer than its [timeout](super::Run::timeout), and was ended.
    pub timed_out: bool,
    /// True if another process still held the output open when the program had ended, and [`linger`](super::Run::linger) was over.
    pub left_open: bool,
    /// What the program printed on stdout, or on both streams if they were [merged](super::Run::merged). Empty unless
    /// [captured](super::Run::capture).
    pub stdout: Captured,
    /// What the program printed on stderr. Empty unless captured, and if the streams were merged.
    pub stderr: Captured,
    pub(super) program: Program,
    /// How long the program was given, if that was not enough.
    pub(super) timeout: Option<Duration>,
}

impl Finished {
    /// Returns true if the program has exited with success, in time.
    #[must_use]
    pub fn success(&self) -> bool {
        self.status.success() && !self.timed_out
    }

    /// Returns itself after a success.
    ///
    /// # Errors
    ///
    /// If the program has failed, was ended by a signal, or took too long. The error says which, and names the program.
    pub fn check(self) -> io::Result<Finished> {
        if self.success() {
            return Ok(self);
        }
        let kind = if self.timed_out { io::ErrorKind::TimedOut } else { io::ErrorKind::Other };
        Err(io::Error::new(kind, self.to_string()))
    }
}

/// The name of the program, and how it has ended: `rustc failed (exit status: 1)`.
impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.program.name, How { status: self.status, timeout: self.timeout })
    }
}

/// Holds what a program has printed on one stream, up to a limit; in [`Finished`].
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Captured {
    bytes: Vec<u8>,
    missing: u64,
}

impl Captured {
    /// Returns what was printed, as it was printed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns what was printed as text. Bytes that are no UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// Returns how many bytes were printed after the limit was reached, and are not here.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.missing
    }

    pub(super) fn push(&mut self, bytes: &[u8], limit: usize) {
        let room = limit.saturating_sub(self.bytes.len()).min(bytes.len());
        self.bytes.extend_from_slice(&bytes[..room]);
        self.missing += (bytes.len() - room) as u64;
    }
}

impl fmt::Debug for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Captured").field("text", &self.text()).field("missing", &self.missing).finish()
    }
}
