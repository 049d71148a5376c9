//! What a command is given before it is started: its streams, its group and its environment.

use std::io::{self, PipeReader};
use std::process::{Child, Command, Stdio};

use super::options::Options;

/// The variables that ask a program for colours.
const COLOR_VARIABLES: [(&str, &str); 3] =
    [("CLICOLOR_FORCE", "1"), ("FORCE_COLOR", "1"), ("CARGO_TERM_COLOR", "always")];

/// Starts `command`. Returns the child with the end of the merged pipe that is to be read.
pub(super) fn spawn(command: &mut Command, options: &Options<'_>) -> io::Result<(Child, Option<PipeReader>)> {
    let merged = prepare(command, options)?;
    let result = command.spawn();
    if options.is_merged {
        // The command holds the other end: the pipe would never be at its end.
        command.stdout(Stdio::null()).stderr(Stdio::null());
    }
    let named = |error: io::Error| {
        let program = command.get_program().display();
        io::Error::new(error.kind(), format!("cannot run {program}: {error}"))
    };
    Ok((result.map_err(named)?, merged))
}

fn prepare(command: &mut Command, options: &Options<'_>) -> io::Result<Option<PipeReader>> {
    options.check()?;
    command.stdin(if options.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
    let merged = if options.is_merged {
        let (reader, writer) = io::pipe()?;
        command.stdout(writer.try_clone()?).stderr(writer);
        Some(reader)
    } else {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        None
    };
    if options.has_group() {
        lead_group(command);
    }
    set_environment(command, options);
    Ok(merged)
}

/// Sets all that logscope sets in the environment of a program.
fn set_environment(command: &mut Command, options: &Options<'_>) {
    if options.is_colored && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) {
        for (name, value) in COLOR_VARIABLES {
            if !command.get_envs().any(|(known, _)| known == name) {
                Command::env(command, name, value);
            }
        }
    }
}

#[cfg(unix)]
fn lead_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(not(unix))]
fn lead_group(_: &mut Command) {}
