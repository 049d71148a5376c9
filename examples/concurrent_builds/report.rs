//! What a user sees before and after the builds.

use std::sync::Arc;

use crate::Result;
use crate::build::{Build, Ending, Plan, RunsOn};
use crate::logs::Logs;
use crate::options::Options;
use crate::paint::{Color, Paint};
use crate::proof::{self, Findings};
use crate::table::{Align, Cell, Table};
use crate::workshop::{Rustc, Workshop};

/// The meaning of the columns of the proof.
const LEGEND: &str = "\
thr.: threads that logged             foreign: logged by another build
lost: logged, but not there           torn: not one whole record
seq: numbers missing or doubled       time: not by the build's own clock
level: above the build's verbosity    text: a digest of all messages
ledger: deliveries that logscope counted, to the file and the terminal";

/// How many examples of wrong lines are shown.
const EXAMPLES: usize = 4;

/// Prints what is about to happen.
pub(crate) fn heading(paint: Paint, rustc: &Rustc, plans: &[Plan], options: &Options) {
    let threads = plans.iter().filter(|plan| plan.runs_on == RunsOn::Threads).count();
    let (builds, tasks) = (plans.len(), plans.len() - threads);
    let version = rustc.version.split(" (").next().unwrap_or_default();
    let what = paint.with(Color::BOLD, format_args!("Building {builds} programs at once with {version}"));
    let logs = if options.without_contexts {
        paint.with(Color::YELLOW, "one global log, verbosity and clock for all of them")
    } else if options.queued {
        "each with its own log, in a queue of its own, its own verbosity and clock".to_owned()
    } else {
        "each with its own log, verbosity and clock".to_owned()
    };
    println!("\n{what}: {threads} on threads, {tasks} as tokio tasks,\n{logs}\n");
}

/// Prints how each build ended.
pub(crate) fn endings(paint: Paint, ended: &[(Arc<Build>, Ending)]) {
    let mut table = Table::new([
        ("build", Align::Left),
        ("runs on", Align::Left),
        ("level", Align::Left),
        ("time", Align::Right),
        ("warned", Align::Right),
        ("result", Align::Left),
    ]);
    for (build, ending) in ended {
        let plan = &build.plan;
        let runs_on = if plan.runs_on == RunsOn::Threads { "threads" } else { "tasks" };
        let result = match (&ending.result, ending.is_as_expected(build)) {
            (Ok(printed), true) => Cell::new(format!("✓ {printed}")).color(Color::GREEN),
            (Err(problem), true) => Cell::new(format!("✓ fails, as it should: {}", code(problem))).color(Color::GREEN),
            (Ok(printed), false) => Cell::new(format!("✗ not what it should print: {printed}")).color(Color::RED),
            (Err(problem), false) => Cell::new(format!("✗ {problem}")).color(Color::RED),
        };
        table.row([
            Cell::new(&plan.name),
            Cell::new(runs_on),
            Cell::new(plan.program.manner.verbosity().to_string()),
            Cell::new(format!("{:.2} s", ending.took.as_secs_f64())),
            Cell::new(ending.warnings.to_string()),
            result,
        ]);
    }
    section(paint, "What was built");
    print!("{}", table.render(paint));
}

/// Examines every log and prints the findings. True if nothing is wrong.
pub(crate) fn proof(paint: Paint, ended: &[(Arc<Build>, Ending)], logs: &Logs) -> Result<bool> {
    let speakers = ended.iter().map(|(build, _)| (build.tally.token(), &**build)).collect();
    let found = ended.iter().map(|(build, _)| Ok((build, proof::examine(build, &speakers)?)));
    let found = found.collect::<Result<Vec<_>>>()?;
    section(paint, "The proof: each log, read back and compared with what its build said");
    print!("{}", table(&found).render(paint));
    println!("\n{}", paint.dim(LEGEND));
    Ok(verdict(paint, &found, logs))
}

fn table(found: &[(&Arc<Build>, Findings)]) -> Table {
    let mut table = Table::new([
        ("log", Align::Left),
        ("lines", Align::Right),
        ("thr.", Align::Right),
        ("foreign", Align::Right),
        ("lost", Align::Right),
        ("torn", Align::Right),
        ("seq", Align::Right),
        ("time", Align::Right),
        ("level", Align::Right),
        ("text", Align::Right),
        ("ledger", Align::Right),
        ("", Align::Left),
    ]);
    for (build, found) in found {
        let name = &build.plan.name;
        let ledger = match found.ledger {
            Some((deliveries, true)) => Cell::new(format!("{deliveries} ✓")),
            Some((deliveries, false)) => Cell::new(format!("{deliveries} ✗")).color(Color::RED),
            None => Cell::new("none").color(Color::DIM),
        };
        table.row([
            Cell::new(name),
            Cell::new(found.lines.to_string()),
            Cell::new(found.threads.to_string()),
            Cell::faults(found.foreign),
            Cell::faults(found.missing),
            Cell::faults(found.torn),
            Cell::faults(found.seq),
            Cell::faults(found.time),
            Cell::faults(found.verbosity),
            Cell::verdict(found.text),
            ledger,
            Cell::verdict(found.holds()),
        ]);
    }
    table
}

fn verdict(paint: Paint, found: &[(&Arc<Build>, Findings)], logs: &Logs) -> bool {
    let strays = logs.strays();
    let terminal_is_exact = logs.terminal_is_exact(found.iter().map(|(build, _)| &***build));
    let sum = |count: fn(&Findings) -> u64| found.iter().map(|(_, found)| count(found)).sum::<u64>();
    let (lines, wrong, missing) = (sum(|found| found.lines), sum(|found| found.wrong), sum(|found| found.missing));
    let holds = strays == 0 && terminal_is_exact && found.iter().all(|(_, found)| found.holds());
    if holds {
        let logs = found.len();
        let proved =
            paint.with(Color::GREEN, format_args!("✓ Proved: {lines} lines in {logs} logs, each in its place"));
        println!("\n{proved}\n");
        return true;
    }
    let failed = format!(
        "✗ Not proved: {wrong} of {lines} lines are wrong, and {missing} are missing from the log that they belong to"
    );
    println!("\n{}", paint.with(Color::RED, failed));
    if strays > 0 {
        println!("  {strays} lines were said outside every build");
    }
    if !terminal_is_exact {
        println!("  the ledger of the terminal does not agree with what it should show");
    }
    for example in found.iter().filter_map(|(_, found)| found.example.as_ref()).take(EXAMPLES) {
        println!("  {example}");
    }
    println!();
    false
}

/// Prints where the logs are, and what to try next.
pub(crate) fn next(paint: Paint, workshop: &Workshop, options: &Options, holds: bool) {
    let hint = |text: String| println!("{}", paint.dim(text));
    match options.keep {
        true => println!("The logs: {}", workshop.path().join("logs").display()),
        false => hint(format!("The logs were in {}: --keep keeps them.", workshop.path().join("logs").display())),
    }
    match (options.without_contexts, holds) {
        (true, false) => {
            hint("So it goes with one global log. Without the option, each build has a context.".to_owned())
        }
        (false, _) => hint("--without-contexts builds with one global log, and the proof fails.".to_owned()),
        (true, true) => {}
    }
    println!();
}

/// The code of a compiler's error, as `error[E0308]`, or the whole problem.
fn code(problem: &str) -> &str {
    problem.split(": ").find(|part| part.starts_with("error[")).unwrap_or(problem)
}

fn section(paint: Paint, title: &str) {
    println!("\n{}\n", paint.with(Color::BOLD, title));
}
