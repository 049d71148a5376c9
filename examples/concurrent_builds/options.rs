//! The command line.

use crate::programs::PROGRAMS;

/// The options on the command line.
#[derive(Debug)]
pub(crate) struct Options {
    /// How many builds run at once.
    pub(crate) builds: usize,
    /// Keep the logs and the programs.
    pub(crate) keep: bool,
    /// A queue in front of each log.
    pub(crate) queued: bool,
    /// One global state instead of a context for each build.
    pub(crate) without_contexts: bool,
}

pub(crate) const HELP: &str = "\
Builds small Rust programs at once, each with its own log, and proves from the logs that nothing was mixed up.

Usage: cargo run --example concurrent_builds -- [OPTIONS]

Options:
  --builds N           how many programs to build at once, 2 to 64 (default 8)
  --queued             put a queue in front of each log: writer threads write it, and no build waits for the disk
  --without-contexts   one global log, verbosity and clock for all, as it was before there were contexts:
                       the proof fails and says how
  --keep               leave the logs and the programs in the temporary directory, and say where
  --help               this text

The programs are built by the rustc that the environment variable RUSTC names, else by the one on the PATH.

Exit code: 0 if the proof holds, 1 if it does not, 2 if it could not be made.
";

impl Options {
    /// Reads the arguments; `None` for `--help`.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
        let mut options = Options { builds: PROGRAMS.len(), keep: false, queued: false, without_contexts: false };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--help" | "-h" => return Ok(None),
                "--keep" => options.keep = true,
                "--queued" => options.queued = true,
                "--without-contexts" => options.without_contexts = true,
                "--builds" => {
                    let number = arguments.next().ok_or("--builds needs a number: --builds 8")?;
                    options.builds = builds(&number)?;
                }
                other => match other.strip_prefix("--builds=") {
                    Some(number) => options.builds = builds(number)?,
                    None => return Err(format!("unknown option {other:?}")),
                },
            }
        }
        if options.queued && options.without_contexts {
            return Err(
                "--queued is for the logs of contexts, and --without-contexts has none: give one of the two".into()
            );
        }
        Ok(Some(options))
    }
}

fn builds(number: &str) -> Result<usize, String> {
    match number.parse() {
        Ok(builds @ 2..=64) => Ok(builds),
        _ => Err(format!("--builds takes a number from 2 (one alone cannot be mixed up) to 64, not {number:?}")),
    }
}
