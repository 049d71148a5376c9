//! Files that a parent offers to a child process, and that both append to.
//!
//! Each child is this binary, executed again for one test.

#![cfg(feature = "testing")]
#![cfg(feature = "file")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a child tells its parent that it is ready, and prints what is logged"
)]

mod layers;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};

use layers::{Child, in_own_process_with, parse};
use logscope::sink::{self, Queue, Roll, Sink};
use logscope::{
    Format, InheritContext as _, Layout, LayoutWriter, LevelFilter, Origin, OutputContext, Record, Time, configure,
};
use serde_json::json;

/// Tells a child which part of its test it plays.
const CASE: &str = "LOGSCOPE_TEST_CASE";

/// Runs the test again in a child process, which is offered the sinks of `context`. Returns `None` in that process, once it has installed
/// logscope and logged.
fn child_of(test: &str, case: &str, context: &OutputContext) -> Option<Child> {
    let child = in_own_process_with(test, |command| command.env(CASE, case).inherit_context_and_sinks(context));
    if child.is_none() {
        configure().inherit_sinks(std::env::var(CASE).unwrap() != "refuses").install().unwrap();
        tracing::info!(number = 1, "of the child");
        tracing::debug!("not let through");
    }
    child.map(Child::passed)
}

fn lines_of(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn both_processes_append_to_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("uno.log");
    let log = sink::file(&path).open().unwrap().format(Format::json().thread_name(true).time(Time::Wall));
    let context = OutputContext::builder("uno").field("env", "uno").sink(log.queued(Queue::new())).build();
    let Some(child) = child_of("both_processes_append_to_one_file", "", &context) else { return };
    assert_eq!(child.stderr(), "");
    let lines = lines_of(&path);
    assert_eq!(lines.len(), 1, "{lines:?}");
    let record = parse(&lines[0]);
    assert_eq!(record["fields"], json!({ "message": "of the child", "number": 1 }));
    let of_child = &record["context"];
    assert_eq!((&of_child["name"], &of_child["parent"]), (&json!("uno"), &json!(context.id())));
    assert_eq!(of_child["fields"]["env"], "uno");
    assert!(record["threadName"].is_string() && record.get("elapsed").is_none(), "the options of the format: {record}");
}

/// How many records each process writes.
const RECORDS: u64 = 2_000;

fn log_many(context: &OutputContext, process: &str) {
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                context.scope(|| {
                    for number in 0..RECORDS / 4 {
                        tracing::info!(process, thread, number, padding = "x".repeat(300), "said");
                    }
                });
            });
        }
    });
}

#[test]
fn the_lines_of_both_are_whole() {
    let test = "the_lines_of_both_are_whole";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("uno.log");
    if std::env::var_os("LOGSCOPE_CONTEXT").is_some() {
        configure().inherit_sinks(true).install().unwrap();
        // Both write at once: the parent begins when it reads this, and the child when the parent has answered.
        println!("\nready");
        let _ = std::io::stdin().read(&mut [0]).unwrap();
        return log_many(&OutputContext::current(), "child");
    }
    let _ = logscope::try_init();
    let log = sink::file(&path).open().unwrap().format(Format::json());
    let context = OutputContext::builder("uno").sink(log).build();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]).inherit_context_and_sinks(&context);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while line != "ready\n" {
        line.clear();
        assert_ne!(stdout.read_line(&mut line).unwrap(), 0, "the child has ended");
    }
    drop(child.stdin.take());
    log_many(&context, "parent");
    std::io::copy(&mut stdout, &mut std::io::sink()).unwrap();
    assert!(child.wait().unwrap().success());

    let mut counts = [0_u64; 2];
    for line in lines_of(&path) {
        let record = parse(&line);
        let is_child = record["fields"]["process"] == "child";
        counts[usize::from(is_child)] += 1;
        assert_eq!(record["fields"]["padding"].as_str().unwrap().len(), 300);
        assert_eq!(record["context"]["parent"].as_u64(), is_child.then_some(context.id()));
    }
    assert_eq!(counts, [RECORDS; 2]);
}

#[test]
fn a_view_is_made_again_with_its_threshold() {
    let folder = tempfile::tempdir().unwrap();
    let [all, errors] = ["all.log", "errors.log"].map(|name| folder.path().join(name));
    let of_errors = sink::file(&errors).open().unwrap().max_level(LevelFilter::ERROR).sync_at(LevelFilter::ERROR);
    let of_all = sink::file(&all).mode(0o640).open().unwrap().format(Format::raw());
    let context = OutputContext::builder("uno").sink(of_errors).sink(of_all).build();
    let Some(child) = child_of("a_view_is_made_again_with_its_threshold", "", &context) else {
        tracing::error!("broken");
        let described = format!("{:?}", OutputContext::current().sinks());
        return assert!(described.contains("verbosity: error") && described.contains("format: raw"), "{described}");
    };
    assert_eq!(child.stderr(), "");
    assert_eq!(lines_of(&all), ["of the child", "broken"]);
    let lines = lines_of(&errors);
    assert!(lines.len() == 1 && lines[0].ends_with(": broken"), "{lines:?}");
}

/// Runs this binary again by `OutputContext::run`, for `case`. Returns the lines of the file, raw, or `None` in the child.
#[cfg(unix)]
fn run_with_context(test: &str, case: &str) -> Option<Vec<String>> {
    if std::env::var_os("LOGSCOPE_CONTEXT").is_some() {
        let config = configure().inherit_sinks(std::env::var(CASE).unwrap() == "accepts");
        config.install().unwrap();
        let inherited = OutputContext::current();
        if std::env::var(CASE).unwrap() == "prints messages" && inherited.parent_id().is_some() {
            logscope::set_process_default(inherited.with_sinks([sink::stderr().format(Format::raw())]));
        }
        tracing::warn!("of the child");
        eprintln!("printed besides");
        return None;
    }
    let _ = logscope::try_init();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("uno.log");
    let log = sink::file(&path).open().unwrap().format(Format::text().time(Time::None));
    let context = OutputContext::builder("uno").sink(log).build();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(CASE, case);
    command.inherit_context_and_sinks(&context);
    context.run(&mut command).stdout_level(logscope::Level::TRACE).wait().unwrap().check().unwrap();
    Some(lines_of(&path))
}

#[cfg(unix)]
#[test]
fn a_child_that_is_run_logs_to_the_file_itself_and_what_it_prints_besides_is_logged() {
    let test = "a_child_that_is_run_logs_to_the_file_itself_and_what_it_prints_besides_is_logged";
    let besides = "INFO  uno logscope::command::stderr: printed besides";
    let cases = [
        ("accepts", "WARN  uno inherit_sinks: of the child"),
        ("prints messages", "INFO  uno logscope::command::stderr: of the child"),
    ];
    for (case, expected) in cases {
        let Some(lines) = run_with_context(test, case) else { return };
        assert_eq!(lines, [expected, besides], "{case}");
    }
    let Some(lines) = run_with_context(test, "") else { return };
    assert!(
        lines[0].starts_with("INFO  uno logscope::command::stderr: ")
            && lines[0].ends_with("WARN  uno inherit_sinks: of the child"),
        "{lines:?}"
    );
}

#[test]
fn what_is_not_accepted_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("uno.log");
    let context = OutputContext::builder("uno").sink(sink::file(&path).open().unwrap()).build();
    let Some(child) = child_of("what_is_not_accepted_is_left_alone", "refuses", &context) else { return };
    assert_eq!(lines_of(&path), [""; 0]);
    assert!(child.stderr().contains("of the child") && child.fallback_lines().is_empty(), "{}", child.stderr());
}

#[test]
fn what_is_not_offered_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("uno.log");
    let context = OutputContext::builder("uno").sink(sink::file(&path).open().unwrap()).build();
    let test = "what_is_not_offered_is_not_taken";
    let child = in_own_process_with(test, |command| command.inherit_context(&context)).map(Child::passed);
    let Some(child) = child else {
        configure().inherit_sinks(true).install().unwrap();
        return tracing::info!("of the child");
    };
    assert_eq!(lines_of(&path), [""; 0]);
    assert!(child.stderr().contains("of the child"), "{}", child.stderr());
}

#[test]
fn a_file_that_cannot_be_opened_is_told_and_stderr_takes_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let [gone, there] = ["gone/uno.log", "there.log"].map(|name| folder.path().join(name));
    let offered = [sink::file(&gone).create_parents(false), sink::file(&there)];
    if std::env::var_os("LOGSCOPE_CONTEXT").is_none() {
        fs::create_dir(gone.parent().unwrap()).unwrap();
    }
    // In the child, only the last call matters.
    let sinks: Vec<Sink> = offered.into_iter().filter_map(|file| file.open().ok()).collect();
    let context = OutputContext::builder("uno").sinks(sinks).build();
    let test = "a_file_that_cannot_be_opened_is_told_and_stderr_takes_its_place";
    if std::env::var_os("LOGSCOPE_CONTEXT").is_none() {
        fs::remove_dir_all(gone.parent().unwrap()).unwrap();
    }
    let Some(child) = child_of(test, "", &context) else { return };
    let lines = child.fallback_lines();
    assert!(lines.len() == 1 && lines[0].contains("stderr is in its place") && lines[0].contains("gone"), "{lines:?}");
    assert_eq!(child.stderr().lines().filter(|line| line.contains("of the child")).count(), 1);
    assert_eq!(lines_of(&there).len(), 1, "the other file is used");
    assert!(!gone.exists());
}

/// A layout of the program's own.
struct Loud;

impl Layout for Loud {
    fn render(&self, _: &Record<'_>, line: &mut LayoutWriter<'_>) {
        line.push("!");
    }
}

#[test]
fn what_cannot_be_shared_is_not_offered() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| sink::file(folder.path().join(name));
    let offers = |sink: Sink| {
        let context = OutputContext::builder("uno").sink(sink).build();
        let mut command = Command::new("linker");
        command.inherit_context_and_sinks(&context);
        let (_, value) = command.get_envs().find(|(name, _)| *name == "LOGSCOPE_CONTEXT").unwrap();
        value.unwrap().to_str().unwrap().matches(";file=").count()
    };
    let plain = file("plain.log").open().unwrap();
    assert_eq!(offers(plain.clone()), 1);
    assert_eq!(offers(plain.queued(Queue::new())), 1);
    assert_eq!(offers(plain.format(Format::custom(Loud))), 0);
    assert_eq!(offers(plain.format(Format::text().timer(|_, line| line.push("now")))), 0);
    assert_eq!(offers(plain.origin(Origin::now())), 0);
    assert_eq!(offers(file("rolled.log").roll(Roll::by_size(1 << 20)).open().unwrap()), 0);
    assert_eq!(offers(sink::memory().0), 0);
    assert_eq!(offers(sink::stderr()), 0);
    #[cfg(unix)]
    {
        assert_eq!(offers(sink::file("/dev/null").open().unwrap()), 0);
        assert_eq!(offers(sink::file("/dev/stderr").allow_pipe(true).open().unwrap()), 0);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_path_that_is_not_unicode_survives() {
    use std::os::unix::ffi::OsStrExt as _;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(std::ffi::OsStr::from_bytes(b"a,b;c=%\xff\x01\n.log"));
    let context = OutputContext::builder("uno").sink(sink::file(&path).open().unwrap()).build();
    let Some(child) = child_of("a_path_that_is_not_unicode_survives", "", &context) else { return };
    assert_eq!(child.stderr(), "");
    assert_eq!(lines_of(&path).len(), 1);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
