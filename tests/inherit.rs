//! Contexts that follow child processes: what a child takes over from its parent, what wins over it, and what a bad variable does.
//!
//! Each child is this binary, executed again for one test.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]
#![allow(clippy::print_stdout, reason = "a child reports to its parent")]

mod layers;

use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use layers::{Child, in_own_process_with};
use logscope::{
    Dial, Format, InheritContext as _, LevelFilter, Origin, OutputContext, TraceContext, Verbosity, configure, sink,
};
use serde_json::{Value, json};

const VARIABLE: &str = "LOGSCOPE_CONTEXT";
const HEADER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const OTHER_HEADER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

/// Tells a child which part of its test it plays.
const CASE: &str = "LOGSCOPE_TEST_CASE";

fn case() -> String {
    std::env::var(CASE).unwrap_or_default()
}

/// Prints what the current context is, and one record of it in JSON, for the parent to read.
fn report() {
    let context = OutputContext::current();
    let (memory, lines) = sink::memory();
    let to_memory = context.with_sinks([memory.format(Format::json())]).with_verbosity(LevelFilter::INFO);
    to_memory.scope(|| tracing::info!("said"));
    let report = json!({
        "name": context.name(),
        "parent": context.parent_id(),
        "elapsed": context.elapsed().as_nanos() as u64,
        "wall": context.origin().wall().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64,
        "verbosity": context.verbosity().to_string(),
        "fields": context.fields().iter().map(|(name, value)| format!("{name}={value:?}")).collect::<Vec<_>>(),
        "trace": context.trace().map(|trace| trace.to_string()),
        "sinks": context.sinks().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "record": serde_json::from_str::<Value>(&lines.lines()[0]).unwrap(),
    });
    println!("\nREPORT {report}");
}

/// What the child has reported.
#[track_caller]
fn reported(child: &Child) -> Value {
    let stdout = child.stdout();
    let line = stdout.lines().find_map(|line| line.strip_prefix("REPORT ")).unwrap_or_else(|| panic!("{stdout}"));
    serde_json::from_str(line).unwrap()
}

/// Runs the test again in a child process, which gets `context`. Returns `None` in that process.
fn child_of(test: &str, context: &OutputContext) -> Option<Child> {
    in_own_process_with(test, |command| command.inherit_context(context)).map(Child::passed)
}

/// A context whose work began 100 seconds ago.
fn old_context() -> OutputContext {
    let before = Duration::from_secs(100);
    let origin = Origin::from_parts(Instant::now().checked_sub(before).unwrap(), SystemTime::now() - before);
    OutputContext::builder("uno").origin(origin).build()
}

#[test]
fn elapsed_time_counts_from_the_parents_zero() {
    let context = old_context();
    let before = context.elapsed();
    let Some(child) = child_of("elapsed_time_counts_from_the_parents_zero", &context) else {
        logscope::init();
        return report();
    };
    let after = context.elapsed();
    let report = reported(&child);
    let elapsed = Duration::from_nanos(report["elapsed"].as_u64().unwrap());
    assert!(before <= elapsed && elapsed <= after, "{before:?} {elapsed:?} {after:?}");
    let wall = context.origin().wall().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(report["wall"], wall.as_nanos() as u64);
}

#[test]
fn the_child_has_name_fields_verbosity_and_the_parent_of_its_records() {
    let dial = Dial::new(LevelFilter::OFF);
    let context = OutputContext::builder("build \"uno\"\n; 100%")
        .field("env", "the first; é")
        .field("jobs", 8)
        .field("wide", u128::MAX)
        .field("share", 0.25)
        .field("is_clean", true)
        .field("level", None::<u8>)
        .verbosity(&dial)
        .build();
    dial.set("info,linker=trace".parse::<Verbosity>().unwrap());
    let test = "the_child_has_name_fields_verbosity_and_the_parent_of_its_records";
    let Some(child) = child_of(test, &context) else {
        logscope::init();
        tracing::info!("to stderr");
        return report();
    };
    let report = reported(&child);
    assert_eq!(report["name"], context.name());
    assert_eq!(report["verbosity"], "info,linker=trace");
    let fields: Vec<String> = context.fields().iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    assert_eq!(report["fields"], json!(fields), "with their types");
    let record = &report["record"]["context"];
    assert_eq!((&record["name"], &record["parent"]), (&json!(context.name()), &json!(context.id())));
    assert_eq!(record["fields"]["jobs"], 8);
    assert_eq!(report["sinks"], json!(["stderr"]));
    assert!(child.fallback_lines().is_empty(), "{}", child.stderr());
    let lines = child.stderr().lines().filter(|line| line.ends_with(": to stderr")).count();
    assert_eq!(lines, 1, "{}", child.stderr());
}

/// The context of the parent, then what is in the child: variables and configuration.
#[test]
fn what_the_child_says_itself_wins_and_its_variables_do_not() {
    let test = "what_the_child_says_itself_wins_and_its_variables_do_not";
    if !case().is_empty() {
        // Without the context below, of which a ceiling would warn.
        return play_precedence();
    }
    let context = OutputContext::builder("uno").verbosity(LevelFilter::DEBUG).build();
    let cases = [
        ("install", "uno", "debug"),
        ("layer", "uno", "debug"),
        ("inherit(false)", "default", "trace"),
        ("default_context", "own", "error"),
        ("verbosity", "uno", "warn"),
        ("set before", "own", "error"),
        ("ceiling", "uno", "info"),
    ];
    for (case, name, verbosity) in cases {
        let child = in_own_process_with(test, |command| {
            command.env("LOGSCOPE", "trace").env("RUST_LOG", "off").env(CASE, case).inherit_context(&context)
        });
        let Some(child) = child.map(Child::passed) else { return };
        let report = reported(&child);
        assert_eq!((&report["name"], &report["verbosity"]), (&json!(name), &json!(verbosity)), "{case}");
        assert_eq!(report["parent"], if name == "uno" { json!(context.id()) } else { Value::Null }, "{case}");
        assert!(child.fallback_lines().is_empty(), "{case}: {}", child.stderr());
    }
}

fn play_precedence() {
    use tracing_subscriber::prelude::*;

    let own = OutputContext::builder("own").verbosity(LevelFilter::ERROR).sink(sink::null()).build();
    let config = configure();
    match case().as_str() {
        "layer" => tracing_subscriber::registry().with(logscope::layer()).init(),
        "inherit(false)" => config.inherit(false).install().unwrap(),
        "default_context" => config.default_context(own).install().unwrap(),
        "verbosity" => config.verbosity(LevelFilter::WARN).install().unwrap(),
        "ceiling" => config.ceiling(LevelFilter::INFO).install().unwrap(),
        "set before" => {
            logscope::set_process_default(own);
            config.install().unwrap();
        }
        _ => config.install().unwrap(),
    }
    report();
}

#[test]
fn fields_that_do_not_fit_are_told() {
    let mut builder = OutputContext::builder("uno");
    for number in 0..100 {
        builder = builder.field(format!("field {number}"), "x".repeat(200));
    }
    let context = builder.build();
    let Some(child) = child_of("fields_that_do_not_fit_are_told", &context) else {
        logscope::init();
        return report();
    };
    let report = reported(&child);
    let fields = report["fields"].as_array().unwrap();
    let kept = fields.len() - 1;
    assert!(kept > 30, "{kept}");
    assert_eq!(fields[kept], json!(format!("fields_left_out=U64({})", 100 - kept)));
    assert!(fields[..kept].iter().all(|field| field.as_str().unwrap().contains(&"x".repeat(200))), "none is torn");
}

#[test]
fn a_context_that_is_too_long_is_not_given_and_the_parent_is_told() {
    let test = "a_context_that_is_too_long_is_not_given_and_the_parent_is_told";
    let child = in_own_process_with(test, |command| command.env(VARIABLE, "the grandparent's"));
    let Some(child) = child.map(Child::passed) else {
        let context = OutputContext::builder("uno".repeat(3_000)).build();
        let mut command = Command::new("linker");
        command.inherit_context(&context);
        let set: Vec<_> = command.get_envs().collect();
        return assert_eq!(set, [(VARIABLE.as_ref(), None)], "nor that of this process");
    };
    let lines = child.fallback_lines();
    assert!(lines.len() == 1 && lines[0].contains("is not given the context"), "{lines:?}");
}

#[test]
fn a_bad_variable_gives_one_line_and_the_default() {
    let test = "a_bad_variable_gives_one_line_and_the_default";
    let cases = [
        ("2;name=uno", "its version is \"2\""),
        ("1;name=uno", "does not have all of name, parent,"),
        ("what", "its version is \"what\""),
        ("1;name=%", "two digits"),
        ("1;name=\u{1b}[31m", "0x1b"),
        (&"1;".repeat(10_000), "it has 20000 bytes"),
    ];
    for (value, expected) in cases {
        let child = in_own_process_with(test, |command| command.env(VARIABLE, value).env("LOGSCOPE", "warn"));
        let Some(child) = child.map(Child::passed) else {
            logscope::init();
            let _again = logscope::try_init();
            return report();
        };
        let lines = child.fallback_lines();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("LOGSCOPE_CONTEXT is not used: ") && lines[0].contains(expected), "{lines:?}");
        assert!(!lines[0].contains(char::is_control));
        let report = reported(&child);
        assert_eq!((&report["name"], &report["verbosity"]), (&json!("default"), &json!("warn")));
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_unicode_is_bad() {
    use std::os::unix::ffi::OsStrExt as _;

    let value = std::ffi::OsStr::from_bytes(b"1;name=\xff");
    let child = in_own_process_with("a_variable_that_is_not_unicode_is_bad", |command| command.env(VARIABLE, value));
    let Some(child) = child.map(Child::passed) else {
        logscope::init();
        return;
    };
    assert_eq!(child.fallback_lines(), ["LOGSCOPE_CONTEXT is not used: it is not Unicode"]);
}

/// Linux takes the rights of a file's owner only where the file system allows that, and only root can give a file to another user.
#[cfg(target_os = "linux")]
#[test]
fn a_process_with_the_rights_of_another_user_takes_nothing_over() {
    use std::os::unix::fs::{PermissionsExt as _, chown};

    use rustix::process::{geteuid, getuid};

    if case() == "set-user-id" {
        logscope::init();
        println!("\nOTHER {}", getuid() != geteuid());
        return report();
    }
    if !geteuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    // By another process, so that no child of another test has the file open for writing.
    assert!(Command::new("cp").arg(std::env::current_exe().unwrap()).arg(&program).status().unwrap().success());
    chown(&program, Some(65_534), None).unwrap();
    let context = OutputContext::builder("uno").trace(HEADER.parse().unwrap()).build();
    for (mode, is_trusted) in [(0o755, true), (0o4755, false)] {
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(mode)).unwrap();
        let mut command = Command::new(&program);
        let test = "a_process_with_the_rights_of_another_user_takes_nothing_over";
        command.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(CASE, "set-user-id");
        let output = command.inherit_context(&context).output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        if !is_trusted && stdout.contains("OTHER false") {
            return;
        }
        let line = stdout.lines().find_map(|line| line.strip_prefix("REPORT ")).unwrap_or_else(|| panic!("{stdout}"));
        let report: Value = serde_json::from_str(line).unwrap();
        let expected = if is_trusted { (json!("uno"), json!(HEADER)) } else { (json!("default"), Value::Null) };
        assert_eq!((&report["name"], &report["trace"]), (&expected.0, &expected.1), "{mode:o}");
    }
}

/// Runs this binary once more, for `case`.
fn again(test: &str, case: &str, prepare: impl FnOnce(&mut Command)) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(CASE, case);
    prepare(&mut command);
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

#[test]
fn a_grandchild_has_the_context_of_whoever_gave_it_last() {
    let test = "a_grandchild_has_the_context_of_whoever_gave_it_last";
    let context = OutputContext::builder("uno").build();
    let Some(child) = child_of(test, &context) else {
        logscope::init();
        if case() == "grandchild" {
            return report();
        }
        let own = OutputContext::current();
        print!("{}", again(test, "grandchild", |_| {}));
        let link = own.child("link").build();
        let prepare = |command: &mut Command| {
            command.inherit_context(&link);
        };
        print!("{}", again(test, "grandchild", prepare));
        println!("\nOWN {}", own.id());
        return;
    };
    let stdout = child.stdout();
    let reports: Vec<Value> = stdout
        .lines()
        .filter_map(|line| line.strip_prefix("REPORT "))
        .map(|report| serde_json::from_str(report).unwrap())
        .collect();
    assert_eq!(reports.len(), 2, "{stdout}");
    assert_eq!((&reports[0]["name"], &reports[0]["parent"]), (&json!("uno"), &json!(context.id())), "it stays");
    assert_eq!(reports[1]["name"], "link");
    let own: u64 = stdout.lines().find_map(|line| line.strip_prefix("OWN ")).unwrap().parse().unwrap();
    assert!(reports[1]["parent"].as_u64().unwrap() > own, "the context that the child has made");
}

/// What the command has for `name`.
fn set(command: &Command, name: &str) -> Option<String> {
    let (_, value) = command.get_envs().find(|(known, _)| *known == name)?;
    value.map(|value| value.to_str().unwrap().to_owned())
}

#[test]
fn the_variable_is_one_of_the_command() {
    let [one, two] = ["one", "two"].map(|name| OutputContext::builder(name).build());
    let mut command = Command::new("linker");
    command.inherit_context(&one).inherit_context(&two);
    assert!(set(&command, VARIABLE).unwrap().contains("name=two"), "the last one counts");
    command.env_clear();
    assert_eq!(set(&command, VARIABLE), None);
    command.inherit_context(&one);
    assert!(set(&command, VARIABLE).unwrap().contains("name=one"), "also after `env_clear`");
    command.env_remove(VARIABLE);
    assert_eq!(set(&command, VARIABLE), None);
}

#[test]
fn an_offer_is_made_only_where_it_is_asked_for() {
    let context = OutputContext::builder("uno").sink(sink::stderr()).build();
    let mut command = Command::new("linker");
    command.inherit_context(&context);
    assert!(!set(&command, VARIABLE).unwrap().contains("file="));
}

#[test]
fn the_trace_of_the_context_goes_with_it() {
    let test = "the_trace_of_the_context_goes_with_it";
    let trace: TraceContext = HEADER.parse().unwrap();
    let context = OutputContext::builder("uno").field("env", "uno").trace(trace).build();
    let Some(child) = child_of(test, &context) else {
        logscope::init();
        println!("\nTRACEPARENT {}", std::env::var("TRACEPARENT").unwrap());
        return report();
    };
    let report = reported(&child);
    assert_eq!(report["trace"], HEADER);
    assert_eq!(report["record"]["context"]["fields"], json!({ "env": "uno", "trace_id": &HEADER[3..35] }));
    assert!(child.stdout().contains(&format!("TRACEPARENT {HEADER}")), "for programs that know nothing of contexts");
}

#[test]
fn the_trace_of_the_environment_is_read_and_passed_on() {
    let test = "the_trace_of_the_environment_is_read_and_passed_on";
    for (case, header) in [("init", HEADER), ("inherit(false)", HEADER), ("bad", "00-what")] {
        let child = in_own_process_with(test, |command| command.env("TRACEPARENT", header).env(CASE, case));
        let Some(child) = child.map(Child::passed) else { return play_trace() };
        let report = reported(&child);
        let (is_read, name) = (case == "init", "default");
        assert_eq!(report["trace"], if is_read { json!(HEADER) } else { Value::Null }, "{case}");
        assert_eq!(report["name"], name);
        let shown = &report["record"]["context"]["fields"];
        assert_eq!(shown["trace_id"], if is_read { json!(&HEADER[3..35]) } else { Value::Null }, "{case}");
        let lines = child.fallback_lines();
        assert_eq!(lines.len(), usize::from(case == "bad"), "{lines:?}");
        assert!(lines.iter().all(|line| line.starts_with("TRACEPARENT is not used: ")), "{lines:?}");
    }
}

fn play_trace() {
    configure().inherit(case() != "inherit(false)").install().unwrap();
    let (plain, header) = (OutputContext::builder("uno").build(), std::env::var("TRACEPARENT").unwrap());
    let given = |prepare: fn(&mut Command) -> &mut Command| {
        let mut command = Command::new("linker");
        prepare(&mut command);
        command.inherit_context(&plain);
        set(&command, "TRACEPARENT")
    };
    let is_good = header == HEADER;
    assert_eq!(given(Command::env_clear), is_good.then_some(header));
    assert_eq!(given(|command| command.env("TRACEPARENT", OTHER_HEADER)).unwrap(), OTHER_HEADER);
    assert_eq!(given(|command| command.env_remove("TRACEPARENT")), None, "the program wants none");
    let traced = plain.to_builder().trace(OTHER_HEADER.parse().unwrap()).build();
    let mut command = Command::new("linker");
    command.env("TRACEPARENT", HEADER).inherit_context(&traced);
    assert_eq!(set(&command, "TRACEPARENT").unwrap(), OTHER_HEADER);
    report();
}

#[cfg(feature = "tokio")]
#[test]
fn a_command_of_tokio_is_given_a_context_too() {
    let test = "a_command_of_tokio_is_given_a_context_too";
    let context = old_context();
    let Some(child) = child_of(test, &context) else {
        logscope::init();
        if case() == "grandchild" {
            return report();
        }
        let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
        command.args([test, "--exact", "--nocapture"]).env(CASE, "grandchild");
        command.inherit_context(&OutputContext::current().renamed("of tokio"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let output = runtime.block_on(async { command.output().await }).unwrap();
        return print!("{}", String::from_utf8(output.stdout).unwrap());
    };
    let report = reported(&child);
    assert_eq!(report["name"], "of tokio");
    assert!(Duration::from_nanos(report["elapsed"].as_u64().unwrap()) >= Duration::from_secs(100));
}
