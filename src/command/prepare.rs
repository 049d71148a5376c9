//! What a command is given before it is started: its streams, its group and its environment.

use std::ffi::OsStr;
use std::io::{self, PipeReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::options::Options;

/// The variables that ask a program for colours.
const COLOR_VARIABLES: [(&str, &str); 3] =
    [("CLICOLOR_FORCE", "1"), ("FORCE_COLOR", "1"), ("CARGO_TERM_COLOR", "always")];

/// Starts `command`. Returns the child with the end of the merged pipe that is to be read.
pub(super) fn spawn(command: &mut Command, options: &Options<'_>) -> io::Result<(Child, Option<PipeReader>)> {
    options.check()?;
    let merged = prepare(command, options).map_err(|error| cannot_run(command, error))?;
    let result = command.spawn();
    if options.is_merged {
        // The command holds the other end: the pipe would never be at its end.
        command.stdout(Stdio::null()).stderr(Stdio::null());
    }
    Ok((result.map_err(|error| cannot_run(command, error))?, merged))
}

/// Says which program cannot be run and, where the system has one answer for several problems, which one it is.
pub(super) fn cannot_run(command: &Command, error: io::Error) -> io::Error {
    let (kind, program) = (error.kind(), command.get_program());
    let missing_folder = command.get_current_dir().filter(|folder| !folder.is_dir());
    let why = match (kind, missing_folder) {
        (io::ErrorKind::NotFound | io::ErrorKind::NotADirectory, Some(folder)) => {
            format!("there is no folder {} to run it in", folder.display())
        }
        (io::ErrorKind::NotFound, None) if Path::new(program).file_name() == Some(program) => {
            "it is in no folder of PATH".to_owned()
        }
        // A relative path may count from the folder of the command, or from that of this process.
        (io::ErrorKind::NotFound, None) if Path::new(program).is_absolute() && Path::new(program).exists() => {
            "the file is there, but the interpreter or loader that it names is not".to_owned()
        }
        _ => error.to_string(),
    };
    io::Error::new(kind, format!("cannot run {}: {why}", program.display()))
}

fn prepare(command: &mut Command, options: &Options<'_>) -> io::Result<Option<PipeReader>> {
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
    if !options.is_colored {
        return;
    }
    // `None` if the command says nothing of the variable, and `Some(None)` if it removes it.
    let own = |command: &Command, name: &str| {
        let mut own = command.get_envs().filter(|(known, _)| *known == name);
        own.next().map(|(_, value)| value.map(OsStr::to_owned))
    };
    let no_color = own(command, "NO_COLOR").unwrap_or_else(|| std::env::var_os("NO_COLOR"));
    if no_color.is_some_and(|value| !value.is_empty()) {
        return;
    }
    for (name, value) in COLOR_VARIABLES {
        if own(command, name).is_none() {
            Command::env(command, name, value);
        }
    }
}

#[cfg(unix)]
fn lead_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(not(unix))]
fn lead_group(_: &mut Command) {}
