//! Eight real builds at once: each `cargo build` prints into the log of its own context, and one table sums up.
//!
//! ```text
//! 00:00.31  hinge              Compiling hinge v0.1.0 (/tmp/.tmpbZpSoZ/hinge)
//! 00:00.84  latch           WARNING: unused variable: `oil`
//! …
//! build    time  lines  warnings  result
//! hinge   0.9 s      2         0  cargo succeeded
//! latch   1.1 s     11         1  cargo succeeded
//! ```
//!
//! `--broken` breaks one of them: the exit code is 1 then.

#![allow(clippy::print_stdout, reason = "a table is no logging")]

use std::path::Path;
use std::process::{Command, ExitCode};
use std::{env, fs, io, thread};

use logscope::command::Finished;
use logscope::{Format, Level, OutputContext, sink};

const CRATES: [&str; 8] = ["anvil", "bevel", "chisel", "dowel", "gauge", "hinge", "latch", "rivet"];

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Result<ExitCode> {
    logscope::init();
    let temporary = tempfile::tempdir()?;
    let folder = temporary.path();
    let is_broken = env::args().any(|argument| argument == "--broken");
    let builds = thread::scope(|threads| {
        let builds = CRATES.map(|name| {
            let is_broken = is_broken && name == "dowel";
            (name, threads.spawn(move || build(folder, name, is_broken)))
        });
        builds.map(|(name, build)| (name, build.join().unwrap_or_else(|_| Err("the thread panicked".into()))))
    });

    println!("\nbuild    time  lines  warnings  result");
    let mut all_well = true;
    for (name, build) in builds {
        let (finished, warnings) = build?;
        let (seconds, lines) = (finished.duration.as_secs_f64(), finished.lines);
        println!("{name:<6} {seconds:>4.1} s  {lines:>5}  {warnings:>8}  {finished}");
        all_well &= finished.success();
    }
    Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds the crate `name` in a context of its own, and returns how that ended, with the number of warnings.
fn build(folder: &Path, name: &str, is_broken: bool) -> Result<(Finished, usize)> {
    write_crate(&folder.join(name), name, is_broken)?;
    let log = sink::file(folder.join("logs").join(name)).create_parents(true).open()?;
    let console = sink::stdout().format(Format::build().aligned(true).fields(false));
    let context = OutputContext::builder(name).sink(log.format(Format::text())).sink(console).build();

    let mut warnings = 0;
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--offline"]).current_dir(folder.join(name)).env_remove("CARGO_TARGET_DIR");
    // No limit of time: cargo stays in the group of the terminal, whose Ctrl-C ends all.
    let run = context.run(&mut cargo).level_by(|_, line| match line {
        // The number of warnings, once more.
        line if line.contains(" generated ") => Level::INFO,
        line if line.starts_with("warning") => {
            warnings += 1;
            Level::WARN
        }
        line if line.starts_with("error") => Level::ERROR,
        _ => Level::INFO,
    });
    let finished = run.message_by(|_, line| message(line)).wait()?;
    Ok((finished, warnings))
}

/// What the level of a line says is not said again.
fn message(line: &str) -> &str {
    ["warning: ", "error: "].iter().find_map(|word| line.strip_prefix(word)).unwrap_or(line)
}

fn write_crate(folder: &Path, name: &str, is_broken: bool) -> io::Result<()> {
    let manifest = format!("[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[workspace]\n");
    let source = match name {
        _ if is_broken => "pub fn turns() -> u32 { \"four\" }",
        "latch" => "pub fn turns() -> u32 { let oil = 1; 4 }",
        _ => "pub fn turns() -> u32 { 4 }",
    };
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::write(folder.join("src/lib.rs"), source)
}
