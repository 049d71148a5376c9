//! The proof: what the daemons were told is compared with what is saved.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use logscope::store::Store;

use crate::daemon::{PROJECTS, State, Told};
use crate::paint::{Color, Paint};
use crate::table::{Align, Cell, Table};
use crate::{Manner, Result};

const LEGEND: &str = "\
uno, due: builds that each was told are saved    state: those in the document
lost: told, and not there                        twice: a number of two builds
fence: a fencing number of two locks             torn: no whole document
after: when uno was killed while it had the lock, after so long the other got
it, which is when the lease of 500 ms is over";

#[derive(Default)]
struct Findings {
    told: BTreeMap<String, u64>,
    state: u64,
    lost: u64,
    twice: u64,
    fences_twice: u64,
    is_torn: bool,
    after: Option<u128>,
}

impl Findings {
    fn holds(&self) -> bool {
        self.lost + self.twice + self.fences_twice == 0 && !self.is_torn
    }
}

/// Prints the proof. True if it holds.
pub(crate) fn print(paint: Paint, manner: Manner, folder: &Path, told: &[Told], took: Duration) -> Result<bool> {
    let mut table = Table::new([
        ("project", Align::Left),
        ("uno", Align::Right),
        ("due", Align::Right),
        ("state", Align::Right),
        ("lost", Align::Right),
        ("twice", Align::Right),
        ("fence", Align::Right),
        ("torn", Align::Right),
        ("after", Align::Right),
        ("", Align::Left),
    ]);
    let found: Vec<Findings> =
        (0..PROJECTS.len()).map(|project| examine(manner, folder, project, told)).collect::<Result<_>>()?;
    for (project, found) in PROJECTS.iter().zip(&found) {
        let by = |daemon: &str| Cell::new(found.told.get(daemon).copied().unwrap_or_default().to_string());
        table.row([
            Cell::new(*project),
            by("uno"),
            by("due"),
            Cell::new(found.state.to_string()),
            Cell::faults(found.lost),
            Cell::faults(found.twice),
            Cell::faults(found.fences_twice),
            Cell::faults(found.is_torn.into()),
            Cell::new(found.after.map_or("-".to_owned(), |after| format!("{after} ms"))),
            Cell::verdict(found.holds()),
        ]);
    }
    println!("{}\n\n{}", paint.with(Color::BOLD, "The proof: each state, read back"), table.render(paint));
    println!("{}\n", paint.dim(LEGEND));
    let holds = found.iter().all(Findings::holds);
    let told: u64 = found.iter().flat_map(|found| found.told.values()).sum();
    let verdict = if holds {
        let took = took.as_secs_f64();
        let text =
            format_args!("✓ Proved in {took:.1} s: {told} saved builds, each in its state, though uno was killed");
        paint.with(Color::GREEN, text)
    } else {
        let lost: u64 = found.iter().map(|found| found.lost).sum();
        let twice: u64 = found.iter().map(|found| found.twice + found.fences_twice).sum();
        paint.with(
            Color::RED,
            format_args!("✗ Not proved: {lost} saved builds are lost, {twice} numbers were given twice"),
        )
    };
    println!("{verdict}\n");
    Ok(holds)
}

fn examine(manner: Manner, folder: &Path, project: usize, told: &[Told]) -> Result<Findings> {
    let told: Vec<&Told> = told.iter().filter(|told| told.project == project).collect();
    let saved: Vec<&Told> = told.iter().copied().filter(|told| told.is_saved).collect();
    let mut found = Findings::default();
    let (mut builds, mut fences) = (BTreeMap::new(), BTreeMap::new());
    for saved in &saved {
        *found.told.entry(saved.daemon.clone()).or_default() += 1;
        *builds.entry(saved.build).or_insert(0_u64) += 1;
    }
    for begun in told.iter().filter(|told| !told.is_saved && manner == Manner::Store) {
        *fences.entry(begun.fence).or_insert(0_u64) += 1;
    }
    let given_twice = |numbers: &BTreeMap<u64, u64>| numbers.values().filter(|times| **times > 1).count() as u64;
    (found.twice, found.fences_twice) = (given_twice(&builds), given_twice(&fences));
    match read(manner, folder, project) {
        Ok(state) => {
            found.state = state.builds;
            for (daemon, told) in &found.told {
                found.lost += told.saturating_sub(state.by_daemon.get(daemon).copied().unwrap_or_default());
            }
        }
        Err(_) => found.is_torn = true,
    }
    // From the last word of the daemon that was killed to the first lock of the other one.
    let last = told.iter().rev().find(|told| told.daemon == "uno").filter(|last| !last.is_saved);
    let next = |last: &Told| told.iter().find(|told| told.daemon == "due" && !told.is_saved && told.at >= last.at);
    found.after = last.and_then(|last| Some(next(last)?.at - last.at));
    Ok(found)
}

fn read(manner: Manner, folder: &Path, project: usize) -> Result<State> {
    let path = folder.join(PROJECTS[project]).join("state.json");
    match manner {
        Manner::Store => {
            let state = Store::<State>::options().schema("project-state").open_readonly(path)?.read()?;
            Ok(State::clone(&*state.ok_or("nothing is saved")?))
        }
        Manner::Naive => Ok(serde_json::from_slice(&fs::read(path)?)?),
    }
}
