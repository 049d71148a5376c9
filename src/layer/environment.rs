//! The verbosity that the environment asks for.
//!
//! A mistake in a variable does not keep a process from logging. `RUST_LOG` is written for other libraries too, and may hold directives of an
//! `EnvFilter` that only they read. So each directive that is known here counts, and one line on stderr names the others.

use std::env::VarError;

use crate::fallback;
use crate::sync::OnceLock;
use crate::verbosity::Verbosity;

/// Returns the verbosity in `LOGSCOPE` or, if that is not set, the one in `RUST_LOG`.
///
/// The environment is read once: a program may make many layers, and a mistake is reported once.
pub(super) fn verbosity_from_environment() -> Option<Verbosity> {
    static READ: OnceLock<Option<Verbosity>> = OnceLock::new();
    if let Some(read) = READ.get() {
        return read.clone();
    }
    let (verbosity, problem) = read();
    // Not by `get_or_init`: an allocator that logs would come back here. The thread that is first reports.
    if READ.set(verbosity.clone()).is_ok()
        && let Some(problem) = problem
    {
        fallback::report(format_args!("{problem}"));
    }
    verbosity
}

/// Reads the environment. The second part of the result is what is wrong in it.
fn read() -> (Option<Verbosity>, Option<String>) {
    for variable in ["LOGSCOPE", "RUST_LOG"] {
        match std::env::var(variable) {
            Ok(text) if !text.trim().is_empty() => return read_text(variable, &text),
            Ok(_) | Err(VarError::NotPresent) => {}
            Err(VarError::NotUnicode(text)) => {
                return (None, Some(format!("{variable} is not Unicode ({text:?}), so INFO is used")));
            }
        }
    }
    (None, None)
}

fn read_text(variable: &str, text: &str) -> (Option<Verbosity>, Option<String>) {
    let (verbosity, problems) = Verbosity::from_known_directives(text);
    if problems.is_empty() {
        return (verbosity, None);
    }
    let problems = problems.join("; ");
    let problem = match &verbosity {
        Some(known) => format!("{variable} is read as {known}, without what logscope does not know: {problems}"),
        None => format!("{variable} holds nothing that logscope knows, so INFO is used: {problems}"),
    };
    (verbosity, Some(problem))
}
