//! Reading with threads in a task, as on platforms without poll(2) for pipes; the programs are Unix's.

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
