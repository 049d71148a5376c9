//! Reading with threads, as on platforms without poll(2) for pipes; the programs are Unix's.

use std::process::{Command, Stdio};
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
    command.args(["-c", script]).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut other = Command::new("unused");
    let mut options = uno.run(&mut other).linger(linger).options;
    let left_open = uno.scope(|| {
        let mut child = command.spawn().unwrap();
        let outputs = [child.stdout.take().map(output), child.stderr.take().map(output)];
        let pipes = Pipes { outputs, stdin: child.stdin.take(), input: input.unwrap_or_default() };
        let pid = child.id();
        let mut live = Live::new(child, pid, &options);
        let mut recorder = Recorder::new(Program::of(&command), &mut options);
        let left_open = threads::read_all(pipes, pid, &mut live, &mut recorder).unwrap();
        assert!(live.reap_with(Child::wait).unwrap().success());
        left_open
    });
    (lines.lines(), left_open)
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
