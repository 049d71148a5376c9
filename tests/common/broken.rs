//! Outputs that break, and checks of what the log and stderr show of it.

// Each test binary uses only some of these helpers.
#![allow(dead_code, clippy::print_stdout)]

use std::fs::{self, File};
use std::os::fd::{FromRawFd as _, OwnedFd};
use std::process::Command;
use std::time::Duration;

use logscope::sink::{self, Sink};
use logscope::{Format, OutputContext};
use rustix::stdio::dup2_stdout;
use serde_json::{Value, json};

use crate::child::{self, Child, Ended, expected_ledger, ledger_json};
use crate::gate::ParsedLine;

/// How long an expected event may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Installs logscope and makes a context that logs to `sink`, in JSON.
pub(crate) fn context(sink: &Sink) -> OutputContext {
    let _ = logscope::try_init();
    OutputContext::builder("uno").sink(sink.format(Format::json())).build()
}

/// Logs `count` records.
pub(crate) fn log(context: &OutputContext, count: usize) {
    context.scope(|| (0..count).for_each(|_| tracing::info!("hello")));
}

/// Flushes, and returns the ledger after checking that the sink's and the context's are equal.
pub(crate) fn ledger(sink: &Sink, context: &OutputContext) -> Value {
    let (of_sink, of_context) = (ledger_json(sink.flush(PATIENCE)), ledger_json(context.flush(PATIENCE)));
    assert_eq!(of_sink, of_context, "the ledgers of the sink and of the context");
    of_sink
}

/// The lines of a JSON log.
pub(crate) fn lines(log: &str) -> Vec<ParsedLine> {
    log.lines().filter(|line| !line.is_empty()).map(ParsedLine::parse).collect()
}

/// Checks that stderr holds one line only, which reports that `output` cannot be written to, with `reason`.
#[track_caller]
pub(crate) fn assert_reported_once(ended: &Ended, output: &str, reason: &str) {
    let reported = ended.fallback_lines();
    assert_eq!(reported.len(), 1, "{reported:?}");
    assert!(
        reported[0].contains(&format!("cannot write to {output}: ")) && reported[0].contains(reason),
        "{reported:?}"
    );
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
}

/// Logs to a `view` of stdout: two records; five while stdout is broken by `break_it`; two after stdout has become a file in the child's folder.
#[track_caller]
pub(crate) fn stdout_breaks_and_recovers(test: &str, view: fn(&Sink) -> Sink, break_it: fn(), reason: &str) {
    child::in_child(test, |folder| {
        let recovered = File::create(folder.join("recovered")).unwrap();
        let sink = view(&sink::stdout());
        let context = context(&sink);
        log(&context, 2);
        assert!(context.flush(PATIENCE).is_complete());
        break_it();
        log(&context, 5);
        let broken = ledger(&sink, &context);
        dup2_stdout(recovered).unwrap();
        log(&context, 2);
        json!([broken, ledger(&sink, &context)])
    });
    let ended = Child::new(test).run();
    assert_eq!(ended.report, json!([expected_ledger(2, 5), expected_ledger(4, 5)]));
    assert_eq!(lines(&ended.read("recovered")), [ParsedLine::Failed(5), ParsedLine::Record(8), ParsedLine::Record(9)]);
    assert_reported_once(&ended, "stdout", reason);
    // The test harness writes its own text first, on the same line.
    let (_, before) = ended.stdout.split_at(ended.stdout.find('{').unwrap());
    assert_eq!(lines(before), [ParsedLine::Record(1), ParsedLine::Record(2)]);
}

/// Checks that a `view` of a file keeps working when the directory becomes read-only: the system checks permission on open only.
/// Uses a read-only mount, because nothing else refuses root. Where mounting is not allowed, the test is skipped.
#[track_caller]
pub(crate) fn permission_to_write_is_taken_away(test: &str, view: fn(&Sink) -> Sink) {
    child::in_child(test, |folder| {
        let path = folder.join("small/uno.log");
        let sink = view(&sink::file(&path).open().unwrap());
        let context = context(&sink);
        log(&context, 2);
        let read_only = r#"mount --bind "$0" "$0" && mount -o remount,bind,ro "$0""#;
        assert!(Command::new("sh").args(["-c", read_only]).arg(folder.join("small")).status().unwrap().success());
        log(&context, 5);
        let error = sink::file(folder.join("small/due.log")).open().unwrap_err();
        assert!(error.kind() == logscope::ErrorKind::Open && format!("{error:#}").contains("Read-only"), "{error}");
        json!({ "ledger": ledger(&sink, &context), "text": fs::read_to_string(&path).unwrap() })
    });
    let Some(in_own_mounts) = in_own_mounts() else { return };
    let ended = Child::new(test).launched_by(&in_own_mounts).run();
    assert_eq!(ended.report["ledger"], expected_ledger(7, 0));
    assert!(lines(ended.report["text"].as_str().unwrap()).into_iter().eq((1..=7).map(ParsedLine::Record)));
    assert_eq!(ended.stderr, "");
}

pub(crate) fn dev_full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

pub(crate) fn broken_pipe() -> OwnedFd {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// Closes a standard stream.
pub(crate) fn close(fd: i32) {
    // SAFETY: nothing in this process owns the descriptor (std's streams use it as a number), and no file is opened before another one
    // takes its place.
    drop(unsafe { OwnedFd::from_raw_fd(fd) });
}

/// The command that starts a child in mounts of its own, with a file system of 32 KiB at `small` in its folder; the child may mount others.
/// Prints a line and returns `None` where that is not permitted.
pub(crate) fn in_own_mounts() -> Option<[&'static str; 7]> {
    let mount = r#"mkdir "$LOGSCOPE_TEST_FOLDER/small" && mount -t tmpfs -o size=32k none "$LOGSCOPE_TEST_FOLDER/small" && exec "$@""#;
    let words = ["unshare", "--mount", "--map-root-user", "sh", "-c", mount, "sh"];
    let folder = tempfile::tempdir().unwrap();
    let mut attempt = Command::new(words[0]);
    attempt.args(&words[1..]).arg("true").env("LOGSCOPE_TEST_FOLDER", folder.path());
    if attempt.status().is_ok_and(|status| status.success()) {
        return Some(words);
    }
    println!("SKIPPED: this machine does not let the test mount a file system");
    None
}

/// The command that starts a child whose files cannot grow beyond 8 KiB (16 blocks of 512 bytes). It ignores SIGXFSZ, which would kill
/// the child at that limit.
pub(crate) const WITH_SHORT_FILES: [&str; 3] = ["sh", "-c", r#"trap "" XFSZ; ulimit -f 16; exec "$0" "$@""#];
