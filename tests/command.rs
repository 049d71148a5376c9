//! What a program prints becomes records of the context that it is run in, whatever it prints and in whatever order; and each option.

#![cfg(feature = "testing")]
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;
mod common;
#[path = "common/programs.rs"]
mod programs;

use std::io::{self, Write as _};
use std::process::Command;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use child::{Child, in_child};
use common::{Log, init, on_thread};
use logscope::command::Stream;
use logscope::sink::{self, Line, Output};
use logscope::{Ansi, Format, Level, LevelFilter, OutputContext};
use programs::{last, pid, printed, records, sh};
use serde_json::json;

fn owned(records: &[(&str, &str)]) -> Vec<(String, String)> {
    records.iter().map(|(level, message)| ((*level).to_owned(), (*message).to_owned())).collect()
}

#[test]
fn each_line_of_both_streams_is_a_record_between_those_of_the_start_and_the_end() {
    init();
    let log = Log::new("uno");
    let mut command = sh("echo one; echo two >&2; echo three; exit 3");
    command.args(["a", "b c", ""]);
    let finished = log.context.run(&mut command).wait().unwrap();
    assert_eq!((finished.status.code(), finished.lines, finished.success()), (Some(3), 3, false));
    assert!(!finished.timed_out && !finished.left_open && finished.stdout.bytes().is_empty());
    assert_eq!(records(&log, "logscope::command::stdout"), owned(&[("INFO", "one"), ("INFO", "three")]));
    assert_eq!(records(&log, "logscope::command::stderr"), owned(&[("INFO", "two")]));
    let ends = [("DEBUG", "sh started"), ("WARN", "sh failed (exit status: 3)")];
    assert_eq!(records(&log, "logscope::command"), owned(&ends));

    let lines = log.lines();
    let first = &lines[0].fields;
    assert_eq!((&first["program"], first["pid"].as_u64()), (&json!("sh"), Some(pid(&log))));
    assert_eq!(first["arguments"], r#"-c "echo one; echo two >&2; echo three; exit 3" a "b c" """#);
    assert!(lines[1..4].iter().all(|line| line.fields.as_object().unwrap().len() == 1), "the message alone: {lines:?}");
    let last = &lines.last().unwrap().fields;
    assert_eq!((&last["program"], &last["status"], last.get("signal")), (&json!("sh"), &json!(3), None));
    let seconds = last["seconds"].as_f64().unwrap();
    assert!((seconds - finished.duration.as_secs_f64()).abs() < 2e-6 && seconds > 0.0);
}

#[test]
fn a_success_is_told_at_debug_and_a_signal_by_its_number() {
    init();
    let log = Log::new("uno");
    assert!(log.context.run(&mut sh("exit 0")).wait().unwrap().success());
    assert_eq!((last(&log).level.as_str(), last(&log).message.as_str()), ("DEBUG", "sh succeeded"));
    assert_eq!(last(&log).fields["status"], 0);
    let finished = log.context.run(&mut sh("kill -9 $$")).wait().unwrap();
    assert!(!finished.success());
    assert_eq!((last(&log).level.as_str(), &last(&log).fields["signal"]), ("WARN", &json!(9)));
    assert!(last(&log).fields.get("status").is_none());
    let error = finished.check().unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (io::ErrorKind::Other, "sh failed (signal: 9 (SIGKILL))"));
}

#[test]
fn a_program_that_is_not_there_is_an_error_that_names_it() {
    init();
    let log = Log::new("uno");
    let error = log.context.run(&mut Command::new("/no/such/compiler")).merged().wait().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(error.to_string().starts_with("cannot run /no/such/compiler: No such file"), "{error}");
    log.assert_holds::<&str>(&[]);
}

#[test]
fn merged_streams_are_in_exact_order() {
    init();
    let log = Log::new("uno");
    let mut command = sh("i=0; while [ $i -lt 500 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done");
    // Twice: a run must not leave its pipe in the command.
    for _ in 0..2 {
        let finished = log.context.run(&mut command).merged().wait().unwrap().check().unwrap();
        assert!(!finished.left_open, "the pipe is at its end");
    }
    let once = (0..500).flat_map(|n| [format!("out {n}"), format!("err {n}")]);
    let expected: Vec<_> = once.clone().chain(once).collect();
    assert_eq!(printed(&log, "merged"), expected);
}

#[test]
fn levels_are_those_of_the_streams_or_of_a_function() {
    init();
    let log = Log::new("uno");
    let mut command = sh("echo one; echo warning: two >&2; echo three >&2");
    let run = || sh("echo one; echo warning: two >&2; echo three >&2");
    log.context.run(&mut run()).stdout_level(Level::TRACE).stderr_level(Level::ERROR).wait().unwrap();
    assert_eq!(records(&log, "logscope::command::stdout"), owned(&[("TRACE", "one")]));
    assert_eq!(records(&log, "logscope::command::stderr"), owned(&[("ERROR", "warning: two"), ("ERROR", "three")]));

    let log = Log::new("uno");
    let mut seen = Vec::new();
    let level_by = |stream, line: &str| {
        assert_eq!(OutputContext::current().name(), "uno");
        seen.push((stream, line.to_owned()));
        if line.starts_with("warning") { Level::WARN } else { Level::DEBUG }
    };
    log.context.run(&mut command).level_by(level_by).wait().unwrap();
    assert_eq!(records(&log, "logscope::command::stderr"), owned(&[("WARN", "warning: two"), ("DEBUG", "three")]));
    seen.sort_by_key(|(stream, _)| *stream == Stream::Stderr);
    let streams: Vec<_> = seen.iter().map(|(stream, line)| (*stream, line.as_str())).collect();
    assert_eq!(streams, [(Stream::Stdout, "one"), (Stream::Stderr, "warning: two"), (Stream::Stderr, "three")]);
}

#[test]
fn the_verbosity_and_its_directives_choose() {
    init();
    let (memory, lines) = sink::memory();
    let builder = OutputContext::builder("uno").sink(memory.format(Format::raw()));
    let uno = builder.directives("info,logscope::command=warn,logscope::command::stderr=info").unwrap().build();
    uno.run(&mut sh("echo one; echo two >&2")).wait().unwrap();
    assert_eq!(lines.lines(), ["two"]);
}

#[test]
fn stdin_is_empty_or_the_bytes() {
    init();
    let log = Log::new("uno");
    log.context.run(&mut sh("cat; echo end")).wait().unwrap();
    assert_eq!(printed(&log, "stdout"), ["end"]);
    let log = Log::new("uno");
    log.context.run(&mut sh("cat; echo end")).stdin("one\ntwo").wait().unwrap();
    assert_eq!(printed(&log, "stdout"), ["one", "twoend"]);
    let log = Log::new("uno");
    log.context.run(&mut sh("cat; echo end")).stdin("").wait().unwrap();
    assert_eq!(printed(&log, "stdout"), ["end"]);
}

/// Prints 2 MB on each stream.
const MUCH: &str =
    "x=0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789
    i=0; while [ $i -lt 20000 ]; do echo $x $i; echo $x $i >&2; i=$((i+1)); done";

#[test]
fn megabytes_on_both_pipes_pass_while_stdin_is_read_late() {
    init();
    let log = Log::new("uno");
    let input = vec![b'x'; 3 << 20];
    let context = log.context.clone();
    let finished = on_thread(move || {
        let mut command = sh(&format!("{MUCH}; wc -c"));
        context.run(&mut command).stdin(input).wait().unwrap().check().unwrap()
    })();
    assert_eq!(finished.lines, 40_001);
    let number = |line: &String| line.rsplit(' ').next().unwrap().parse::<u32>().unwrap();
    let stdout = printed(&log, "stdout");
    assert!(stdout[..20_000].iter().map(number).eq(0..20_000));
    assert_eq!(stdout[20_000].trim(), (3 << 20).to_string());
    assert!(printed(&log, "stderr").iter().map(number).eq(0..20_000));
}

#[test]
fn a_program_need_not_read_its_stdin() {
    init();
    let log = Log::new("uno");
    for script in ["echo one", "exec <&-; echo one; exec sleep 0.05", "head -c 1 >/dev/null; echo one"] {
        let context = log.context.clone();
        let run = move || context.run(&mut sh(script)).stdin(vec![b'x'; 1 << 20]).wait().unwrap().check().unwrap();
        assert_eq!(on_thread(run)().lines, 1, "{script}");
    }
    assert_eq!(printed(&log, "stdout"), ["one"; 3]);
}

#[test]
fn progress_partial_lines_and_what_is_no_text() {
    init();
    let log = Log::new("uno");
    let script =
        r#"printf '10%%\r50%%\r100%%\nwindows\r\n'; printf 'a\377b\303\n'; printf '\033[1mbold\033[0m\n\npart'"#;
    log.context.run(&mut sh(script)).wait().unwrap();
    let expected = ["100%", "windows", "a\u{fffd}b\u{fffd}", "\x1b[1mbold\x1b[0m", "", "part"];
    assert_eq!(printed(&log, "stdout"), expected);
}

#[test]
fn each_format_shows_escape_sequences_in_its_way() {
    init();
    let formats = [
        Format::raw().ansi(Ansi::Keep),
        Format::raw(),
        Format::text().ansi(Ansi::Escape),
        Format::build(),
        Format::json(),
    ];
    let (mut builder, mut memories) = (OutputContext::builder("uno"), Vec::new());
    for format in formats {
        let (sink, memory) = sink::memory();
        builder = builder.sink(sink.format(format));
        memories.push(memory);
    }
    builder.build().run(&mut sh(r"printf '\033[31mred\033[0m\n'")).wait().unwrap();
    let lines: Vec<_> = memories.iter().map(|memory| memory.lines().concat()).collect();
    assert_eq!(lines[..2], ["\x1b[31mred\x1b[0m", "red"]);
    assert!(lines[2].ends_with(r"logscope::command::stdout: \x1b[31mred\x1b[0m"), "{}", lines[2]);
    assert!(!lines[3].contains('\x1b') && lines[3].contains("red"), "{}", lines[3]);
    let json: serde_json::Value = serde_json::from_str(&lines[4]).unwrap();
    assert_eq!(json["fields"]["message"], "\x1b[31mred\x1b[0m");
}

#[test]
fn a_long_line_goes_on_in_records_that_say_so() {
    init();
    let log = Log::new("uno");
    log.context.run(&mut sh("echo 0123456789abcdefXYZ; echo short")).max_line_bytes(16).wait().unwrap();
    assert_eq!(printed(&log, "stdout"), ["0123456789abcdef", "XYZ", "short"]);
    let continued: Vec<_> = log.lines().iter().map(|line| line.fields["continued"].as_bool()).collect();
    assert_eq!(continued, [None, None, Some(true), None, None]);

    let log = Log::new("uno");
    log.context.run(&mut sh("head -c 200000 /dev/zero | tr '\\0' x")).wait().unwrap();
    let lengths: Vec<_> = printed(&log, "stdout").iter().map(String::len).collect();
    assert_eq!(lengths, [65_536, 65_536, 65_536, 200_000 - 3 * 65_536]);
}

#[test]
fn what_is_captured_is_what_was_printed_up_to_a_limit_that_is_told() {
    init();
    let log = Log::new("uno");
    let script = r"printf 'one\r\ntwo\377'; printf three >&2";
    let finished = log.context.run(&mut sh(script)).capture(true).wait().unwrap();
    assert_eq!((finished.stdout.bytes(), finished.stderr.bytes()), (&b"one\r\ntwo\xff"[..], &b"three"[..]));
    assert_eq!(finished.stdout.text(), "one\r\ntwo\u{fffd}");
    assert_eq!((finished.stdout.missing(), log.lines().iter().filter(|line| line.level == "WARN").count()), (0, 0));

    let log = Log::new("uno");
    let script = "head -c 17000000 /dev/zero | tr '\\0' x; echo end >&2";
    let finished = log.context.run(&mut sh(script)).merged().capture(true).wait().unwrap();
    assert_eq!((finished.stdout.bytes().len(), finished.stdout.missing()), (16 << 20, 17_000_004 - (16 << 20)));
    assert_eq!(printed(&log, "merged").concat().len(), 17_000_003, "all of it is logged");
    let warned = log.lines().into_iter().find(|line| line.level == "WARN").unwrap();
    assert_eq!(warned.message, "sh has printed more than is captured");
    assert_eq!(warned.fields["missing"].as_u64(), Some(finished.stdout.missing()));
}

const SHOW_COLORS: &str = "echo ${CLICOLOR_FORCE-none} ${FORCE_COLOR-none} ${CARGO_TERM_COLOR-none}";

#[test]
fn colours_are_asked_for_where_the_command_says_nothing_else() {
    init();
    let shown = |colored, command: &mut Command| {
        command.env_remove("NO_COLOR");
        let log = Log::new("uno");
        log.context.run(command).colored(colored).wait().unwrap();
        printed(&log, "stdout").concat()
    };
    if std::env::var_os("NO_COLOR").is_none() {
        assert_eq!(shown(true, sh(SHOW_COLORS).env("CARGO_TERM_COLOR", "never")), "1 1 never");
        assert_eq!(
            shown(true, sh(SHOW_COLORS).env_remove("FORCE_COLOR").env("CARGO_TERM_COLOR", "auto")),
            "1 none auto"
        );
        assert_eq!(shown(true, &mut sh(SHOW_COLORS)), "1 1 always");
    }
    let variables = ["CLICOLOR_FORCE", "FORCE_COLOR", "CARGO_TERM_COLOR"];
    if variables.iter().all(|name| std::env::var_os(name).is_none()) {
        assert_eq!(shown(false, &mut sh(SHOW_COLORS)), "none none none");
    }
}

#[test]
fn no_color_of_the_command_comes_before_that_of_the_environment() {
    init();
    let asked = |no_color: Option<&str>| {
        let (log, mut command) = (Log::new("uno"), sh("exit 0"));
        let command = match no_color {
            Some(value) => command.env("NO_COLOR", value),
            None => command.env_remove("NO_COLOR"),
        };
        log.context.run(command).colored(true).wait().unwrap();
        command.get_envs().any(|(name, _)| name == "CLICOLOR_FORCE")
    };
    assert_eq!([Some("1"), Some(""), None].map(asked), [false, true, true]);
}

#[test]
fn no_color_of_the_environment_is_honoured() {
    const TEST: &str = "no_color_of_the_environment_is_honoured";
    in_child(TEST, |_| {
        init();
        let log = Log::new("uno");
        log.context.run(&mut sh(SHOW_COLORS)).colored(true).wait().unwrap();
        json!(printed(&log, "stdout").concat())
    });
    let child = ["CLICOLOR_FORCE", "FORCE_COLOR", "CARGO_TERM_COLOR"]
        .iter()
        .fold(Child::new(TEST), |child, name| child.var(name, "0"));
    assert_eq!(child.var("NO_COLOR", "1").run().report, "0 0 0");
}

#[test]
fn the_records_have_the_spans_of_the_caller() {
    init();
    let (memory, lines) = sink::memory();
    let uno = OutputContext::builder("uno").sink(memory.format(Format::text())).build();
    let dos = OutputContext::builder("dos").sink(sink::null()).build();
    dos.scope(|| {
        let _span = uno.scope(|| tracing::info_span!("link", unit = "core").entered());
        uno.run(&mut sh("echo one")).wait().unwrap();
        assert_eq!(OutputContext::current().name(), "dos");
    });
    assert!(lines.lines()[0].contains("link{unit=core}"), "{:?}", lines.lines());
}

#[test]
fn the_tokens_of_a_jobserver_reach_the_program() {
    use std::os::fd::AsRawFd as _;

    init();
    let (reader, mut writer) = io::pipe().unwrap();
    let inherited = [rustix::io::dup(&reader).unwrap(), rustix::io::dup(&writer).unwrap()];
    assert!(inherited.iter().all(|end| rustix::io::fcntl_getfd(end).unwrap().is_empty()), "programs inherit them");
    writer.write_all(b"+").unwrap();
    let auth = format!("-j --jobserver-auth={},{}", inherited[0].as_raw_fd(), inherited[1].as_raw_fd());
    let log = Log::new("uno");
    let mut command = sh(
        r#"fds=${CARGO_MAKEFLAGS##*=}; token=$(head -c 1 /dev/fd/${fds%,*}); echo "got $token"; printf '*' >/dev/fd/${fds#*,}"#,
    );
    command.env("CARGO_MAKEFLAGS", auth);
    log.context.run(&mut command).timeout(Duration::from_secs(60)).wait().unwrap().check().unwrap();
    assert_eq!(printed(&log, "stdout"), ["got +"]);
    let mut token = [0];
    assert_eq!((rustix::io::read(&reader, &mut token).unwrap(), token), (1, [b'*']));
}

/// An output that waits until it is let go on.
struct Slow {
    entered: SyncSender<()>,
    go_on: Mutex<Receiver<()>>,
    lines: Arc<Mutex<Vec<u8>>>,
}

impl Output for Slow {
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        let _ = self.entered.try_send(());
        // An error says that nothing holds it up any more.
        let _ = self.go_on.lock().unwrap().recv();
        self.lines.lock().unwrap().extend_from_slice(line.bytes());
        Ok(())
    }
}

#[test]
fn a_slow_sink_holds_the_program_up_and_loses_nothing() {
    init();
    let folder = tempfile::tempdir().unwrap();
    let end = folder.path().join("end");
    let ((entered, is_entered), (release, go_on)) = (sync_channel(1), sync_channel(0));
    let lines = Arc::new(Mutex::new(Vec::new()));
    let output = Slow { entered, go_on: Mutex::new(go_on), lines: lines.clone() };
    let uno = OutputContext::builder("uno").sink(sink::custom(output).format(Format::raw())).build();
    let mut command = sh(&format!("{MUCH}; : >{}", end.display()));
    let running = on_thread(move || uno.run(&mut command).stderr_level(Level::TRACE).wait().unwrap().check().unwrap());
    is_entered.recv_timeout(common::DEADLINE).unwrap();
    assert!(!end.exists(), "no pipe takes 2 MB");
    drop(release);
    assert_eq!(running().lines, 40_000);
    assert!(end.exists());
    let lines = lines.lock().unwrap();
    assert_eq!(lines.iter().filter(|byte| **byte == b'\n').count(), 20_000);
}

#[test]
fn several_programs_log_to_their_own_contexts() {
    init();
    let logs: Vec<_> = (0..8).map(|n| Log::new(format!("build {n}"))).collect();
    std::thread::scope(|threads| {
        for (n, log) in logs.iter().enumerate() {
            threads.spawn(move || {
                let mut command =
                    sh(&format!("i=0; while [ $i -lt 300 ]; do echo {n}; echo {n} >&2; i=$((i+1)); done"));
                log.context.run(&mut command).wait().unwrap().check().unwrap();
            });
        }
    });
    for (n, log) in logs.iter().enumerate() {
        assert_eq!(printed(log, "stdout"), vec![n.to_string(); 300]);
        assert_eq!(printed(log, "stderr"), vec![n.to_string(); 300]);
    }
}

#[test]
fn a_context_that_wants_nothing_runs_the_program_all_the_same() {
    init();
    let uno = OutputContext::builder("uno").verbosity(LevelFilter::OFF).sink(sink::null()).build();
    let finished = uno.run(&mut sh("echo one; echo two >&2")).capture(true).wait().unwrap();
    assert_eq!((finished.lines, &*finished.stdout.text(), &*finished.stderr.text()), (2, "one\n", "two\n"));
    assert_eq!(uno.ledger().accepted, 0);
}

#[test]
fn a_part_of_a_line_can_be_logged_while_the_level_sees_all_of_it() {
    init();
    let log = Log::new("uno");
    let mut command = sh("echo warning: one; echo two");
    let run = log.context.run(&mut command).capture(true).level_by(|_, line| match line.strip_prefix("warning: ") {
        Some(_) => Level::WARN,
        None => Level::INFO,
    });
    let finished = run.message_by(|_, line| line.strip_prefix("warning: ").unwrap_or(line)).wait().unwrap();
    assert_eq!(records(&log, "logscope::command::stdout"), owned(&[("WARN", "one"), ("INFO", "two")]));
    assert_eq!(finished.stdout.text(), "warning: one\ntwo\n");
}
