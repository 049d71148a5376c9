//! The proof: every mirror, read back and compared with what the server has sent.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::Result;
use crate::build::Asked;
use crate::paint::{Color, Paint};
use crate::server::{TOOLS, Tool, begun};
use crate::table::{Align, Cell, Table};

const LEGEND: &str = "\
begun: downloads, as the server counts    made: those that were published
torn: mirrors with a part of a file       none: no mirror
stale: older than asked for               idle: made, though the cache had it";

/// What the builds have of a toolchain.
#[derive(Default)]
struct Findings {
    asked: usize,
    begun: usize,
    made: usize,
    whole: usize,
    torn: u64,
    missing: u64,
    stale: u64,
    idle: u64,
    problem: Option<String>,
}

impl Findings {
    fn holds(&self) -> bool {
        self.whole == self.asked && self.torn + self.missing + self.stale + self.idle == 0
    }
}

/// Prints the proof. True if it holds.
pub(crate) fn print(paint: Paint, folder: &Path, asked: &[Asked], took: Duration) -> Result<bool> {
    let mut table = Table::new([
        ("toolchain", Align::Left),
        ("policy", Align::Left),
        ("asked", Align::Right),
        ("begun", Align::Right),
        ("made", Align::Right),
        ("whole", Align::Right),
        ("torn", Align::Right),
        ("none", Align::Right),
        ("stale", Align::Right),
        ("idle", Align::Right),
        ("", Align::Left),
    ]);
    let found: Vec<_> = (0..).zip(&TOOLS).map(|(number, tool)| (tool, examine(folder, number, tool, asked))).collect();
    for (tool, found) in &found {
        table.row([
            Cell::new(tool.name),
            Cell::new(if tool.is_index { "always" } else { "missing" }),
            Cell::new(found.asked.to_string()),
            Cell::new(found.begun.to_string()),
            Cell::new(found.made.to_string()),
            Cell::new(found.whole.to_string()),
            Cell::faults(found.torn),
            Cell::faults(found.missing),
            Cell::faults(found.stale),
            // Whoever wants it newer than the call must make it whatever the cache has; the tests count that.
            if tool.is_index { Cell::new("-".to_owned()) } else { Cell::faults(found.idle) },
            Cell::verdict(found.holds()),
        ]);
    }
    println!("\n{}\n\n{}", paint.with(Color::BOLD, "The proof: each mirror, read back"), table.render(paint));
    println!("{}\n", paint.dim(LEGEND));
    if let Some((tool, problem)) = found.iter().find_map(|(tool, found)| Some((tool, found.problem.as_ref()?))) {
        println!("{}", paint.with(Color::RED, format_args!("{}: {problem}", tool.name)));
    }
    let left = temporaries(folder)?;
    let holds = left == 0 && found.iter().all(|(_, found)| found.holds());
    let mirrors: usize = found.iter().map(|(_, found)| found.whole).sum();
    let made: usize = found.iter().map(|(_, found)| found.made).sum();
    let verdict = if holds {
        let took = took.as_secs_f64();
        paint.with(
            Color::GREEN,
            format_args!(
                "✓ Proved in {took:.1} s: {mirrors} mirrors, each whole, of {made} downloads; nothing left over"
            ),
        )
    } else {
        let wrong: u64 = found.iter().map(|(_, found)| found.torn + found.missing + found.stale).sum();
        paint.with(Color::RED, format_args!("✗ Not proved: {wrong} mirrors are wrong, {left} temporaries are left"))
    };
    println!("{verdict}\n");
    Ok(holds)
}

fn examine(folder: &Path, number: usize, tool: &Tool, asked: &[Asked]) -> Findings {
    let mut found = Findings { begun: begun(folder, tool), ..Findings::default() };
    for asked in asked.iter().filter(|asked| asked.tool == number) {
        found.asked += 1;
        found.made += usize::from(asked.made);
        let contents = fs::read(&asked.mirror);
        match (&contents, asked.problem.is_empty()) {
            (Ok(contents), true) => match tool.number_of(contents) {
                None => {
                    found.torn += 1;
                    found.problem = Some(format!("{} bytes, and no whole file", contents.len()));
                }
                // One that began after the call has a greater number than those that had begun before.
                Some(number) if tool.is_index && number <= asked.begun => found.stale += 1,
                Some(_) => found.whole += 1,
            },
            _ => {
                found.missing += 1;
                found.problem = Some(asked.problem.clone());
            }
        }
    }
    if !tool.is_index {
        found.idle = found.made.saturating_sub(1) as u64;
    }
    found
}

/// Returns how many temporaries are left in the cache and beside the mirrors.
fn temporaries(folder: &Path) -> Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        count += usize::from(entry.file_name().to_string_lossy().starts_with(".logscope-"));
        if entry.file_type()?.is_dir() {
            count += temporaries(&entry.path())?;
        }
    }
    Ok(count)
}
