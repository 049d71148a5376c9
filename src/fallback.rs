//! The last resort: what cannot be said in a log is said on stderr, on a path that cannot fail its caller.
//!
//! It takes no lock of a sink's, goes past std's stderr, does not wait for a reader who does not read, and cannot be re-entered
//! by what it renders. What it cannot say it counts, and says the count when it can speak again.

use std::cell::Cell;
use std::fmt::{self, Write as _};
use std::io;
use std::time::{Duration, Instant};

use crate::bytes::{ByteWriter, LineWriter};
use crate::format::escape::is_escaped;
use crate::format::{Format, Renderer, Screen, with_scratch};
use crate::limits::{FALLBACK_LINES, FALLBACK_LOCK, FALLBACK_WINDOW, FALLBACK_WRITABLE};
use crate::process::is_forked;
use crate::record::{Record, render_display};
use crate::sync::{AtomicU64, Mutex, MutexGuard, Ordering};

/// Where a message is cut, in bytes.
const MAX_MESSAGE: usize = 1024;
/// How many bytes a pipe that has room takes without blocking: at least `PIPE_BUF`, which is nowhere less than this.
const ROOM: usize = 512;

static FALLBACK: Fallback = Fallback::new(LineWriter::stderr());

/// Says one line on stderr: `logscope: ` and `message`, control characters escaped, cut where it gets long.
#[cold]
pub(crate) fn tell(message: fmt::Arguments<'_>) {
    FALLBACK.guarded(|fallback| {
        let mut line = Message::new();
        // An error's `Display` may be a program's own, and panic.
        render_display(&message, &mut line);
        fallback.say(Instant::now(), &mut stderr_port(), line.finish());
    });
}

/// Says a record on stderr, in text: one that was logged where it cannot be delivered, such as inside an output.
#[cold]
pub(crate) fn record(record: &Record<'_>) {
    FALLBACK.guarded(|fallback| {
        with_scratch(|scratch| {
            let line = scratch.line(&Renderer::new(&Format::text(), Screen::None), record);
            fallback.say(Instant::now(), &mut stderr_port(), line);
        });
    });
}

/// How many lines logscope could not say on stderr, its fallback, in this process: there were more than ten in a second, or stderr
/// did not take them.
///
/// The fallback tells of an output that fails, and takes what is logged inside an output. The records themselves are in the
/// [ledgers](crate::sink::Outcome) all the same.
///
/// ```
/// assert_eq!(logscope::sink::fallback_lost(), 0);
/// ```
pub fn fallback_lost() -> u64 {
    FALLBACK.lost()
}

struct Fallback {
    state: Mutex<FallbackState>,
    lost: AtomicU64,
}

struct FallbackState {
    end: LineWriter,
    window_start: Option<Instant>,
    said_in_window: u32,
    /// How much of `lost` has been stated.
    stated: u64,
}

thread_local! {
    /// True while this thread is in the fallback: what it renders may log.
    static SPEAKING: Cell<bool> = const { Cell::new(false) };
}

impl Fallback {
    const fn new(end: LineWriter) -> Self {
        let state = FallbackState { end, window_start: None, said_in_window: 0, stated: 0 };
        Fallback { state: Mutex::new(state), lost: AtomicU64::new(0) }
    }

    /// Calls `speak` unless this thread is speaking already.
    fn guarded(&self, speak: impl FnOnce(&Fallback)) {
        struct Silence;
        impl Drop for Silence {
            fn drop(&mut self) {
                SPEAKING.set(false);
            }
        }
        if SPEAKING.replace(true) {
            self.lose();
            return;
        }
        let _silence = Silence;
        speak(self);
    }

    fn say(&self, now: Instant, port: &mut impl ByteWriter, line: &[u8]) {
        #[cfg(test)]
        if overheard(line) {
            return;
        }
        let Some(mut state) = self.lock() else { return self.lose() };
        let state = &mut *state;
        if !state.admits(now) {
            self.lose();
            return;
        }
        if let Err(_unsaid) = self.state_losses(state, port).and_then(|()| state.end.write(port, line)) {
            self.lose();
        }
    }

    /// In a forked child it may be held for ever, by a thread that is not there: `None` where it looks so.
    fn lock(&self) -> Option<MutexGuard<'_, FallbackState>> {
        if is_forked() { self.state.try_lock_for(FALLBACK_LOCK) } else { Some(self.state.lock()) }
    }

    fn state_losses(&self, state: &mut FallbackState, port: &mut impl ByteWriter) -> io::Result<()> {
        let lost = self.lost();
        if lost > state.stated {
            let mut line = Message::new();
            let _ = write!(line, "and {} more lines, which are not shown", lost - state.stated);
            state.end.write(port, line.finish())?;
            state.stated = lost;
        }
        Ok(())
    }

    fn lose(&self) {
        // Relaxed: a count, and nothing else is read by it.
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl FallbackState {
    /// True if a line may be said at `now`.
    fn admits(&mut self, now: Instant) -> bool {
        if self.window_start.is_none_or(|start| now.saturating_duration_since(start) >= FALLBACK_WINDOW) {
            self.window_start = Some(now);
            self.said_in_window = 0;
        }
        self.said_in_window += 1;
        self.said_in_window <= FALLBACK_LINES
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

    /// Appends `text` whole, or nothing of it from here on.
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
            // `escape_debug` escapes what controls a terminal or turns text round, but quotes too, and not all that is unseen.
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

/// stderr, a little at a time and only when it has room.
#[cfg(unix)]
struct Stderr;

#[cfg(unix)]
fn stderr_port() -> Stderr {
    Stderr
}

#[cfg(unix)]
impl ByteWriter for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let stderr = rustix::stdio::stderr();
        if !crate::bytes::is_writable(stderr, Duration::ZERO) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        rustix::io::write(stderr, &bytes[..bytes.len().min(ROOM)]).map_err(io::Error::from)
    }

    fn wait_for_room(&mut self, deadline: Instant) -> bool {
        let now = Instant::now();
        crate::bytes::is_writable(
            rustix::stdio::stderr(),
            deadline.saturating_duration_since(now).min(FALLBACK_WRITABLE),
        )
    }
}

#[cfg(not(unix))]
struct Stderr(io::Stderr);

#[cfg(not(unix))]
fn stderr_port() -> Stderr {
    Stderr(io::stderr())
}

#[cfg(not(unix))]
impl ByteWriter for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::Write::write(&mut self.0, &bytes[..bytes.len().min(ROOM)])
    }

    fn wait_for_room(&mut self, _: Instant) -> bool {
        false
    }
}

#[cfg(test)]
thread_local! {
    static OVERHEARD: std::cell::RefCell<Option<Vec<String>>> = const { std::cell::RefCell::new(None) };
}

#[cfg(test)]
fn overheard(line: &[u8]) -> bool {
    OVERHEARD.with_borrow_mut(|lines| {
        let Some(lines) = lines else { return false };
        lines.push(String::from_utf8_lossy(line).into_owned());
        true
    })
}

/// What the fallback was given to say on this thread while `f` ran, in place of stderr.
#[cfg(test)]
pub(crate) fn overhear<R>(f: impl FnOnce() -> R) -> (R, Vec<String>) {
    OVERHEARD.set(Some(Vec::new()));
    let result = f();
    (result, OVERHEARD.take().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::IoWriter;
    use crate::bytes::scripted::{Scripted, Step};
    use crate::sink::test_support::with_record;

    fn say(fallback: &Fallback, now: Instant, port: &Scripted, line: &str) {
        fallback.guarded(|fallback| fallback.say(now, &mut IoWriter::new(&mut port.clone()), line.as_bytes()));
    }

    #[test]
    fn a_flood_is_cut_and_its_size_stated() {
        let (fallback, port, start) = (Fallback::new(LineWriter::default()), Scripted::default(), Instant::now());
        for _ in 0..FALLBACK_LINES + 5 {
            say(&fallback, start, &port, "flood\n");
        }
        assert_eq!(port.text(), "flood\n".repeat(FALLBACK_LINES as usize));
        assert_eq!(fallback.lost(), 5);
        say(&fallback, start + FALLBACK_WINDOW, &port, "later\n");
        let flood = "flood\n".repeat(FALLBACK_LINES as usize);
        assert_eq!(port.text(), format!("{flood}logscope: and 5 more lines, which are not shown\nlater\n"));
        say(&fallback, start + FALLBACK_WINDOW, &port, "again\n");
        assert!(port.text().ends_with("later\nagain\n"), "a loss is stated once");
    }

    #[test]
    fn what_stderr_refuses_is_counted_and_stated() {
        let (fallback, port) =
            (Fallback::new(LineWriter::default()), Scripted::new([Step::Full, Step::Short(3), Step::Full]));
        for line in ["one\n", "two\n", "three\n"] {
            say(&fallback, Instant::now(), &port, line);
        }
        assert_eq!(fallback.lost(), 2);
        assert_eq!(port.text(), "log\nlogscope: and 2 more lines, which are not shown\nthree\n");
    }

    #[test]
    fn it_is_not_re_entered() {
        struct Tells;
        impl fmt::Display for Tells {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                tell(format_args!("from inside"));
                f.write_str("whole")
            }
        }
        let before = fallback_lost();
        let ((), told) = overhear(|| tell(format_args!("{Tells}")));
        assert_eq!(told, ["logscope: whole\n"]);
        assert!(fallback_lost() > before);
    }

    #[test]
    fn messages_are_escaped_and_cut() {
        let ((), told) = overhear(|| {
            tell(format_args!("a \u{1b}[31m\n\u{202e}\u{3164}\"ä…\""));
            tell(format_args!("{}", "x".repeat(5_000)));
        });
        assert_eq!(told[0], "logscope: a \\u{1b}[31m\\n\\u{202e}\\u{3164}\"ä…\"\n");
        assert!(told[1].ends_with("x…\n") && told[1].len() <= MAX_MESSAGE);
    }

    #[test]
    fn records_are_said_in_text() {
        let ((), told) = overhear(|| with_record(3, record));
        assert_eq!(told.len(), 1);
        assert!(told[0].ends_with('\n'));
    }
}
