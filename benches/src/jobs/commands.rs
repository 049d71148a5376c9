//! A line that a child process prints: run by logscope, against reading its stdout by hand, line by line, and logging each line.
//!
//! Running reads stdout, stderr and the exit in one thread, and asks poll(2) before each read: that is what it costs more. By hand, stdout alone is
//! read.
//!
//! A round is one process that prints as many lines as are measured, so its start counts, on both sides.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use cpu_time::ThreadTime;
use logscope::{Clock, Format};

use super::Job;
use crate::alloc;
use crate::harness::{Sample, Subject};
use crate::remote::{Remote, Subjects};
use crate::subjects::discarding;
use crate::table::Mark;

pub fn jobs() -> Vec<Job> {
    vec![Job::new("a line of a child process, run()", "BufRead::lines and info!", &[Mark::AtMostTimes(1.25)], || {
        Ok((Remote::start("commands")?.subject("run"), Remote::start("commands")?.subject("by-hand")))
    })]
}

pub fn arrange(arrangement: &str) -> Option<Subjects> {
    (arrangement == "commands").then(|| {
        logscope::try_init().expect("nothing is installed yet");
        vec![("run", run()), ("by-hand", by_hand())]
    })
}

/// A command that prints this many lines of 80 bytes.
fn printing(lines: u64) -> Command {
    let line = "   Compiling a-crate-with-a-long-name v0.12.3 (/home/uno/src/a-crate-with-a-lon";
    let mut command = Command::new("sh");
    command.args(["-c", &format!("yes '{line}' | head -n {lines}")]);
    command
}

fn measured(work: impl FnOnce()) -> Sample {
    let requests = alloc::requests();
    let start = ThreadTime::now();
    work();
    Sample { time: start.elapsed(), allocations: alloc::requests() - requests }
}

fn run() -> Subject {
    let context = discarding(Format::text(), Clock::system());
    Box::new(move |times| {
        let mut command = printing(times);
        measured(|| {
            let finished = context.run(&mut command).wait().expect("sh runs");
            assert_eq!(finished.lines, times);
        })
    })
}

fn by_hand() -> Subject {
    let context = discarding(Format::text(), Clock::system());
    Box::new(move |times| {
        let mut command = printing(times);
        measured(|| {
            let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("sh runs");
            let stdout = child.stdout.take().expect("it is piped");
            context.scope(|| {
                for line in BufReader::new(stdout).lines() {
                    tracing::info!("{}", line.expect("it is text"));
                }
            });
            assert!(child.wait().expect("it was not waited for").success());
        })
    })
}
