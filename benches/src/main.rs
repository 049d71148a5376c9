//! Measures what logscope costs, and compares it with its peers.
//!
//! ```text
//! cargo run --profile bench -p logscope-bench -- [--quick] [--check] [--tsv] [--only WORD]
//! cargo run --profile bench -p logscope-bench -- [--quick] --curves FOLDER [--caption TEXT]
//! ```
//!
//! Prints a table: nanoseconds and allocations for each operation, ours and another's, and the marks that ours must reach. Marks in
//! nanoseconds hold for a processor on which an event that is statically off takes 0.3 ns. A second table shows what a line to a file
//! costs, with one thread and with two. Scaling shows only on a machine that has two processors to spare.
//!
//! `--quick` runs short rounds, to see that everything works; `--check` makes the exit status say whether every mark is held;
//! `--only` runs the jobs whose name contains a word; `--tsv` prints the cells between tabs, for `benches/report`. `--curves` measures the
//! [curves] instead, and writes them to a folder, with a caption that says when and where.
//!
//! The jobs on lines run under `with_default`, both sides in one process, and once more with each side as the global subscriber of
//! a process of its own. The jobs on unwanted events depend on the global subscriber, so they run in such processes only. [`harness`]
//! explains how operations are measured, [`jobs::files`] how writing files is.

mod curves;
mod jobs;
mod peers;
mod remote;
mod table;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use harness::Plan;
use logscope_bench::{alloc, discard, harness, subjects};
use table::Style;

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [child, arrangement] = &arguments[..]
        && child == remote::CHILD
    {
        match jobs::files::serve(arrangement) {
            Some(served) => served?,
            None => remote::serve(jobs::arrange(arrangement)?)?,
        }
        return Ok(ExitCode::SUCCESS);
    }
    let options = Options::parse(&arguments)?;
    if let Some(folder) = &options.curves {
        curves::run(options.plan, folder, &options.caption)?;
        return Ok(ExitCode::SUCCESS);
    }
    let style = options.style;
    style.print_heading();
    let mut missed = 0;
    for job in jobs::all().into_iter().filter(|job| job.name().contains(&options.only)) {
        let row = job.run(options.plan)?;
        style.print_row(&row);
        missed += u32::from(!row.is_held());
    }
    if jobs::files::are_wanted(&options.only) {
        style.print_file_heading();
        for row in jobs::files::run(options.plan)? {
            style.print_file_row(&row);
            missed += u32::from(!row.is_held());
        }
    }
    style.print_end(missed);
    Ok(if options.check && missed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

struct Options {
    plan: Plan,
    check: bool,
    style: Style,
    only: String,
    curves: Option<PathBuf>,
    caption: String,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Options, String> {
        let (only, caption) = (String::new(), String::new());
        let mut options = Options { plan: Plan::FULL, check: false, style: Style::Table, only, curves: None, caption };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--quick" => options.plan = Plan::QUICK,
                "--check" => options.check = true,
                "--tsv" => options.style = Style::Tsv,
                "--only" => options.only = arguments.next().ok_or("--only needs a word")?.clone(),
                "--curves" => options.curves = Some(arguments.next().ok_or("--curves needs a folder")?.into()),
                "--caption" => options.caption = arguments.next().ok_or("--caption needs a text")?.clone(),
                other => {
                    return Err(format!(
                        "unknown argument {other}; there are --quick, --check, --tsv, --only WORD, --curves FOLDER and --caption TEXT"
                    ));
                }
            }
        }
        Ok(options)
    }
}
