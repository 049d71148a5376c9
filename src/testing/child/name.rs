//! Which test runs on this thread.

use std::env;

use crate::sync::thread;

/// The name of the test that runs on this thread, as libtest knows it; an error says what to do.
pub(super) fn this_test() -> Result<String, String> {
    // libtest names a thread after its test. The main thread runs tests where `--test-threads=1` says so, or where there is one processor.
    if let Some(name) = thread::current().name().filter(|name| *name != "main") {
        return Ok(name.to_owned());
    }
    name_in_arguments().ok_or_else(|| {
        "which test this is cannot be told: libtest runs tests on the main thread if it has one thread for all (`--test-threads=1`). Run them with more threads or \
         with nextest, or say it: `child().test(\"module::name\")`"
            .to_owned()
    })
}

/// The name of the only test that this process runs, as nextest starts each: `--exact NAME`.
fn name_in_arguments() -> Option<String> {
    let mut arguments = env::args().skip(1);
    let mut names = Vec::new();
    let mut is_exact = false;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--exact" => is_exact = true,
            "--" => break,
            // Those that have a value.
            "--test-threads" | "--skip" | "--format" | "--logfile" | "--color" | "--shuffle-seed" | "-Z" => {
                drop(arguments.next())
            }
            flag if flag.starts_with('-') => {}
            _ => names.push(argument),
        }
    }
    if is_exact && names.len() == 1 { names.pop() } else { None }
}
