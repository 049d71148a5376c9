//! What a log loses when a process ends, when its file takes nothing, when another process writes to it, and when it rolls: logscope
//! and its peers, each in processes of its own.
//!
//! ```text
//! cargo run --profile bench -p logscope-bench --bin ends -- [--quick] [--markdown] [--only WORD]
//! ```
//!
//! Prints a table with a row for each tool ([`tools`]) and a column for each job ([`jobs`]). Every child is this program again
//! ([`scene`]), which logs numbered records. A record is lost if its log call returned and it is not in the file afterwards
//! ([`read`]). A cell holds the median and the worst of the rounds, or 0 if no round lost anything; then the same for torn lines, if
//! there are any. [`scene::Scene`] explains the columns.
//!
//! `--quick` makes fewer rounds, to see that everything works; `--markdown` prints the table as Markdown;
//! `--only` runs the tools whose name contains a word.
//!
//! The exit status is 1 if logscope loses or tears what it promises not to ([`tools::Promise`]). Unix only.

mod child;
mod jobs;
mod read;
mod scene;
mod shared;
mod table;
mod tools;

use std::process::ExitCode;

use jobs::Rounds;
use table::Style;

type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, role @ ..] = &arguments[..]
        && first == child::CHILD
    {
        return scene::play(&role.try_into()?);
    }
    let options = Options::parse(&arguments)?;
    let mut table = table::Table::new();
    let mut broken = Vec::new();
    for tool in tools::ALL.iter().filter(|tool| tool.name.contains(&options.only)) {
        let results = jobs::ALL.iter().map(|job| job.run(tool, options.rounds)).collect::<Result<Vec<_>>>()?;
        for (job, result) in jobs::ALL.iter().zip(&results) {
            if !job.holds(tool, result) {
                broken.push(format!("{}, {}: {result}", tool.name, job.title));
            }
        }
        table.row(tool.name, results.iter().map(ToString::to_string));
    }
    print!("{}", table.render(options.style));
    for promise in &broken {
        println!("BROKEN  {promise}");
    }
    Ok(if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Options {
    rounds: Rounds,
    style: Style,
    only: String,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Options> {
        let mut options = Options { rounds: Rounds::FULL, style: Style::Text, only: String::new() };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--quick" => options.rounds = Rounds::QUICK,
                "--markdown" => options.style = Style::Markdown,
                "--only" => options.only = arguments.next().ok_or("--only needs a word")?.clone(),
                other => {
                    return Err(
                        format!("unknown argument {other}; there are --quick, --markdown and --only WORD").into()
                    );
                }
            }
        }
        Ok(options)
    }
}
