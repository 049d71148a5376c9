//! Reading in a task: with threads, as on platforms without poll(2) for pipes, and what the driver of the runtime has not told. The programs are Unix's.

use std::process::Command;
use std::time::Duration;

use super::*;
use crate::OutputContext;
use crate::format::Format;
use crate::sink;

#[test]
fn threads_read_both_streams_to_their_ends_while_stdin_is_written() {
    let _ = crate::try_init();
    let (memory, lines) = sink::memory();
    let uno = OutputContext::builder("uno").sink(memory.format(Format::raw())).build();
    let script =
        "i=0; while [ $i -lt 2000 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done; wc -c; printf part >&2";
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    let run = uno.run(&mut command).stdin(vec![b'x'; 1 << 20]).linger(Duration::from_secs(60));
    let work = async {
        let (mut running, pipes) = Running::start(run.command, run.options).unwrap();
        let left_open = receive::read_all(&mut running, pipes).await.unwrap();
        running.finish(left_open).unwrap()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let finished = runtime.block_on(work.in_context(&uno));
    assert!(finished.success() && !finished.left_open);
    let lines = lines.lines();
    let of = |name: &str| lines.iter().filter(|line| line.starts_with(name)).cloned().collect::<Vec<_>>();
    assert!(of("out").into_iter().eq((0..2000).map(|n| format!("out {n}"))));
    assert!(of("err").into_iter().eq((0..2000).map(|n| format!("err {n}"))));
    assert!(lines.iter().any(|line| line.trim() == "1048576") && lines.contains(&"part".to_owned()));
}

#[cfg(not(any(target_os = "openbsd", target_os = "redox")))]
#[test]
fn what_the_runtime_has_not_told_of_is_read_at_the_end() {
    use tokio::net::unix::pipe::{Receiver, Sender};

    use crate::command::pump::Pump;

    let _ = crate::try_init();
    let (memory, lines) = sink::memory();
    let uno = OutputContext::builder("uno").sink(memory.format(Format::raw())).build();
    let mut command = Command::new("sh");
    command.args(["-c", "echo one; echo two >&2"]);
    let run = uno.run(&mut command);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Nothing is awaited, so the runtime never looks at the pipes.
    let work = async {
        let (mut running, pipes) = Running::start(run.command, run.options).unwrap();
        let pump: Pump<Receiver, Sender> = Pump::new(pipes).unwrap();
        running.live.child().wait().unwrap();
        pump.drain(&mut running.recorder).unwrap()
    };
    let left_open = runtime.block_on(work.in_context(&uno));
    assert!(!left_open);
    // The last line says that the run was dropped.
    assert_eq!(lines.lines()[..2], ["one", "two"]);
}
