//! Two contexts, each with a log of its own. The code in their scopes logs through plain `tracing` calls and knows neither.
//!
//! ```text
//! --- uno.log
//! INFO  uno: compiling unit=blink.cpp
//! INFO  uno: compiling unit=main.cpp
//! --- due.log
//! INFO  due: compiling unit=servo.cpp
//! DEBUG due: optimising for size unit=servo.cpp
//! ```

#![allow(clippy::print_stdout, reason = "it shows what was logged")]

use std::{error, fs};

use logscope::{Format, LevelFilter, OutputContext, Time, sink};

fn main() -> Result<(), Box<dyn error::Error>> {
    logscope::init();
    let folder = tempfile::tempdir()?;
    let (uno_log, due_log) = (folder.path().join("uno.log"), folder.path().join("due.log"));
    let format = Format::text().time(Time::None).target(false);

    let uno_file = sink::file(&uno_log).open()?.format(format.clone());
    let due_file = sink::file(&due_log).open()?.format(format);
    let uno = OutputContext::builder("uno").sink(uno_file).build();
    let due = OutputContext::builder("due").sink(due_file).verbosity(LevelFilter::DEBUG).build();

    uno.scope(|| {
        compile("blink.cpp");
        due.scope(|| compile("servo.cpp")); // the newest scope is the current one
        compile("main.cpp");
    });

    // These are direct sinks: all records are in the files already.
    print!("--- uno.log\n{}", fs::read_to_string(uno_log)?);
    print!("--- due.log\n{}", fs::read_to_string(due_log)?);
    Ok(())
}

/// Stands for code in any crate.
fn compile(unit: &str) {
    tracing::info!(unit, "compiling");
    tracing::debug!(unit, "optimising for size");
}
