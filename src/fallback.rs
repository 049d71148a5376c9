//! The fallback: reports on stderr what no log can say, such as the failure of an output. It never fails or blocks its caller for long.
//!
//! The fallback takes no lock of a sink, writes to stderr's descriptor without std's lock, waits only for a moment if stderr has no room, and
//! cannot be re-entered by a value that it renders. It writes ten lines a second at most. It counts the lines that it cannot write, and
//! writes their number before the next line.
//!
//! Losses of single records are counted in `delivery`, which reports them here. Imports the rooms up to `bytes`.

use std::cell::Cell;
use std::fmt::{self, Write as _};
use std::io;
use std::time::Instant;

use crate::bytes::{ByteWriter, LineWriter, StandardStream};
use crate::format::escape::is_escaped;
use crate::format::{Format, Renderer, Screen, with_scratch};
use crate::limits::{FALLBACK_LINES, FALLBACK_LOCK, FALLBACK_WINDOW};
use crate::process::is_forked;
use crate::record::{Record, render_display};
use crate::sync::{AtomicU64, Mutex, MutexGuard, Ordering};

/// The most bytes of a report. A longer one is cut.
const MAX_MESSAGE: usize = 1024;
/// How many bytes a pipe takes without blocking if it has room. It is `PIPE_BUF`, which POSIX makes at least 512.
const PIPE_ROOM: usize = 512;

static FALLBACK: Fallback = Fallback::new(LineWriter::stream(StandardStream::Stderr));

/// Writes a line to stderr: `logscope: ` and `message`, with control characters escaped, and cut if it is long.
#[cold]
pub(crate) fn report(message: fmt::Arguments<'_>) {
    FALLBACK.enter(|fallback| {
        let mut line = Message::new();
        // The `Display` of an error may be code of the program, and panic.
        render_display(&message, &mut line);
        fallback.write(Instant::now(), &mut stderr(), line.finish());
    });
}

/// Writes a record to stderr, in text. The record was logged where it cannot be delivered, such as inside an output.
#[cold]
pub(crate) fn report_record(record: &Record<'_>) {
    FALLBACK.enter(|fallback| {
        with_scratch(|scratch| {
            let line = scratch.line(&Renderer::new(&Format::text(), Screen::None), record);
            fallback.write(Instant::now(), &mut stderr(), line);
        });
    });
}

/// Returns how many lines the fallback could not write to stderr.
///
/// ```
/// assert_eq!(logscope::sink::fallback_lost(), 0);
/// ```
///
/// The fallback reports on stderr that an output fails, and writes there the records that are logged inside an output. It loses a line if
/// there were more than ten in a second, or if stderr did not take the line. The count is that of this process. The
/// [ledgers](crate::sink::Outcome) count the records themselves all the same.
pub fn fallback_lost() -> u64 {
    FALLBACK.lost()
}

struct Fallback {
    state: Mutex<FallbackState>,
    lost: AtomicU64,
}

struct FallbackState {
    lines: LineWriter,
    window_start: Option<Instant>,
    lines_in_window: u32,
    /// How many of the lost lines have been reported.
    lost_reported: u64,
}

thread_local! {
    /// True while this thread is in the fallback. A value that the fallback renders may log.
    static REPORTING: Cell<bool> = const { Cell::new(false) };
}

impl Fallback {
    const fn new(lines: LineWriter) -> Self {
        let state = FallbackState { lines, window_start: None, lines_in_window: 0, lost_reported: 0 };
        Fallback { state: Mutex::new(state), lost: AtomicU64::new(0) }
    }

    /// Calls `report`, unless this thread is in the fallback already.
    fn enter(&self, report: impl FnOnce(&Fallback)) {
        struct Leave;
        impl Drop for Leave {
            fn drop(&mut self) {
                REPORTING.set(false);
            }
        }
        if REPORTING.replace(true) {
            self.count_lost();
            return;
        }
        let _leave = Leave;
        report(self);
    }

    /// Writes `line`, after the number of lost lines, if there are any.
    fn write(&self, now: Instant, stderr: &mut impl ByteWriter, line: &[u8]) {
        #[cfg(test)]
        if captured(line) {
            return;
        }
        let Some(mut state) = self.lock() else { return self.count_lost() };
        let state = &mut *state;
        if !state.admits(now) {
            self.count_lost();
            return;
        }
        if let Err(_lost) = self.report_lost(state, stderr).and_then(|()| state.lines.write(stderr, line)) {
            self.count_lost();
        }
    }

    /// `None` in a forked child that cannot have the lock soon: a thread that only the parent has may hold it for ever.
    fn lock(&self) -> Option<MutexGuard<'_, FallbackState>> {
        if is_forked() { self.state.try_lock_for(FALLBACK_LOCK) } else { Some(self.state.lock()) }
    }

    fn report_lost(&self, state: &mut FallbackState, stderr: &mut impl ByteWriter) -> io::Result<()> {
        let lost = self.lost();
        if lost > state.lost_reported {
            let mut line = Message::new();
            let _ = write!(line, "and {} more lines, which are not shown", lost - state.lost_reported);
            state.lines.write(stderr, line.finish())?;
            state.lost_reported = lost;
        }
        Ok(())
    }

    fn count_lost(&self) {
        // Relaxed: a count, by which no other data is read.
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl FallbackState {
    /// Counts a line that is to be written at `now`. True if the limit of lines per second allows it.
    fn admits(&mut self, now: Instant) -> bool {
        if self.window_start.is_none_or(|start| now.saturating_duration_since(start) >= FALLBACK_WINDOW) {
            self.window_start = Some(now);
            self.lines_in_window = 0;
        }
        self.lines_in_window += 1;
        self.lines_in_window <= FALLBACK_LINES
    }
}

/// A line of bounded length, built without allocating.
struct Message {
    bytes: [u8; MAX_MESSAGE],
    len: usize,
    cut: bool,
}

impl Message {
    const PREFIX: &str = "logscope: ";
    const CUT: &str = "…\n";

    fn new() -> Self {
        let mut message = Message { bytes: [0; MAX_MESSAGE], len: 0, cut: false };
        message.push(Message::PREFIX);
        message
    }

    /// Appends `text`. If there is no room for all of it, appends nothing, now and later.
    fn push(&mut self, text: &str) {
        let end = self.len + text.len();
        if self.cut || end > MAX_MESSAGE - Message::CUT.len() {
            self.cut = true;
            return;
        }
        self.bytes[self.len..end].copy_from_slice(text.as_bytes());
        self.len = end;
    }

    fn finish(&mut self) -> &[u8] {
        let last = if self.cut { Message::CUT } else { "\n" };
        let end = self.len + last.len();
        self.bytes[self.len..end].copy_from_slice(last.as_bytes());
        &self.bytes[..end]
    }
}

impl fmt::Write for Message {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for char in text.chars() {
            // `escape_debug` escapes characters that control a terminal or reverse the direction of text. It also escapes quotes, which we
            // do not want, and leaves some invisible characters, which we escape.
            if char.is_ascii_graphic() || char == ' ' {
                self.push(char.encode_utf8(&mut [0; 4]));
            } else if !char.is_control() && is_escaped(char) {
                for escaped in char.escape_unicode() {
                    self.push(escaped.encode_utf8(&mut [0; 4]));
                }
            } else {
                for escaped in char.escape_debug() {
                    self.push(escaped.encode_utf8(&mut [0; 4]));
                }
            }
        }
        Ok(())
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
mod tests {
    use super::*;
    use crate::bytes::IoWriter;
    use crate::bytes::scripted::{Scripted, Step};
    use crate::sink::test_support::with_record;

    fn write(fallback: &Fallback, now: Instant, stderr: &Scripted, line: &str) {
        fallback.enter(|fallback| fallback.write(now, &mut IoWriter::new(&mut stderr.clone()), line.as_bytes()));
    }

    #[test]
    fn a_flood_is_cut_and_the_number_of_lost_lines_reported() {
        let (fallback, stderr, start) = (Fallback::new(LineWriter::default()), Scripted::default(), Instant::now());
        for _ in 0..FALLBACK_LINES + 5 {
            write(&fallback, start, &stderr, "flood\n");
        }
        assert_eq!(stderr.text(), "flood\n".repeat(FALLBACK_LINES as usize));
        assert_eq!(fallback.lost(), 5);
        write(&fallback, start + FALLBACK_WINDOW, &stderr, "later\n");
        let flood = "flood\n".repeat(FALLBACK_LINES as usize);
        assert_eq!(stderr.text(), format!("{flood}logscope: and 5 more lines, which are not shown\nlater\n"));
        write(&fallback, start + FALLBACK_WINDOW, &stderr, "again\n");
        assert!(stderr.text().ends_with("later\nagain\n"), "a lost line is reported once");
    }

    #[test]
    fn lines_that_stderr_refuses_are_counted_and_reported() {
        let (fallback, stderr) =
            (Fallback::new(LineWriter::default()), Scripted::new([Step::Full, Step::Short(3), Step::Full]));
        for line in ["one\n", "two\n", "three\n"] {
            write(&fallback, Instant::now(), &stderr, line);
        }
        assert_eq!(fallback.lost(), 2);
        assert_eq!(stderr.text(), "log\nlogscope: and 2 more lines, which are not shown\nthree\n");
    }

    #[test]
    fn a_value_that_reports_does_not_re_enter_the_fallback() {
        struct Reports;
        impl fmt::Display for Reports {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                report(format_args!("from inside"));
                f.write_str("whole")
            }
        }
        let ((), reports) = capture_reports(|| report(format_args!("{Reports}")));
        assert_eq!(reports, ["logscope: whole\n"]);
        // A fallback of its own: other tests lose lines of the process's.
        let fallback = Fallback::new(LineWriter::default());
        fallback.enter(|fallback| fallback.enter(|_| panic!("the fallback is re-entered")));
        assert_eq!(fallback.lost(), 1);
        fallback.enter(|fallback| fallback.count_lost());
        assert_eq!(fallback.lost(), 2, "the fallback is left");
    }

    #[test]
    fn messages_are_escaped_and_cut() {
        let ((), reports) = capture_reports(|| {
            report(format_args!("a \u{1b}[31m\n\u{202e}\u{3164}\"ä…\""));
            report(format_args!("{}", "x".repeat(5_000)));
        });
        assert_eq!(reports[0], "logscope: a \\u{1b}[31m\\n\\u{202e}\\u{3164}\"ä…\"\n");
        assert!(reports[1].ends_with("x…\n") && reports[1].len() <= MAX_MESSAGE);
    }

    #[test]
    fn records_are_written_as_text() {
        let ((), reports) = capture_reports(|| with_record(3, report_record));
        assert_eq!(reports.len(), 1);
        assert!(reports[0].ends_with('\n'));
    }
}
