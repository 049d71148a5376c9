//! Tests of `line_writer`: lines stay whole, whatever the writer does.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::bytes::IoWriter;
use crate::bytes::scripted::{Scripted, Step};
use crate::limits::WRITER_YIELDS;

fn write(lines: &mut LineWriter, writer: &Scripted, line: &str) -> Result<(), ErrorKind> {
    lines.write(&mut IoWriter::new(&mut writer.clone()), line.as_bytes()).map_err(|error| error.kind())
}

#[test]
fn short_and_interrupted_writes_are_continued() {
    let writer =
        Scripted::new([Step::Interrupted, Step::Short(1), Step::WouldBlock, Step::Short(2), Step::Interrupted]);
    assert_eq!(write(&mut LineWriter::default(), &writer, "one line\n"), Ok(()));
    assert_eq!(writer.text(), "one line\n");
    assert_eq!(writer.writes(), 6);
}

#[test]
fn a_writer_that_takes_nothing_is_an_error_and_not_a_loop() {
    let writer = Scripted::new([Step::Zero]);
    assert_eq!(write(&mut LineWriter::default(), &writer, "line\n"), Err(ErrorKind::WriteZero));
    let writer = Scripted::new([Step::Interrupted; INTERRUPTIONS as usize + 1]);
    assert_eq!(write(&mut LineWriter::default(), &writer, "line\n"), Err(ErrorKind::Interrupted));
}

#[test]
fn only_the_first_line_waits_for_a_reader_that_stopped_reading() {
    let writer = Scripted::new([Step::WouldBlock; WRITER_YIELDS as usize + 2]);
    let mut lines = LineWriter::default();
    assert_eq!(write(&mut lines, &writer, "one\n"), Err(ErrorKind::WouldBlock));
    assert_eq!(writer.writes(), WRITER_YIELDS as usize + 1);
    assert_eq!(write(&mut lines, &writer, "two\n"), Err(ErrorKind::WouldBlock));
    assert_eq!(writer.writes(), WRITER_YIELDS as usize + 2);
    assert_eq!(write(&mut lines, &writer, "three\n"), Ok(()));
    writer.then([Step::WouldBlock]);
    assert_eq!(write(&mut lines, &writer, "four\n"), Ok(()), "after a write that succeeds, a line waits again");
    assert_eq!(writer.text(), "three\nfour\n");
}

#[test]
fn a_torn_line_is_ended_with_one_newline() {
    let writer = Scripted::new([Step::Short(2), Step::Full, Step::Full, Step::Short(1), Step::Full]);
    let mut lines = LineWriter::default();
    assert!(write(&mut lines, &writer, "one\n").is_err());
    assert!(write(&mut lines, &writer, "two\n").is_err());
    assert!(write(&mut lines, &writer, "three\n").is_err(), "the writer took only the `\\n` that ends the torn line");
    assert_eq!(write(&mut lines, &writer, "four\n"), Ok(()));
    assert_eq!(writer.text(), "on\nfour\n");
}

#[test]
fn a_record_torn_between_its_lines_needs_no_newline() {
    let writer = Scripted::new([Step::Short(4), Step::Full]);
    let mut lines = LineWriter::default();
    assert!(write(&mut lines, &writer, "one\n  more\n").is_err());
    assert_eq!(write(&mut lines, &writer, "two\n"), Ok(()));
    assert_eq!(writer.text(), "one\ntwo\n");
}

#[test]
fn a_writer_that_returns_too_many_bytes_has_taken_the_line() {
    struct TakesTooMuch(AtomicU32);
    impl io::Write for TakesTooMuch {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(usize::MAX)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut writer = TakesTooMuch(AtomicU32::new(0));
    assert!(LineWriter::default().write(&mut IoWriter::new(&mut writer), b"line\n").is_ok());
    assert_eq!(writer.0.into_inner(), 1);
}

#[cfg(unix)]
#[test]
fn the_first_line_into_a_full_pipe_waits_and_the_next_does_not() {
    use std::io::Read as _;
    use std::os::fd::AsFd as _;

    use crate::bytes::FdWriter;

    let (mut reader, writer) = io::pipe().unwrap();
    let flags = rustix::fs::fcntl_getfl(&writer).unwrap();
    rustix::fs::fcntl_setfl(&writer, flags | rustix::fs::OFlags::NONBLOCK).unwrap();
    let mut lines = LineWriter::default();
    let line = [b"x".repeat(4_095), b"\n".to_vec()].concat();
    let mut write = |bytes: &[u8]| lines.write(&mut FdWriter(writer.as_fd()), bytes).map_err(|error| error.kind());
    let full = std::iter::repeat_with(|| (Instant::now(), write(&line))).find(|(_, result)| result.is_err());
    let (start, result) = full.unwrap();
    assert_eq!(result, Err(ErrorKind::WouldBlock));
    assert!(start.elapsed() >= WRITABLE);
    let start = Instant::now();
    for _ in 0..20 {
        assert_eq!(write(&line), Err(ErrorKind::WouldBlock));
    }
    assert!(start.elapsed() < 10 * WRITABLE);
    reader.read_exact(&mut vec![0; line.len()]).unwrap();
    assert_eq!(write(&line), Ok(()));
}
