//! The fallback: reports on stderr what no log can say, such as the failure of an output. It never fails or blocks its caller for long.
//!
//! The fallback takes no lock of a sink but that of stderr's lines, which it only tries. It writes to stderr's descriptor without std's lock,
//! waits only for a moment if stderr has no room, and cannot be re-entered by a value that it renders. It cuts long lines. It writes ten lines
//! a second at most of each [`Kind`], so that one kind cannot hide another. The [`Turn`] of an output makes sure that one output cannot hide
//! another. It counts the lines that it cannot write, and writes their number before the next line.
//!
//! Losses of single records are counted in `delivery`, which reports them here. Imports the rooms up to `bytes`.

use std::cell::Cell;
use std::fmt::{self, Write as _};
use std::io;
use std::time::Instant;

use crate::bytes::{ByteWriter, LineWriter, StandardStream};
use crate::format::{Format, Renderer, Screen, with_scratch};
use crate::limits::{FALLBACK_LINES, FALLBACK_LOCK, FALLBACK_WINDOW};
use crate::process::ForkLocal;
use crate::record::{OwnBound, Record, render_display};
use crate::sync::{AtomicU64, Mutex, Ordering};

/// How many bytes a pipe takes without blocking if it has room. It is `PIPE_BUF`, which POSIX makes at least 512.
const PIPE_ROOM: usize = 512;

mod message;

use message::Message;

static FALLBACK: ForkLocal<Fallback> = ForkLocal::new(Fallback::new(), |parents| {
    let own = Fallback::new();
    own.lost.store(parents.lost(), Ordering::Relaxed);
    own
});

/// What a line is about. Each kind has its own limit of lines a second.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// A failure, or a mistake of the program.
    Failure,
    /// A failure of an output that had no report for a while.
    FirstFailure,
    /// Records that were dropped because the program has chosen so.
    ChosenDrop,
    /// The same, for an output that had no report for a while.
    FirstChosenDrop,
    /// A record that was logged where it cannot be delivered.
    Record,
    /// A report of an outage that was refused and repeated. This kind has no limit: see `delivery::missing::reports`.
    Overdue,
}

const KINDS: usize = 6;

/// How the report of an outage competes with those of other outputs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Turn {
    /// The first report of the output in a [`FALLBACK_WINDOW`]. It has a limit that outputs which fail again and again do not use up.
    First,
    /// The output had another outage in this window.
    Repeated,
    /// The report was refused a window ago or more, and the outage lasts.
    Overdue,
}

impl Turn {
    fn kind(self, first: Kind, repeated: Kind) -> Kind {
        match self {
            Turn::First => first,
            Turn::Repeated => repeated,
            Turn::Overdue => Kind::Overdue,
        }
    }
}

/// Writes a line about a failure to stderr: `logscope: ` and `message`, with control characters escaped, and cut if it is long.
#[cold]
pub(crate) fn report(message: fmt::Arguments<'_>) {
    report_as(Kind::Failure, message);
}

/// Writes a line to stderr, as [`report`] does, about an outage of an output. False if the line is lost.
#[cold]
pub(crate) fn report_failure(turn: Turn, message: fmt::Arguments<'_>) -> bool {
    report_as(turn.kind(Kind::FirstFailure, Kind::Failure), message)
}

/// Writes a line to stderr, as [`report`] does, about records for an output that were dropped. False if the line is lost.
#[cold]
pub(crate) fn report_dropped(turn: Turn, message: fmt::Arguments<'_>) -> bool {
    report_as(turn.kind(Kind::FirstChosenDrop, Kind::ChosenDrop), message)
}

fn report_as(kind: Kind, message: fmt::Arguments<'_>) -> bool {
    FALLBACK.get().enter(|fallback| {
        let mut line = Message::new();
        // The `Display` of an error may be code of the program, and panic.
        render_display(&message, &mut OwnBound(&mut line));
        fallback.write(kind, Instant::now(), (StandardStream::Stderr.lines(), &mut stderr()), line.finish())
    })
}

/// Writes a record to stderr, in text, and cut if it is long. The record was logged where it cannot be delivered, such as inside an output.
#[cold]
pub(crate) fn report_record(record: &Record<'_>) {
    FALLBACK.get().enter(|fallback| {
        let renderer = Renderer::new(&Format::text(), Screen::None);
        with_scratch(|scratch| {
            let line = scratch.line(&renderer, record);
            let stderr = (StandardStream::Stderr.lines(), &mut stderr());
            fallback.write(Kind::Record, Instant::now(), stderr, Message::of_line(line).finish())
        })
    });
}

/// Returns how many lines the fallback could not write to stderr.
///
/// ```
/// assert_eq!(logscope::sink::fallback_lost(), 0);
/// ```
///
/// The fallback reports on stderr that an output fails, and writes there the records that are logged inside an output. It loses a line if
/// there were more than ten of its kind in a second, if stderr did not take the line, or if another thread stood in a write to stderr, also
/// of a record. The kinds are failures, records that a full queue drops, and records that are logged inside outputs; of the first two, the
/// first line of each output in a second is a kind of its own. If the report of an outage is lost, the next record that is lost a second later
/// or more repeats it, and no limit holds for it then. A line that is longer than 1 KiB is cut.
///
/// The count is that of this process. The [ledgers](crate::sink::Ledger) count the records themselves all the same.
pub fn fallback_lost() -> u64 {
    FALLBACK.get().lost()
}

struct Fallback {
    state: Mutex<FallbackState>,
    lost: AtomicU64,
}

struct FallbackState {
    /// For each kind, how many lines it had since the start of its window.
    windows: [Option<(Instant, u32)>; KINDS],
    /// How many of the lost lines have been reported.
    lost_reported: u64,
}

thread_local! {
    /// True while this thread is in the fallback. A value that the fallback renders may log.
    static REPORTING: Cell<bool> = const { Cell::new(false) };
}

impl Fallback {
    const fn new() -> Self {
        let state = FallbackState { windows: [None; KINDS], lost_reported: 0 };
        Fallback { state: Mutex::new(state), lost: AtomicU64::new(0) }
    }

    /// Calls `report`, unless this thread is in the fallback already. True if the line is written.
    fn enter(&self, report: impl FnOnce(&Fallback) -> bool) -> bool {
        struct Leave;
        impl Drop for Leave {
            fn drop(&mut self) {
                REPORTING.set(false);
            }
        }
        if REPORTING.replace(true) {
            return self.count_lost();
        }
        let _leave = Leave;
        report(self)
    }

    /// Writes `line` to `stderr` under the lock of its lines, after the number of lost lines, if there are any. True if it is written.
    fn write(
        &self,
        kind: Kind,
        now: Instant,
        (lines, stderr): (&Mutex<LineWriter>, &mut impl ByteWriter),
        line: &[u8],
    ) -> bool {
        #[cfg(test)]
        if captured(line) {
            return true;
        }
        // Another thread may stand in a write to stderr: of a line from here, or of a record.
        let deadline = Instant::now() + FALLBACK_LOCK;
        let Some(mut state) = self.state.try_lock_until(deadline) else { return self.count_lost() };
        let state = &mut *state;
        if !state.admits(kind, now) {
            return self.count_lost();
        }
        let Some(mut lines) = lines.try_lock_until(deadline) else { return self.count_lost() };
        match self.report_lost(state, &mut lines, stderr).and_then(|()| lines.write(stderr, line)) {
            Ok(()) => true,
            Err(_lost) => self.count_lost(),
        }
    }

    fn report_lost(
        &self,
        state: &mut FallbackState,
        lines: &mut LineWriter,
        stderr: &mut impl ByteWriter,
    ) -> io::Result<()> {
        let lost = self.lost();
        if lost > state.lost_reported {
            let mut line = Message::new();
            let _ = write!(line, "and {} more lines, which are not shown", lost - state.lost_reported);
            lines.write(stderr, line.finish())?;
            state.lost_reported = lost;
        }
        Ok(())
    }

    /// Counts a line that is not written, and returns false.
    fn count_lost(&self) -> bool {
        // Relaxed: a count, by which no other data is read.
        self.lost.fetch_add(1, Ordering::Relaxed);
        false
    }

    fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl FallbackState {
    /// Counts a line of this kind that is to be written at `now`. True if the limit of lines per second allows it.
    fn admits(&mut self, kind: Kind, now: Instant) -> bool {
        let window = &mut self.windows[kind as usize];
        let (_, lines) = match window {
            Some(window) if now.saturating_duration_since(window.0) < FALLBACK_WINDOW => window,
            _ => window.insert((now, 0)),
        };
        *lines = lines.saturating_add(1);
        kind == Kind::Overdue || *lines <= FALLBACK_LINES
    }
}

/// Writes to stderr, a few bytes at a time, and only when it has room.
#[cfg(unix)]
struct Stderr;

#[cfg(unix)]
fn stderr() -> Stderr {
    Stderr
}

#[cfg(unix)]
impl ByteWriter for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let stderr = rustix::stdio::stderr();
        if !crate::bytes::is_writable(stderr, std::time::Duration::ZERO) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        rustix::io::write(stderr, &bytes[..bytes.len().min(PIPE_ROOM)]).map_err(io::Error::from)
    }

    fn wait_for_room(&mut self, deadline: Instant) -> bool {
        let now = Instant::now();
        crate::bytes::is_writable(
            rustix::stdio::stderr(),
            deadline.saturating_duration_since(now).min(crate::limits::FALLBACK_WRITABLE),
        )
    }
}

#[cfg(not(unix))]
struct Stderr(io::Stderr);

#[cfg(not(unix))]
fn stderr() -> Stderr {
    Stderr(io::stderr())
}

#[cfg(not(unix))]
impl ByteWriter for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::Write::write(&mut self.0, &bytes[..bytes.len().min(PIPE_ROOM)])
    }

    fn wait_for_room(&mut self, _: Instant) -> bool {
        false
    }
}

#[cfg(test)]
thread_local! {
    static CAPTURED: std::cell::RefCell<Option<Vec<String>>> = const { std::cell::RefCell::new(None) };
}

#[cfg(test)]
fn captured(line: &[u8]) -> bool {
    CAPTURED.with_borrow_mut(|lines| {
        let Some(lines) = lines else { return false };
        lines.push(String::from_utf8_lossy(line).into_owned());
        true
    })
}

/// Calls `f`, and returns the lines that the fallback would have written to stderr on this thread meanwhile.
#[cfg(test)]
pub(crate) fn capture_reports<R>(f: impl FnOnce() -> R) -> (R, Vec<String>) {
    CAPTURED.set(Some(Vec::new()));
    let result = f();
    (result, CAPTURED.take().unwrap_or_default())
}

#[cfg(test)]
mod tests;
