//! The stages of a build and their steps. Each step is a child process, whose output goes into the log.
//!
//! The stages run one after the other, the steps of a stage at the same time. A child's output goes into the log line by line, by whatever
//! runs it.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Command;

use logscope::Level;
use logscope::command::{Finished, Stream};
use tracing::Span;

use crate::build::{Build, Plan};
use crate::programs::{Crate, Manner};
use crate::tally::say;

/// Steps that do not depend on one another.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) title: String,
    pub(crate) steps: Vec<Step>,
}

/// One child process.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The subject: a crate, the target, the program.
    pub(crate) unit: &'static str,
    /// The text for people.
    about: String,
    program: OsString,
    arguments: Vec<OsString>,
    /// The level of the lines that the child prints on stdout.
    stdout: Level,
}

impl Plan {
    /// All stages: ask the compiler for its target, compile the crates in the order of their dependencies, run the program.
    pub(crate) fn stages(&self) -> Vec<Stage> {
        let mut stages = vec![Stage { title: "asking rustc about its target".to_owned(), steps: vec![self.probe()] }];
        let (executable, libraries) =
            self.program.crates.split_last().unwrap_or_else(|| unreachable!("programs have crates"));
        let mut made: Vec<&str> = Vec::new();
        while made.len() < libraries.len() {
            let can_be_made =
                |part: &&Crate| !made.contains(&part.name) && part.needs.iter().all(|need| made.contains(need));
            let wave: Vec<&Crate> = libraries.iter().filter(can_be_made).collect();
            assert!(!wave.is_empty(), "a crate of {} needs one that is not there", self.program.name);
            let names: Vec<&str> = wave.iter().map(|part| part.name).collect();
            stages.push(Stage {
                title: format!("compiling {}", names.join(" and ")),
                steps: wave.into_iter().map(|part| self.compile(part, "rlib")).collect(),
            });
            made.extend(names);
        }
        stages.push(Stage {
            title: format!("linking {}", executable.name),
            steps: vec![self.compile(executable, "bin")],
        });
        stages.push(Stage { title: format!("running {}", executable.name), steps: vec![self.execute(executable)] });
        stages
    }

    fn probe(&self) -> Step {
        Step {
            unit: "target",
            about: "rustc --print cfg".to_owned(),
            program: self.rustc.clone(),
            arguments: vec!["--print".into(), "cfg".into()],
            stdout: Level::TRACE,
        }
    }

    fn compile(&self, part: &'static Crate, kind: &str) -> Step {
        let out = self.dir.join("out");
        let mut arguments: Vec<OsString> =
            ["--edition", "2021", "--crate-type", kind, "--crate-name", part.name].map(OsString::from).into();
        for need in part.needs {
            arguments.extend(["--extern".into(), OsString::from(need)]);
        }
        arguments.extend(["-L".into(), out.clone().into(), "--out-dir".into(), out.into()]);
        if self.program.manner == Manner::Verbose {
            arguments.extend(["--verbose".into(), "--print".into(), "link-args".into()]);
        }
        // Relative, so that the compiler's messages are short.
        arguments.extend(part.files.first().map(|(root, _)| format!("{}/{root}", part.name).into()));
        Step {
            unit: part.name,
            about: format!("rustc {}/{}.rs --crate-type {kind}", part.name, part.name),
            program: self.rustc.clone(),
            arguments,
            stdout: Level::TRACE,
        }
    }

    fn execute(&self, executable: &'static Crate) -> Step {
        Step {
            unit: executable.name,
            about: format!("./{}", executable.name),
            program: self.dir.join("out").join(executable.name).with_extension(std::env::consts::EXE_EXTENSION).into(),
            arguments: Vec::new(),
            stdout: Level::DEBUG,
        }
    }
}

impl Step {
    /// Logs the step, and returns its child, ready to be started.
    pub(crate) fn command(&self, build: &Build) -> Command {
        say!(build, DEBUG, { unit = self.unit, }, "$ {}", self.about);
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(&build.plan.dir);
        say!(build, TRACE, { unit = self.unit, }, "{command:?}");
        build.tally.count(Level::DEBUG, &format!("{} started", self.name()));
        command
    }

    /// The name of the program.
    fn name(&self) -> String {
        Path::new(&self.program).file_name().unwrap_or(&self.program).to_string_lossy().into_owned()
    }

    /// Returns the span around the child: what it prints has no token and no time but these.
    pub(crate) fn span(&self, build: &Build) -> Span {
        let (token, since_us) = build.tally.now();
        // At the level that each build wants.
        tracing::error_span!("step", unit = self.unit, token, since_us)
    }

    /// Returns the level of a line of the child, and counts the line: the head of a warning or an error on stderr has that level, all other
    /// lines are details.
    pub(crate) fn hear(&self, build: &Build, heard: &mut Heard, stream: Stream, line: &str) -> Level {
        let level = match stream {
            // The compiler's summary.
            Stream::Stderr if line.ends_with("emitted") || line.starts_with("error: aborting") => Level::DEBUG,
            Stream::Stderr if line.starts_with("warning") => {
                heard.warnings += 1;
                Level::WARN
            }
            Stream::Stderr if line.starts_with("error") => {
                heard.error.get_or_insert_with(|| line.to_owned());
                Level::ERROR
            }
            Stream::Stderr => Level::DEBUG,
            _ => {
                heard.last = Some(line.to_owned());
                self.stdout
            }
        };
        build.tally.count(level, message(stream, line));
        level
    }

    /// Returns what was heard of a child that has ended well.
    pub(crate) fn conclude(
        &self,
        build: &Build,
        finished: io::Result<Finished>,
        heard: Heard,
    ) -> Result<Heard, String> {
        let finished = finished.map_err(|error| format!("{}: {error}", self.unit))?;
        let level = if finished.success() { Level::DEBUG } else { Level::WARN };
        build.tally.count(level, &finished.to_string());
        match (finished.check(), heard.error) {
            (Ok(_), _) => Ok(Heard { error: None, ..heard }),
            (Err(_), Some(error)) => Err(format!("{}: {error}", self.unit)),
            (Err(failure), None) => Err(format!("{}: {failure}", self.unit)),
        }
    }
}

/// Returns the part of a child's line that is logged: a warning's level says that it is one.
pub(crate) fn message(_: Stream, line: &str) -> &str {
    line.strip_prefix("warning: ").unwrap_or(line)
}

/// What is kept of the output of children.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// The first error.
    pub(crate) error: Option<String>,
    pub(crate) warnings: usize,
    /// The last line on stdout.
    pub(crate) last: Option<String>,
}

impl Heard {
    pub(crate) fn and(self, other: Heard) -> Heard {
        Heard {
            error: self.error.or(other.error),
            warnings: self.warnings + other.warnings,
            last: other.last.or(self.last),
        }
    }
}
