//! Programs for the tests of `OutputContext::run`: scripts of `sh`, and what became of their processes.

#![allow(dead_code)]

use std::process::Command;

use crate::common::{Log, ParsedLine, wait_until};

/// A command that runs `script`.
pub(crate) fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// What reads a program's stdin when that has exited, and prints how many bytes there were. It is started by the program, and holds its output.
pub(crate) const READS_LATER: &str =
    "exec 3<&0; (until grep -q ') Z ' /proc/$$/stat; do sleep 0.01; done; wc -c <&3) & exit 0";

/// The records with the target `target`, as level and message.
#[track_caller]
pub(crate) fn records(log: &Log, target: &str) -> Vec<(String, String)> {
    let _checked = log.messages();
    let lines = log.lines().into_iter().filter(|line| line.target == target);
    lines.map(|line| (line.level, line.message)).collect()
}

/// The lines that a program has printed on one of its streams, or on the merged one.
#[track_caller]
pub(crate) fn printed(log: &Log, stream: &str) -> Vec<String> {
    let target = format!("logscope::command::{stream}");
    records(log, &target).into_iter().map(|(_, message)| message).collect()
}

/// The record that says how the program has ended.
#[track_caller]
pub(crate) fn last(log: &Log) -> ParsedLine {
    log.lines().into_iter().rfind(|line| line.target == "logscope::command").expect("there is a record of the end")
}

/// The process id of the program, from the record of its start.
#[track_caller]
pub(crate) fn pid(log: &Log) -> u64 {
    log.lines().iter().find_map(|line| line.fields["pid"].as_u64()).expect("there is a record of the start")
}

/// The state of a process (`R`, `S`, `Z`, …), or `None` if there is none with this number.
#[cfg(target_os = "linux")]
pub(crate) fn state(pid: u64) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Waits until there is no process with this number: it has exited, and was waited for.
#[cfg(target_os = "linux")]
#[track_caller]
pub(crate) fn wait_until_reaped(pid: u64) {
    wait_until("the program ends and is waited for", || state(pid).is_none());
}

/// Waits until a process that is no child of ours has ended. Whoever has inherited it may not wait for it.
#[cfg(target_os = "linux")]
#[track_caller]
pub(crate) fn wait_until_dead(pid: u64) {
    wait_until("the process ends", || state(pid).is_none_or(|state| state == 'Z' || state == 'X'));
}
