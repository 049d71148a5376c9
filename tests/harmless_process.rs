//! "A log call harms nobody", where that needs a process of its own: broken standard streams, a panic hook that logs, and logging at exit.
//!
//! Each test runs itself again as a child process. The child breaks what belongs to the process and checks the rest from the inside.

#![cfg(all(feature = "file", feature = "testing"))]
#![cfg(target_os = "linux")]
// clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

mod common;

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::{FromRawFd as _, IntoRawFd as _, OwnedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use common::{DEADLINE, DebugRuns, Log, ParsedLine, block_on, text_of, unscoped_messages, wait_until, yield_once};
use logscope::sink::{self, Line, Output};
use logscope::{Format, InContext as _, OutputContext};
use tracing::{error, info};

const ROLE: &str = "LOGSCOPE_TEST_ROLE";
const FOLDER: &str = "LOGSCOPE_TEST_FOLDER";

/// DebugRuns the test called `test` again, as a child process with the role `role`. The child must exit with success within the deadline.
/// Returns its folder, which holds its output in `stdout` and `stderr`.
#[track_caller]
fn run_child(test: &str, role: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| File::create(folder.path().join(name)).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(ROLE, role)
        .env(FOLDER, folder.path())
        .env_remove("LOGSCOPE")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(file("stdout"))
        .stderr(file("stderr"))
        .spawn()
        .unwrap();
    let mut status = None;
    let in_time = catch_unwind(AssertUnwindSafe(|| {
        wait_until("the end of the child", || {
            status = child.try_wait().unwrap();
            thread::park_timeout(Duration::from_millis(1));
            status.is_some()
        })
    }));
    if in_time.is_err() {
        let _ = child.kill();
    }
    let text = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap_or_default();
    let ended_well = status.is_some_and(|status| status.success());
    assert!(ended_well, "{role}: {status:?}\n{}\n{}\n{}", text("report"), text("stdout"), text("stderr"));
    assert_eq!(text("report"), "done", "{role}: the child did not finish its part");
    folder
}

/// The end of a role whose child ends by returning from `main`. The other children call `exit`.
const RETURNS: &str = ", returns from main";

/// In a child process, runs `body` with the child's role and folder, and exits. Returns false in the parent, and true in a child that
/// must return from `main`.
fn in_child(body: impl FnOnce(&str, &Path)) -> bool {
    let (Ok(role), Some(folder)) = (std::env::var(ROLE), std::env::var_os(FOLDER)) else { return false };
    let folder = PathBuf::from(folder);
    // Open the report before `body` closes anything: the next file to be opened gets the closed descriptor.
    let mut report = File::create(folder.join("report")).unwrap();
    let (text, code) = match catch_unwind(AssertUnwindSafe(|| body(&role, &folder))) {
        Ok(()) => ("done".to_owned(), 0),
        Err(payload) => (text_of(&*payload).to_owned(), 1),
    };
    report.write_all(text.as_bytes()).unwrap();
    if code == 0 && role.ends_with(RETURNS) {
        return true;
    }
    std::process::exit(code);
}

/// Closes a standard stream.
fn close(stream: RawFd) {
    // SAFETY: std's handles for the standard streams own no descriptor, and nothing else in this process owns this one. Later writers to
    // it must cope with the error: that is what is tested.
    drop(unsafe { OwnedFd::from_raw_fd(stream) });
}

/// Replaces a standard stream by the file at `path`.
fn replace(stream: RawFd, path: &str) {
    close(stream);
    let opened = File::options().write(true).open(path).unwrap().into_raw_fd();
    assert_eq!(opened, stream, "the lowest free descriptor is the one that was closed");
}

fn break_both_streams(how: &str) {
    const STREAMS: [RawFd; 2] = [1, 2];
    match how {
        "closed" => STREAMS.into_iter().for_each(close),
        "full" => STREAMS.into_iter().for_each(|stream| replace(stream, "/dev/full")),
        "without a reader" => {
            let (reader, writer) = io::pipe().unwrap();
            let writer = writer.into_raw_fd();
            STREAMS.into_iter().for_each(|stream| replace(stream, &format!("/proc/self/fd/{writer}")));
            close(writer);
            drop(reader);
        }
        other => panic!("{other}?"),
    }
}

#[test]
fn logging_goes_on_when_stdout_and_stderr_are_broken() {
    const RECORDS: u64 = 50;
    in_child(|how, folder| {
        let file = sink::file(folder.join("log.jsonl")).open().unwrap().format(Format::json());
        break_both_streams(how);
        logscope::init();
        let streams = [sink::stdout().format(Format::build()), sink::stderr()];
        let [stdout, stderr] = &streams;
        let builder = OutputContext::builder("all").sink(file.clone()).sinks(streams.iter().cloned().chain([file]));
        let all = builder.sink(sink::test()).build();
        for n in 0..RECORDS {
            info!("to the default");
            all.scope(
                || info!(n, panics = ?DebugRuns(|| -> &str { panic!("the hook cannot print it either") }), "to all"),
            );
        }
        // The report of std's panic hook goes to stderr.
        assert!(thread::spawn(all.bind(|| panic!("on a thread"))).join().is_err());
        let ledger = all.flush(Duration::from_secs(1));
        assert_eq!(ledger.accepted, 4 * RECORDS);
        assert_eq!(ledger.accepted, ledger.written + ledger.failed, "{ledger}");
        assert_eq!(stdout.ledger().failed, RECORDS, "{}", stdout.ledger());
        assert_eq!(stderr.ledger().failed, 2 * RECORDS, "the records of the default are included: {}", stderr.ledger());
    });
    for how in ["closed", "full", "without a reader"] {
        let folder = run_child("logging_goes_on_when_stdout_and_stderr_are_broken", how);
        let log = fs::read_to_string(folder.path().join("log.jsonl")).unwrap();
        let lines: Vec<_> = log.lines().map(ParsedLine::parse).collect();
        assert!(lines.iter().map(|line| line.seq).eq((1..=RECORDS).map(Some)), "{how}: {log}");
        assert!(lines.iter().all(|line| line.fields["panics"] == "<panicked>"));
    }
}

/// An output that panics, under the lock of its sink, or fails with an error whose `Display` panics.
struct Breaks(bool);

struct PanicsWhenShown;

impl fmt::Debug for PanicsWhenShown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for PanicsWhenShown {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("in the error's Display")
    }
}

impl std::error::Error for PanicsWhenShown {}

impl Output for Breaks {
    fn write(&self, _: Line<'_>) -> io::Result<()> {
        if self.0 { panic!("in the output") } else { Err(io::Error::other(PanicsWhenShown)) }
    }
}

#[test]
fn a_panic_hook_can_log() {
    in_child(|_, _| {
        common::init();
        std::panic::set_hook(Box::new(|panic| {
            let message = text_of(panic.payload()).to_owned();
            error!(value = ?DebugRuns(|| { info!("from a value in the hook"); "v" }), "hook: {message}");
        }));
        let caught = |f: &dyn Fn()| assert!(catch_unwind(AssertUnwindSafe(f)).is_err());

        caught(&|| panic!("in no scope"));
        assert_eq!(unscoped_messages("hook: in no scope").len(), 1);

        let log = Log::new("scope");
        caught(&|| log.context.scope(|| panic!("in a scope")));
        caught(&|| block_on(async { panic!("in a task") }.in_context(&log.context)));
        assert!(thread::spawn(log.context.bind(|| panic!("on a thread"))).join().is_err());
        let value = "from a value in the hook";
        log.assert_holds(&[value, "hook: in a scope", value, "hook: in a task", value, "hook: on a thread"]);

        // The hook runs in the middle of the record whose value panics.
        let log = Log::new("value");
        log.context.scope(|| info!(value = ?DebugRuns(|| -> &str { panic!("in a value") }), "the record"));
        log.assert_holds(&[value, "hook: in a value", "the record"]);
        assert_eq!(log.lines()[2].fields["value"], "<panicked>");

        // The hook runs inside a sink, under the sink's lock: what it logs there goes to stderr.
        let callback = OutputContext::builder("callback").sink(sink::callback(|_| panic!("in the sink"))).build();
        callback.scope(|| info!("the record"));
        let ledger = callback.ledger();
        assert_eq!((ledger.accepted, ledger.failed, ledger.dropped), (3, 1, 2), "{ledger}");

        // The hook runs while a failure is reported on stderr.
        for panics in [true, false] {
            let breaks = OutputContext::builder("breaks").sink(sink::custom(Breaks(panics))).build();
            breaks.scope(|| info!("the record"));
            assert_eq!(breaks.ledger().written, 0);
            assert_eq!(breaks.ledger().pending, 0);
        }

        // A panic while another panic unwinds.
        struct LogsAndPanicsInside(OutputContext);
        impl Drop for LogsAndPanicsInside {
            fn drop(&mut self) {
                self.0.scope(|| info!(value = ?DebugRuns(|| -> &str { panic_any("the second") }), "while unwinding"));
            }
        }
        let log = Log::new("unwinding");
        caught(&|| {
            let _logs = LogsAndPanicsInside(log.context.clone());
            panic!("the first");
        });
        log.assert_holds(&[value, "hook: the second", "while unwinding"]);
        assert_eq!(unscoped_messages("hook: the first").len(), 1);
    });
    let folder = run_child("a_panic_hook_can_log", "hook");
    let stderr = fs::read_to_string(folder.path().join("stderr")).unwrap();
    assert!(stderr.contains("hook: in the sink"), "{stderr}");
}

unsafe extern "C" {
    safe fn atexit(handler: extern "C" fn()) -> std::ffi::c_int;
}

/// The context of the exit handlers: made before the exit, or by the first handler.
static AT_EXIT: OnceLock<OutputContext> = OnceLock::new();

fn at_exit() -> &'static OutputContext {
    AT_EXIT.get_or_init(|| {
        let _ = logscope::try_init();
        let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
        let file = sink::file(folder.join("log.jsonl")).open().unwrap();
        OutputContext::builder("exit").sink(file.format(Format::json().thread_name(true).location(true))).build()
    })
}

/// Logs in every way that a handler might. A panic here would abort.
extern "C" fn logs_at_exit() {
    let context = at_exit();
    info!("in no scope at exit");
    context.scope(|| info!(value = ?DebugRuns(|| { info!("nested"); "v" }), "in a closure"));
    let guard = context.enter();
    logscope::update(|context| context.with_field("updated", true));
    info!("under a guard");
    drop(guard);
    block_on(
        async {
            yield_once().await;
            info!("in a task")
        }
        .in_context(context),
    );
    context.scope(|| info!(value = ?DebugRuns(|| -> &str { panic!("at exit") }), "a value that panics"));
    #[cfg(feature = "log")]
    context.scope(|| log::info!("through the log crate"));
    assert!(context.close(Duration::from_secs(1)).is_complete());
}

#[test]
fn exit_handlers_can_log() {
    let returned = in_child(|role, _| {
        assert_eq!(atexit(logs_at_exit), 0);
        if role.starts_with("after use") {
            at_exit().scope(|| info!("before the exit"));
            info!("in no scope before the exit");
        }
    });
    if returned {
        return;
    }
    // Handlers run on the thread that calls `exit`, or on the main thread once `main` has returned.
    let roles = ["first contact", "after use"].map(|role| [role.to_owned(), format!("{role}{RETURNS}")]);
    for role in roles.as_flattened() {
        let folder = run_child("exit_handlers_can_log", role);
        let log = fs::read_to_string(folder.path().join("log.jsonl")).unwrap();
        let mut expected = vec!["nested", "in a closure", "under a guard", "in a task", "a value that panics"];
        expected.extend(cfg!(feature = "log").then_some("through the log crate"));
        if role.starts_with("after use") {
            expected.insert(0, "before the exit");
        }
        let messages: Vec<_> = log.lines().map(|line| ParsedLine::parse(line).message).collect();
        assert_eq!(messages, expected, "{role}");
        let stderr = fs::read_to_string(folder.path().join("stderr")).unwrap();
        assert!(stderr.contains("in no scope at exit"), "{role}: {stderr}");
    }
}

#[test]
fn a_process_can_exit_while_its_threads_log() {
    const THREADS: usize = 4;
    in_child(|_, folder| {
        logscope::init();
        let file = sink::file(folder.join("log.jsonl")).open().unwrap().format(Format::json());
        let context = OutputContext::builder("busy").sink(file).build();
        let (ready, started) = channel();
        for _ in 0..THREADS {
            let ready = ready.clone();
            thread::spawn(context.bind(move || {
                info!("started");
                ready.send(()).unwrap();
                loop {
                    info!(value = ?DebugRuns(|| "v"), "busy");
                }
            }));
        }
        (0..THREADS).for_each(|_| started.recv_timeout(DEADLINE).unwrap());
    });
    for _ in 0..5 {
        let folder = run_child("a_process_can_exit_while_its_threads_log", "busy");
        let log = fs::read_to_string(folder.path().join("log.jsonl")).unwrap();
        // Linux may cut a `write` that has not returned at the end of a page, when the process exits.
        let whole = &log[..log.rfind('\n').unwrap() + 1];
        let lines: Vec<_> = whole.lines().map(ParsedLine::parse).collect();
        assert_eq!(lines.iter().filter(|line| line.message == "started").count(), THREADS);
    }
}
