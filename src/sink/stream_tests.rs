//! Tests with broken standard streams. Each test runs itself again as a child process, which then breaks its own standard streams.

#![cfg(target_os = "linux")]

use std::fs::File;
use std::os::fd::AsFd as _;
use std::process::Output;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::stdio::{dup2_stderr, dup2_stdout};

use std::io;

use super::*;
use crate::fallback;
use crate::format::{Color, Format, Renderer, Screen, with_scratch};
use crate::record::ContextInfo;
use crate::sink::test_support::{self, ParsedLine, deliver, with_record_of};

fn in_child(name: &str, body: impl FnOnce()) -> Output {
    test_support::in_child(&format!("sink::stream_tests::{name}"), body)
}

fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

/// Returns the lines that the fallback of the child wrote to stderr.
fn reports(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{output:?}");
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    stderr.lines().filter(|line| line.starts_with("logscope: ")).map(str::to_owned).collect()
}

#[test]
fn a_full_stdout_is_counted_and_reported_once_and_a_notice_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("stdout");
    let output = in_child("a_full_stdout_is_counted_and_reported_once_and_a_notice_ends_it", || {
        let sink = stdout().format(Format::json());
        dup2_stdout(full()).unwrap();
        (1..=3).for_each(|seq| _ = deliver(&sink, seq));
        assert_eq!((sink.ledger().failed, stdout().ledger().written), (3, 0));
        dup2_stdout(File::create(&path).unwrap()).unwrap();
        deliver(&sink, 4);
        let lines = ParsedLine::parse_all(&std::fs::read_to_string(&path).unwrap());
        assert_eq!(lines, [ParsedLine::Failed(3), ParsedLine::Record(4)]);
    });
    let reports = reports(&output);
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(reports[0].starts_with("logscope: cannot write to stdout: No space left on device"), "{reports:?}");
}

#[test]
fn a_broken_pipe_is_counted_and_reported() {
    let output = in_child("a_broken_pipe_is_counted_and_reported", || {
        let (reader, writer) = io::pipe().unwrap();
        dup2_stdout(writer).unwrap();
        drop(reader);
        deliver(&stdout(), 1);
        assert_eq!(stdout().ledger().failed, 1);
    });
    assert!(reports(&output)[0].contains("stdout: Broken pipe"));
}

#[test]
fn two_broken_streams_do_not_panic() {
    let output = in_child("two_broken_streams_do_not_panic", || {
        dup2_stdout(full()).unwrap();
        dup2_stderr(full()).unwrap();
        for sink in [stdout(), stderr(), crate::sink::test()] {
            deliver(&sink, 1);
            assert_eq!(sink.ledger().failed, 1, "{sink}");
        }
        assert!(fallback::fallback_lost() >= 3);
    });
    assert_eq!(reports(&output).len(), 0);
}

#[test]
fn a_stderr_that_nobody_reads_holds_up_the_fallback_only_for_a_moment() {
    let output = in_child("a_stderr_that_nobody_reads_holds_up_the_fallback_only_for_a_moment", || {
        let (_reader, mut writer) = io::pipe().unwrap();
        let blocking = fcntl_getfl(&writer).unwrap();
        fcntl_setfl(&writer, blocking | OFlags::NONBLOCK).unwrap();
        while io::Write::write(&mut writer, &[0; 4_096]).is_ok() {}
        fcntl_setfl(&writer, blocking).unwrap();
        dup2_stderr(writer).unwrap();
        fallback::report(format_args!("nobody reads this"));
        assert_eq!(fallback::fallback_lost(), 1);
    });
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn the_sink_and_the_fallback_end_the_torn_lines_of_each_other() {
    let output = in_child("the_sink_and_the_fallback_end_the_torn_lines_of_each_other", || {
        let (mut reader, mut writer) = io::pipe().unwrap();
        for end in [reader.as_fd(), writer.as_fd()] {
            fcntl_setfl(end, fcntl_getfl(end).unwrap() | OFlags::NONBLOCK).unwrap();
        }
        dup2_stderr(&writer).unwrap();
        // Leaves room for one page.
        let mut fill = |reader: &mut io::PipeReader| {
            while io::Write::write(&mut writer, &[b'x'; 4_096]).is_ok() {}
            io::Read::read_exact(reader, &mut [0; 4_096]).unwrap();
        };
        let drain = |reader: &mut io::PipeReader| {
            let mut bytes = Vec::new();
            let _ = io::Read::read_to_end(reader, &mut bytes);
            String::from_utf8(bytes).unwrap()
        };
        let sink = stderr().format(Format::json());

        fill(&mut reader);
        let long = ContextInfo::new("n".repeat(8_192), 1, Vec::new());
        with_record_of(&long, 1, |record| with_scratch(|scratch| _ = sink.deliver(record, scratch, None)));
        assert!(drain(&mut reader).ends_with("nnn"), "the record is torn");
        fallback::report(format_args!("reported"));
        assert!(drain(&mut reader).starts_with("\nlogscope: "));

        fill(&mut reader);
        fallback::report(format_args!("{}", "m".repeat(900)));
        assert!(drain(&mut reader).ends_with("mmm"), "the report is torn");
        deliver(&sink, 2);
        assert!(drain(&mut reader).starts_with("\n{"));
    });
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn the_test_sink_prints() {
    let output = in_child("the_test_sink_prints", || {
        deliver(&crate::sink::test().format(Format::json()), 1);
    });
    assert!(output.status.success());
    let stdout = String::from_utf8(output.stdout).unwrap();
    // If the harness runs one test at a time, the line begins with the name of the test.
    let record = |line: &str| line.find('{').map(|start| ParsedLine::parse(&line[start..]));
    assert!(stdout.lines().any(|line| record(line) == Some(ParsedLine::Record(1))), "{stdout}");
}

#[test]
fn colour_follows_a_stream_that_is_redirected() {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    let dir = tempfile::tempdir().unwrap();
    let output = in_child("colour_follows_a_stream_that_is_redirected", || {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        dup2_stderr(File::options().read(true).write(true).open(path).unwrap()).unwrap();
        let on_terminal = stderr();
        let coloured = &Renderer::new(&Format::text().color(Color::Always), Screen::None);
        assert!(on_terminal.renderer() == coloured);
        dup2_stderr(File::create(dir.path().join("stderr")).unwrap()).unwrap();
        assert!(stderr().renderer() != coloured, "a sink that is made later");
        assert!(on_terminal.format(Format::text()).renderer() != coloured, "a view that is made later");
    });
    assert!(output.status.success(), "{output:?}");
}
