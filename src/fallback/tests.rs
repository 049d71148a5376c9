use super::message::MAX_MESSAGE;
use super::*;
use crate::bytes::IoWriter;
use crate::bytes::scripted::{Scripted, Step};
use crate::sink::test_support::with_record;

/// A fallback whose lines go to a writer of the test.
struct Tested {
    fallback: Fallback,
    lines: Mutex<LineWriter>,
}

impl Tested {
    fn new() -> Self {
        Tested { fallback: Fallback::new(), lines: Mutex::default() }
    }

    fn lost(&self) -> u64 {
        self.fallback.lost()
    }
}

fn write(tested: &Tested, now: Instant, stderr: &Scripted, line: &str) {
    write_as(Kind::Failure, tested, now, stderr, line);
}

fn write_as(kind: Kind, tested: &Tested, now: Instant, stderr: &Scripted, line: &str) {
    let mut stderr = stderr.clone();
    write_to(kind, tested, now, &mut IoWriter::new(&mut stderr), line);
}

fn write_to(kind: Kind, tested: &Tested, now: Instant, stderr: &mut impl ByteWriter, line: &str) {
    tested.fallback.enter(|fallback| fallback.write(kind, now, (&tested.lines, stderr), line.as_bytes()));
}

#[test]
fn one_kind_of_lines_does_not_hide_another() {
    let (fallback, stderr, start) = (Tested::new(), Scripted::default(), Instant::now());
    for kind in [Kind::ChosenDrop, Kind::Record] {
        for _ in 0..FALLBACK_LINES + 5 {
            write_as(kind, &fallback, start, &stderr, "flood\n");
        }
    }
    write(&fallback, start, &stderr, "no space left\n");
    assert!(stderr.text().ends_with("no space left\n"), "{}", stderr.text());
    assert_eq!(fallback.lost(), 10);
}

/// A record is being written to stderr by another thread, which stands still.
#[test]
fn nobody_waits_for_a_record_that_is_being_written() {
    let (fallback, stderr) = (Tested::new(), Scripted::default());
    let (sender, ended) = std::sync::mpsc::channel();
    let writing = fallback.lines.lock();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            write(&fallback, Instant::now(), &stderr, "one\n");
            sender.send(()).unwrap();
        });
        let ended = ended.recv_timeout(std::time::Duration::from_secs(10));
        drop(writing);
        ended.expect("it waits for the record");
    });
    assert_eq!((fallback.lost(), stderr.text().as_str()), (1, ""));
}

/// As many outages a second as there may be, of outputs that fail again and again, of new outputs, and then of one more.
#[test]
fn a_failure_of_one_output_does_not_hide_that_of_another() {
    let (fallback, stderr, start) = (Tested::new(), Scripted::default(), Instant::now());
    let write = |turn: Turn, line: &str| {
        let before = fallback.lost();
        write_as(turn.kind(Kind::FirstFailure, Kind::Failure), &fallback, start, &stderr, line);
        fallback.lost() == before
    };
    for n in 0..FALLBACK_LINES + 5 {
        assert_eq!(write(Turn::Repeated, "again\n"), n < FALLBACK_LINES);
    }
    for n in 0..FALLBACK_LINES + 5 {
        assert_eq!(write(Turn::First, "first\n"), n < FALLBACK_LINES, "new outputs have a limit, too");
    }
    assert!(write(Turn::Overdue, "no space left\n"));
    assert!(stderr.text().ends_with("no space left\n"), "{}", stderr.text());
}

/// One thread stands in a write to stderr. Another one does not wait for it.
#[test]
fn nobody_waits_for_a_thread_that_stands_in_a_write() {
    use std::sync::mpsc::{Receiver, Sender, channel};
    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

    struct Stands(Sender<()>, Receiver<()>);
    impl ByteWriter for Stands {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(()).unwrap();
            let _ = self.1.recv_timeout(PATIENCE);
            Ok(bytes.len())
        }
        fn wait_for_room(&mut self, _: Instant) -> bool {
            true
        }
    }
    let (fallback, stderr) = (Tested::new(), Scripted::default());
    let ((enters, entered), (release, released)) = (channel(), channel());
    std::thread::scope(|scope| {
        let standing = scope.spawn(|| {
            let mut stands = Stands(enters, released);
            write_to(Kind::Failure, &fallback, Instant::now(), &mut stands, "one\n");
        });
        entered.recv_timeout(PATIENCE).unwrap();
        let start = Instant::now();
        write(&fallback, start, &stderr, "two\n");
        assert!(start.elapsed() < PATIENCE / 10, "{:?}", start.elapsed());
        drop(release);
        standing.join().unwrap();
    });
    assert_eq!(fallback.lost(), 1);
    write(&fallback, Instant::now(), &stderr, "three\n");
    assert_eq!(stderr.text(), "logscope: and 1 more lines, which are not shown\nthree\n");
}

#[test]
fn long_records_are_cut() {
    let short = "x".repeat(MAX_MESSAGE - Message::CUT.len());
    assert_eq!(Message::of_line(format!("{short}\n").as_bytes()).finish(), format!("{short}\n").as_bytes());
    let long = "ä".repeat(5_000);
    // The most bytes that fit end behind a character, and inside one.
    for first in ["", "x"] {
        let mut cut = Message::of_line(format!("{first}{long}\n").as_bytes());
        let cut = str::from_utf8(cut.finish()).unwrap();
        assert!(cut.ends_with("ä…\n") && cut.len() <= MAX_MESSAGE && cut.len() > MAX_MESSAGE - 3, "{}", cut.len());
    }
}

#[test]
fn a_flood_is_cut_and_the_number_of_lost_lines_reported() {
    let (fallback, stderr, start) = (Tested::new(), Scripted::default(), Instant::now());
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
    let (fallback, stderr) = (Tested::new(), Scripted::new([Step::Full, Step::Short(3), Step::Full]));
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
    let before = fallback_lost();
    let ((), reports) = capture_reports(|| report(format_args!("{Reports}")));
    assert_eq!(reports, ["logscope: whole\n"]);
    assert!(fallback_lost() > before);
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
