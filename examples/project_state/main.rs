//! Two build daemons share the state of each project directory; one is killed in the middle of a build, and the proof is printed.
//!
//! `cargo run --example project_state --features store` starts itself twice as a daemon. Each daemon builds all projects again and again, with a
//! thread for each. The state of a project is a document in its directory: how often it was built, by which daemon, and the last builds. A daemon
//! locks it for the time of a build, under a lease that a keeper renews, and saves it. After some time one daemon is killed while it has documents
//! locked. The other one takes over what it held, when the leases are over, and goes on.
//!
//! At the end what the daemons were told, that a build was saved, is compared with what is in the documents: no save lost, no number given to two
//! builds, no fencing number given twice, no torn document. The proof is printed as a table, and the exit code is 1 if anything is wrong.
//!
//! `--naive` does what the daemons did before: each keeps the state in memory, and writes it when it is built. The proof fails and says how.
//!
//! `LOGSCOPE=info,logscope::store=debug` shows what the library logs of leases and documents.
//!
//! Where to read on: [`daemon`] builds, [`proof`] checks.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this program talks to the person who runs it")]

mod daemon;
#[path = "../concurrent_builds/paint.rs"]
mod paint;
mod proof;
#[path = "../concurrent_builds/table.rs"]
mod table;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::time::Instant;

use daemon::{PROJECTS, Told};
use paint::{Color, Paint};

type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// After so many builds that were saved, one daemon is killed.
const KILLED_AFTER: usize = 40;

/// How many builds of each project the other one saves after that.
const GOES_ON: usize = 10;

/// How the daemons keep the state.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Manner {
    Store,
    Naive,
}

/// What this process is.
enum Role {
    /// The one that starts the daemons, and proves.
    Proof(Manner),
    /// A daemon of this name, with the projects in this folder.
    Daemon(Manner, String, PathBuf),
}

impl Role {
    fn of(words: &[&str]) -> Option<Role> {
        match words {
            [] => Some(Role::Proof(Manner::Store)),
            ["--naive"] => Some(Role::Proof(Manner::Naive)),
            ["--daemon", name, folder] => Some(Role::Daemon(Manner::Store, (*name).to_owned(), (*folder).into())),
            ["--naive-daemon", name, folder] => Some(Role::Daemon(Manner::Naive, (*name).to_owned(), (*folder).into())),
            _ => None,
        }
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let Some(role) = Role::of(&words) else {
        eprintln!("Usage: cargo run --example project_state --features store [-- --naive]");
        return ExitCode::from(2);
    };
    let result = match role {
        Role::Proof(manner) => prove(manner),
        Role::Daemon(manner, name, folder) => daemon::run(manner, &name, &folder).map(|()| true),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("project_state: {problem}");
            ExitCode::from(2)
        }
    }
}

/// A daemon that runs, and what it says.
struct Daemon {
    process: Child,
    lines: BufReader<ChildStdout>,
}

impl Daemon {
    fn start(manner: Manner, name: &str, folder: &Path) -> Result<Daemon> {
        let role = if manner == Manner::Store { "--daemon" } else { "--naive-daemon" };
        let mut command = Command::new(std::env::current_exe()?);
        // It ends with its stdin.
        command.args([role, name]).arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let lines = process.stdout.take().ok_or("a daemon has no stdout")?;
        Ok(Daemon { process, lines: BufReader::new(lines) })
    }

    /// Waits until the daemon says something. None if it has ended.
    fn next(&mut self) -> Result<Option<Told>> {
        let mut line = String::new();
        // A daemon that is killed may leave a part of a line.
        if self.lines.read_line(&mut line)? == 0 || !line.ends_with('\n') {
            Ok(None)
        } else {
            Told::parse(&line).map(Some)
        }
    }

    /// Notes what the daemon says until it `is_enough`.
    fn wait_for(&mut self, mut is_enough: impl FnMut(&Told) -> bool, told: &mut Vec<Told>) -> Result<()> {
        loop {
            let next = self.next()?.ok_or("a daemon has ended")?;
            let is_over = is_enough(&next);
            told.push(next);
            if is_over {
                return Ok(());
            }
        }
    }

    fn rest(&mut self, told: &mut Vec<Told>) -> Result<()> {
        while let Some(next) = self.next()? {
            told.push(next);
        }
        Ok(())
    }
}

/// Has the daemons work, kills one, and proves what is saved. True if nothing is wrong.
fn prove(manner: Manner) -> Result<bool> {
    let folder = tempfile::tempdir()?;
    for project in PROJECTS {
        fs::create_dir(folder.path().join(project))?;
    }
    let paint = Paint::of_stdout();
    let how = match manner {
        Manner::Store => "each is a document, which is locked under a lease and saved over what was read".to_owned(),
        Manner::Naive => paint.with(Color::YELLOW, "each is kept in memory, and written when something was built"),
    };
    let what = format!("Two daemons share the state of {} projects:", PROJECTS.len());
    println!("\n{}\n{how}\n", paint.with(Color::BOLD, what));
    let began = Instant::now();
    let mut told = Vec::new();
    let mut uno = Daemon::start(manner, "uno", folder.path())?;
    let mut due = Daemon::start(manner, "due", folder.path())?;
    // Until it has saved so many builds, and has begun another one.
    let mut saved = 0;
    uno.wait_for(
        |told| {
            saved += usize::from(told.is_saved);
            saved >= KILLED_AFTER && !told.is_saved
        },
        &mut told,
    )?;
    uno.process.kill()?;
    let killed = Instant::now();
    uno.process.wait()?;
    uno.rest(&mut told)?;
    // What the other one has said until now is read first.
    let mut left = [GOES_ON; PROJECTS.len()];
    due.wait_for(
        |told| {
            if told.is_saved && told.at > killed_at(killed) {
                left[told.project] = left[told.project].saturating_sub(1);
            }
            left.iter().all(|left| *left == 0)
        },
        &mut told,
    )?;
    drop(due.process.stdin.take());
    due.rest(&mut told)?;
    due.process.wait()?;
    proof::print(paint, manner, folder.path(), &told, began.elapsed())
}

/// Returns the time of a moment, in milliseconds, by the clock that daemons say theirs by.
fn killed_at(moment: Instant) -> u128 {
    daemon::now().saturating_sub(moment.elapsed().as_millis())
}
