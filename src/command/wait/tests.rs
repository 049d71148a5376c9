//! Reading with threads, as on platforms without poll(2) for pipes; the programs are Unix's.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::process::Command;
use std::time::Duration;

use super::*;
use crate::OutputContext;
use crate::format::Format;
use crate::sink;

/// Runs `script`, and returns its lines as they were printed, and whether its output was still open.
fn run(script: &str, input: Option<Vec<u8>>, linger: Duration) -> (Vec<String>, bool) {
    let _ = crate::try_init();
    let (memory, lines) = sink::memory();
    let uno = OutputContext::builder("uno").sink(memory.format(Format::raw())).build();
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    let mut run = uno.run(&mut command).linger(linger);
    run.options.stdin = input;
    let finished = uno.scope(|| {
        let (mut running, pipes) = Running::start(run.command, run.options).unwrap();
        let left_open = receive::read_all(&mut running, pipes).unwrap();
        running.finish(left_open).unwrap()
    });
    assert!(finished.success());
    (lines.lines(), finished.left_open)
}

#[test]
fn threads_read_both_streams_to_their_ends_while_stdin_is_written() {
    let script =
        "i=0; while [ $i -lt 2000 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done; wc -c; printf part >&2";
    let (lines, left_open) = run(script, Some(vec![b'x'; 1 << 20]), Duration::from_secs(60));
    let of = |name: &str| lines.iter().filter(|line| line.starts_with(name)).cloned().collect::<Vec<_>>();
    assert!(!left_open && lines.len() == 4002);
    assert!(of("out").into_iter().eq((0..2000).map(|n| format!("out {n}"))));
    assert!(of("err").into_iter().eq((0..2000).map(|n| format!("err {n}"))));
    assert!(lines.iter().any(|line| line.trim() == "1048576") && lines.contains(&"part".to_owned()));
}

#[test]
fn threads_wait_for_a_program_that_has_closed_its_output_and_for_no_reader_of_its_stdin() {
    let (lines, left_open) = run("echo one; exec >&- 2>&- <&-; sleep 0.1", Some(vec![b'x'; 1 << 20]), Duration::ZERO);
    assert_eq!((lines, left_open), (vec!["one".to_owned()], false));
}

#[test]
fn threads_are_left_behind_when_another_process_holds_the_output_open() {
    let (lines, left_open) = run("sleep 5 & echo $!", None, Duration::from_millis(10));
    assert!(left_open);
    let pid = rustix::process::Pid::from_raw(lines[0].parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}
