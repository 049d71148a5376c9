//! Runs the ends, each in many children.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use crate::child::{self, Child, Running};

const ROUND: &str = "LOGSCOPE_TEST_ROUND";

/// One way for a process to end.
#[derive(Clone, Copy)]
pub(crate) struct End {
    pub(crate) name: &'static str,
    /// How many children run it.
    pub(crate) rounds: u64,
    /// The child's part. If this returns, the child's `main` returns.
    pub(crate) play: fn(Stage),
    /// The parent's part, for a child that has just been started and the number of its round.
    pub(crate) watch: fn(Running, u64),
}

/// The folder of a child and the number of its round.
pub(crate) struct Stage {
    pub(crate) folder: PathBuf,
    pub(crate) round: u64,
}

impl Stage {
    /// How many records the child logs: few or many, so that the writer threads have got to another point in each round.
    pub(crate) fn records(&self) -> u64 {
        records(self.round)
    }
}

/// How many records a child logs in a round.
pub(crate) fn records(round: u64) -> u64 {
    1 + (round.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) % 900
}

/// Runs the child's part if this process is a child; otherwise runs all ends.
pub(crate) fn main(ends: &[End]) -> ExitCode {
    if let Some((role, folder)) = child::role() {
        let end = ends.iter().find(|end| end.name == role).expect("the role is the name of an end");
        let round = std::env::var(ROUND).unwrap().parse().unwrap();
        (end.play)(Stage { folder, round });
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |end: &&End| wanted.is_empty() || wanted.iter().any(|part| end.name.contains(part));
    let mut failed = 0;
    for end in ends.iter().filter(is_wanted) {
        let start = Instant::now();
        let verdict = if play(end) { "ok" } else { "FAILED" };
        failed += u32::from(verdict != "ok");
        println!("test {} ... {verdict} ({} processes, {:.1?})", end.name, end.rounds, start.elapsed());
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs an end, and returns true if all its rounds passed. A failed round has printed its panic.
fn play(end: &End) -> bool {
    let next = AtomicU64::new(0);
    let play_some = || {
        // Several run at once: while one child is checked, others run.
        while let round = next.fetch_add(1, Ordering::Relaxed)
            && round < end.rounds
        {
            let started = || Child::new(end.name).var(ROUND, round).stdout_piped().start();
            if catch_unwind(AssertUnwindSafe(|| (end.watch)(started(), round))).is_err() {
                eprintln!("{} failed in round {round}", end.name);
                next.store(end.rounds, Ordering::Relaxed);
                return false;
            }
        }
        true
    };
    thread::scope(|scope| {
        let players = [(); 3].map(|()| scope.spawn(play_some));
        players.map(|player| player.join().unwrap()).iter().all(|went_well| *went_well)
    })
}
