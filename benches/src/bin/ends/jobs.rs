//! The parent's side of a job: runs its scene several times, and counts what is lost.

use std::fmt;
use std::os::unix::process::ExitStatusExt as _;

use crate::Result;
use crate::child::{Ended, Running};
use crate::read::LogContents;
use crate::scene::{Role, Scene};
use crate::tools::{Promise, Tool};

/// The jobs, in the order of the columns.
pub const ALL: [Job; 9] = [
    Job { title: "return", scene: Scene::Return },
    Job { title: "return, static", scene: Scene::ReturnStatic },
    Job { title: "process::exit", scene: Scene::Exit },
    Job { title: "panic in a thread", scene: Scene::Panic },
    Job { title: "abort, flushed", scene: Scene::Abort },
    Job { title: "SIGKILL", scene: Scene::Kill },
    Job { title: "/dev/full: lost/reported", scene: Scene::Full },
    Job { title: "two processes, of 20,000", scene: Scene::Append },
    Job { title: "rolling by size", scene: Scene::Roll },
];

/// One column of the table.
pub struct Job {
    pub title: &'static str,
    scene: Scene,
}

/// How often a job runs, and with how many records.
#[derive(Clone, Copy, Debug)]
pub struct Rounds {
    /// For a job whose result is a matter of chance.
    racy: usize,
    /// For a job that writes much.
    heavy: usize,
    records: u64,
}

impl Rounds {
    /// For reliable numbers.
    pub const FULL: Rounds = Rounds { racy: 15, heavy: 5, records: 10_000 };
    /// To see that everything works.
    pub const QUICK: Rounds = Rounds { racy: 3, heavy: 1, records: 10_000 };
}

/// The result of a job.
pub enum Outcome {
    /// The tool does not have the feature.
    NotSupported,
    /// The child got stuck, or did not end as its scene requires.
    Failed(String),
    /// How many records were lost and how many lines torn, in each round.
    Left { lost: Vec<u64>, torn: Vec<u64> },
    /// With a file that takes nothing.
    Refused {
        lost: u64,
        /// The value of the tool's own counter, if it has one.
        counted: Option<u64>,
        /// How many messages it wrote to stderr.
        said: u64,
        ended: End,
    },
}

/// How a child ended whose log calls all failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    Well,
    /// A log call panicked.
    Panicked,
    /// The process aborted after the last log call.
    Aborted,
}

impl Job {
    pub fn run(&self, tool: &'static Tool, rounds: Rounds) -> Result<Outcome> {
        if self.scene == Scene::Roll && tool.open_rolling.is_none() {
            return Ok(Outcome::NotSupported);
        }
        let times = match self.scene {
            Scene::Full => 1,
            Scene::Append | Scene::Roll => rounds.heavy,
            _ => rounds.racy,
        };
        let mut outcome = Outcome::Left { lost: Vec::new(), torn: Vec::new() };
        for _ in 0..times {
            let folder = tempfile::tempdir()?;
            let role =
                |part| Role { tool, scene: self.scene, folder: folder.path().into(), part, records: rounds.records };
            let round = match self.scene {
                Scene::Full => refused(role(0)),
                Scene::Append => of_two(role(0), role(1)),
                _ => of_one(role(0)),
            };
            match (round, &mut outcome) {
                (Ok(Outcome::Left { lost, torn }), Outcome::Left { lost: all_lost, torn: all_torn }) => {
                    all_lost.extend(lost);
                    all_torn.extend(torn);
                }
                (Ok(other), _) => outcome = other,
                (Err(error), _) => return Ok(Outcome::Failed(error.to_string())),
            }
        }
        Ok(outcome)
    }

    /// True if `outcome` is what `tool` promises.
    pub fn holds(&self, tool: &Tool, outcome: &Outcome) -> bool {
        if tool.promise == Promise::Nothing {
            return true;
        }
        // The system may cut a `write` in which the process is killed. The log call of that record had not returned.
        let may_tear = self.scene == Scene::Kill;
        let may_lose = may_tear && tool.promise == Promise::UnlessKilled;
        match outcome {
            Outcome::NotSupported => true,
            Outcome::Failed(_) => false,
            Outcome::Left { lost, torn } => (may_lose || sum(lost) == 0) && (may_tear || sum(torn) == 0),
            Outcome::Refused { lost, counted, said, ended } => {
                *ended == End::Well && *counted == Some(*lost) && *said > 0
            }
        }
    }
}

fn of_one(role: Role) -> Result<Outcome> {
    let (scene, logs, records) = (role.scene, role.logs(), role.records);
    let mut child = Running::start(role)?;
    if scene == Scene::Kill {
        child.kill_when(|shared| shared.acknowledged() >= records)?;
    }
    let ended = child.wait()?;
    expect(scene, &ended)?;
    let found = LogContents::read(&logs)?;
    if scene == Scene::Roll && found.files < 2 {
        return Err("the file was not rolled".into());
    }
    Ok(Outcome::Left { lost: vec![found.missing(1..=ended.acknowledged)], torn: vec![found.torn] })
}

fn of_two(one: Role, other: Role) -> Result<Outcome> {
    let (scene, logs, records) = (one.scene, one.logs(), one.records);
    let firsts = [one.first(), other.first()];
    let mut children = [Running::start(one)?, Running::start(other)?];
    for child in &mut children {
        child.wait_until(|shared| shared.is_ready())?;
    }
    for child in &children {
        child.shared.set_go();
    }
    for child in children {
        expect(scene, &child.wait()?)?;
    }
    let found = LogContents::read(&logs)?;
    let missing = firsts.map(|first| found.missing(first..first + records));
    Ok(Outcome::Left { lost: vec![missing.iter().sum()], torn: vec![found.torn] })
}

fn refused(role: Role) -> Result<Outcome> {
    let (tool, scene) = (role.tool, role.scene);
    let ended = Running::start(role)?.wait()?;
    let end = match (ended.status.code(), ended.status.signal()) {
        (Some(PANICKED), _) => End::Panicked,
        (_, Some(SIGABRT)) => End::Aborted,
        _ => {
            expect(scene, &ended)?;
            End::Well
        }
    };
    let said = ended.stderr.lines().filter(|line| line.contains(tool.complaint)).count() as u64;
    Ok(Outcome::Refused { lost: ended.acknowledged, counted: ended.counted, said, ended: end })
}

/// The exit status of a program whose main thread panicked.
const PANICKED: i32 = 101;
const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;

/// Returns an error if the child did not end as its scene requires.
fn expect(scene: Scene, ended: &Ended) -> Result<()> {
    let as_expected = match scene {
        Scene::Abort => ended.status.signal() == Some(SIGABRT),
        Scene::Kill => ended.status.signal() == Some(SIGKILL),
        _ => ended.status.success(),
    };
    if as_expected { Ok(()) } else { Err(format!("{}: {}", ended.status, ended.stderr.trim_end()).into()) }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::NotSupported => f.write_str("n/a"),
            Outcome::Failed(reason) => write!(f, "failed: {}", reason.lines().next().unwrap_or_default()),
            Outcome::Left { lost, torn } if sum(torn) == 0 => write!(f, "{}", Spread(lost)),
            Outcome::Left { lost, torn } => write!(f, "{}, torn {}", Spread(lost), Spread(torn)),
            Outcome::Refused { lost, ended: End::Panicked, .. } => write!(f, "panics, after {}", Thousands(*lost)),
            Outcome::Refused { lost, counted, said, ended } => {
                let counted = counted.unwrap_or(0);
                let by = match (counted, said) {
                    (0, 0) => "nobody",
                    (0, _) => "stderr",
                    (_, 0) => "counter",
                    _ => "counter, stderr",
                };
                // Without a counter, each message stands for one loss.
                let told = if counted > 0 { counted } else { *said };
                let end = if *ended == End::Aborted { ", aborts at exit" } else { "" };
                write!(f, "{}/{} {by}{end}", Thousands(*lost), Thousands(told))
            }
        }
    }
}

fn sum(numbers: &[u64]) -> u64 {
    numbers.iter().sum()
}

/// Shows the median and the worst, or 0 if both are 0.
struct Spread<'a>(&'a [u64]);

impl fmt::Display for Spread<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted = self.0.to_vec();
        sorted.sort_unstable();
        match (sorted.get(sorted.len() / 2), sorted.last()) {
            (Some(median), Some(worst)) if *worst > 0 => write!(f, "{}/{}", Thousands(*median), Thousands(*worst)),
            _ => f.write_str("0"),
        }
    }
}

/// A number with a comma before every three digits.
struct Thousands(u64);

impl fmt::Display for Thousands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            small @ ..1_000 => write!(f, "{small}"),
            large => write!(f, "{},{:03}", Thousands(large / 1_000), large % 1_000),
        }
    }
}
