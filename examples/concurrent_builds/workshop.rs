//! The compiler, and the temporary directory of the builds.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io, process};

use crate::Result;
use crate::build::{Plan, RunsOn};
use crate::programs::{PROGRAMS, Program};

/// The compiler that the environment names, or the one on the PATH.
#[derive(Clone, Debug)]
pub(crate) struct Rustc {
    pub(crate) path: OsString,
    /// Its own version line: `rustc 1.95.0 (59807616e 2026-04-14)`.
    pub(crate) version: String,
}

impl Rustc {
    pub(crate) fn find() -> Result<Rustc> {
        let path = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let told = Command::new(&path).arg("--version").output();
        match told {
            Ok(told) if told.status.success() => {
                Ok(Rustc { path, version: String::from_utf8_lossy(&told.stdout).trim().to_owned() })
            }
            Ok(told) => {
                Err(format!("{path:?} --version ended with {}: set RUSTC to a working rustc", told.status).into())
            }
            Err(error) => {
                let advice = "install Rust (https://rustup.rs) or set RUSTC to the path of a rustc";
                Err(format!("there is no compiler: {path:?} cannot be run ({error}); {advice}").into())
            }
        }
    }
}

/// A temporary directory, which is removed at the end unless `--keep` is given.
#[derive(Debug)]
pub(crate) struct Workshop {
    path: PathBuf,
    keep: bool,
}

impl Workshop {
    pub(crate) fn open(keep: bool) -> Result<Workshop> {
        let path = env::temp_dir().join(format!("logscope-concurrent-builds-{}", process::id()));
        fs::create_dir_all(&path).map_err(|error| format!("cannot make {}: {error}", path.display()))?;
        Ok(Workshop { path, keep })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the sources of `builds` programs, each in a directory of its own, and plans their builds: alternately on threads and as
    /// tasks. If there are more builds than programs, programs are built again under numbered names, the other way.
    pub(crate) fn plans(&self, builds: usize, rustc: &Rustc) -> Result<Vec<Plan>> {
        let plan = |number: usize| {
            let (program, round) = (&PROGRAMS[number % PROGRAMS.len()], number / PROGRAMS.len());
            let name = if round == 0 { program.name.to_owned() } else { format!("{}-{}", program.name, round + 1) };
            let dir = self.path.join("programs").join(&name);
            write_sources(program, &dir).map_err(|error| format!("cannot write to {}: {error}", dir.display()))?;
            let runs_on = if (number + round).is_multiple_of(2) { RunsOn::Threads } else { RunsOn::Tasks };
            let log = self.path.join("logs").join(format!("{name}.jsonl"));
            Ok(Plan { name, program, runs_on, rustc: rustc.path.clone(), dir, log })
        };
        (0..builds).map(plan).collect()
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        if !self.keep {
            // Files that are left in a temporary directory do no harm.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

fn write_sources(program: &Program, dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir.join("out"))?;
    for part in program.crates {
        fs::create_dir_all(dir.join(part.name))?;
        for (name, text) in part.files {
            fs::write(dir.join(part.name).join(name), text)?;
        }
    }
    Ok(())
}
