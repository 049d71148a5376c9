//! A process that takes a lock when it is told to.

// Each test binary uses only some of these helpers.
#![allow(dead_code)]
#![allow(clippy::print_stdout, reason = "the answers go there")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use logscope::Error;
use logscope::lock::{FileLock, FileLockGuard};
use serde_json::Value;

use crate::child::{ALARM, Child, Running};

/// Before each answer: the test harness prints on stdout as well.
const ANSWER: &str = "> ";

/// The process, as the test that drives it sees it.
pub(crate) struct LockChild {
    running: Running,
    stdin: ChildStdin,
    answers: Receiver<String>,
}

impl LockChild {
    /// Starts a process that takes the lock at `path`. The test `role` must be one that only calls [`obey`].
    pub(crate) fn start(role: &str, path: &Path) -> LockChild {
        let mut running = Child::new(role).var("LOCK", path.display()).stdin_piped().stdout_piped().start();
        let (stdin, stdout) = (running.process().stdin.take().unwrap(), running.process().stdout.take().unwrap());
        let (sender, answers) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(answer) = line.strip_prefix(ANSWER) {
                    let _ = sender.send(answer.to_owned());
                }
            }
        });
        LockChild { running, stdin, answers }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.running.id()
    }

    /// Gives an order.
    pub(crate) fn tell(&mut self, order: &str) {
        writeln!(self.stdin, "{order}").unwrap();
    }

    /// Waits for the answer to an order.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> String {
        self.answers.recv_timeout(ALARM).expect("the child answers")
    }

    /// Gives an order, and waits for the answer.
    #[track_caller]
    pub(crate) fn ask(&mut self, order: &str) -> String {
        self.tell(order);
        self.answer()
    }

    /// Kills the process, and waits until it is gone. Returns its stdin, which programs that it has started may share.
    pub(crate) fn kill(mut self) -> ChildStdin {
        self.running.process().kill().unwrap();
        self.running.process().wait().unwrap();
        self.stdin
    }
}

#[allow(clippy::zombie_processes, reason = "the program outlives this process")]
fn spawn() -> u32 {
    Command::new("cat").stdin(Stdio::inherit()).spawn().unwrap().id()
}

/// What the process does: one order after the other, until nobody gives any.
pub(crate) fn obey(_: &Path) -> Value {
    let lock = FileLock::new(std::env::var_os("LOCK").unwrap()).purpose("obey").silent(true);
    let mut guard: Option<FileLockGuard> = None;
    for order in std::io::stdin().lines() {
        let order = order.unwrap();
        let answer = match order.as_str() {
            "try" => got(&mut guard, lock.try_acquire()),
            "share" => got(&mut guard, lock.try_acquire_shared()),
            "acquire" => got(&mut guard, lock.acquire(Duration::MAX).map(Some)),
            "verify" => said(guard.as_ref().unwrap().verify()),
            "release" => said(guard.take().unwrap().release()),
            // A program that knows nothing of the lock, and lives as long as its stdin, which it has from the test.
            "spawn" => spawn().to_string(),
            order => panic!("no such order: {order}"),
        };
        println!("\n{ANSWER}{answer}");
    }
    Value::Null
}

fn got(kept: &mut Option<FileLockGuard>, result: Result<Option<FileLockGuard>, Error>) -> String {
    match result {
        Ok(None) => "none".to_owned(),
        Ok(Some(guard)) => format!("got {}", kept.insert(guard).token()),
        Err(error) => format!("{error:?}"),
    }
}

fn said(result: Result<(), Error>) -> String {
    result.map_or_else(|error| format!("{error:?}"), |()| "ok".to_owned())
}
