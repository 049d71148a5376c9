//! Builds in several processes share a cache of toolchains: each is downloaded once, mirrored by all, and the proof is printed.
//!
//! `cargo run --example shared_cache --features lock` starts itself four times, and each process runs four builds at once, two on threads and
//! two as tasks. Each build fetches the same toolchains into one cache and mirrors them to its own folder. One download breaks off and is tried
//! again. One process dies in the middle of a download before all others begin. An index of versions changes all the time, and everybody wants
//! it newer than the call.
//!
//! At the end every mirror is read and compared with what the server sent: no part of a file, none missing, none older than asked for, no
//! download that the policy does not need, and no temporary left. The proof is printed as a table, and the exit code is 1 if anything is wrong.
//!
//! `--naive` does what the builds did before there was `logscope::lock`: it fills the cache in place and mirrors when the lock is released. The
//! proof fails and says how.
//!
//! `LOGSCOPE=info,logscope::lock=debug` shows what the library logs of locks and fetches.
//!
//! Where to read on: [`build`] fetches, [`server`] sends, [`proof`] checks.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this program talks to the person who runs it")]

mod build;
#[path = "../concurrent_builds/paint.rs"]
mod paint;
mod proof;
mod server;
#[path = "../concurrent_builds/table.rs"]
mod table;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

use paint::{Color, Paint};

type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// How many processes build at once.
const PROCESSES: usize = 4;

/// How the builds use the cache.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Manner {
    Fetch,
    Naive,
}

/// What this process is.
enum Role {
    /// The one that starts the others, and proves.
    Proof(Manner),
    /// One of the processes that build, in this folder.
    Builds(Manner, usize, PathBuf),
    /// One that dies while it downloads.
    Dies(PathBuf),
}

impl Role {
    fn of(words: &[&str]) -> Option<Role> {
        match words {
            [] => Some(Role::Proof(Manner::Fetch)),
            ["--naive"] => Some(Role::Proof(Manner::Naive)),
            ["--builds", number, folder, manner @ ..] => {
                let manner = if manner.is_empty() { Manner::Fetch } else { Manner::Naive };
                Some(Role::Builds(manner, number.parse().ok()?, (*folder).into()))
            }
            ["--dies", folder] => Some(Role::Dies((*folder).into())),
            _ => None,
        }
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let Some(role) = Role::of(&words) else {
        eprintln!("Usage: cargo run --example shared_cache --features lock [-- --naive]");
        return ExitCode::from(2);
    };
    let done = match role {
        Role::Proof(manner) => prove(manner),
        Role::Builds(manner, number, folder) => build::run_all(manner, number, &folder).map(|()| true),
        Role::Dies(folder) => build::die_downloading(&folder),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("shared_cache: {problem}");
            ExitCode::from(2)
        }
    }
}

/// Runs all builds, and proves what they have. True if nothing is wrong.
fn prove(manner: Manner) -> Result<bool> {
    let folder = tempfile::tempdir()?;
    let paint = Paint::of_stdout();
    let what = paint
        .with(Color::BOLD, format_args!("{PROCESSES} processes with {} builds each share one cache", build::BUILDS));
    let how = match manner {
        Manner::Fetch => "each toolchain is downloaded once and mirrored under the lock of its key".to_owned(),
        Manner::Naive => paint.with(Color::YELLOW, "filled in place under a lock, and mirrored after that is released"),
    };
    println!("\n{what}:\n{how}\n");
    let began = Instant::now();
    if manner == Manner::Fetch {
        let status = start(&["--dies"], folder.path())?.wait()?;
        println!("{}\n", paint.dim(format_args!("one more process has died in the middle of a download: {status}")));
    }
    let processes = (1..=PROCESSES).map(|number| match manner {
        Manner::Fetch => start(&["--builds", &number.to_string()], folder.path()),
        Manner::Naive => start(&["--naive", "--builds", &number.to_string()], folder.path()),
    });
    let processes = processes.collect::<Result<Vec<_>>>()?;
    let mut asked = Vec::new();
    for process in processes {
        let ended = process.wait_with_output()?;
        if !ended.status.success() {
            return Err(format!("a process that builds has failed: {}", ended.status).into());
        }
        asked.extend(String::from_utf8(ended.stdout)?.lines().map(build::Asked::parse).collect::<Result<Vec<_>>>()?);
    }
    proof::print(paint, folder.path(), &asked, began.elapsed())
}

/// Starts this program again.
fn start(words: &[&str], folder: &Path) -> Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    let (naive, words) = match words {
        ["--naive", words @ ..] => (Some("naive"), words),
        words => (None, words),
    };
    command.args(words).arg(folder).args(naive).stdin(Stdio::null()).stdout(Stdio::piped());
    Ok(command.spawn()?)
}
