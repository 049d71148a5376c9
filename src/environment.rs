//! The verbosity that the environment asks for: [`Verbosity::from_env`], for programs and for `layer`.
//!
//! A mistake in a variable does not keep a process from logging. `RUST_LOG` is written for other libraries too, and may hold directives of an
//! `EnvFilter` that only they read. So each directive that is known here counts, and one line on stderr names the others.
//!
//! This module imports `verbosity`, which reads the text, and `fallback`, which reports what is wrong with it.

use std::env::VarError;

use crate::fallback;
use crate::sync::OnceLock;
use crate::verbosity::Verbosity;

impl Verbosity {
    /// Returns the verbosity in the environment variable `LOGSCOPE`, else that in `RUST_LOG`.
    ///
    /// ```
    /// use logscope::{LevelFilter, OutputContext, Verbosity};
    ///
    /// let verbosity = Verbosity::from_env().unwrap_or(LevelFilter::WARN.into());
    /// let uno = OutputContext::builder("uno").verbosity(verbosity).build();
    /// ```
    ///
    /// Returns `None` if neither is set, and if the variable that counts has no directive that logscope knows. A variable that is empty counts
    /// as not set. The rules are those of [`init`](crate::init), which gives this verbosity to the process default: the
    /// [directives](Verbosity#directives) that are known here are used, and one line on stderr names the others.
    ///
    /// The environment is read once, by the first call or by `init`, whichever comes first. A mistake is therefore reported once, and a
    /// variable that is set later changes nothing.
    #[must_use]
    pub fn from_env() -> Option<Verbosity> {
        static READ: OnceLock<Option<Verbosity>> = OnceLock::new();
        if let Some(read) = READ.get() {
            return read.clone();
        }
        let (verbosity, problem) = read(|variable| std::env::var(variable));
        // Not by `get_or_init`: an allocator that logs would come back here. The thread that is first reports.
        if READ.set(verbosity.clone()).is_ok()
            && let Some(problem) = problem
        {
            fallback::report(format_args!("{problem}"));
        }
        verbosity
    }
}

/// Reads the environment, whose variables `get` returns. The second part of the result is what is wrong in it.
fn read(get: impl Fn(&str) -> Result<String, VarError>) -> (Option<Verbosity>, Option<String>) {
    for variable in ["LOGSCOPE", "RUST_LOG"] {
        match get(variable) {
            Ok(text) if !text.trim().is_empty() => return read_text(variable, &text),
            Ok(_) | Err(VarError::NotPresent) => {}
            Err(VarError::NotUnicode(text)) => {
                return (None, Some(format!("{variable} is not Unicode ({text:?}), so the default is used")));
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
        None => format!("{variable} holds nothing that logscope knows, so the default is used: {problems}"),
    };
    (verbosity, Some(problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The environment, the verbosity in it, and how many lines of mistakes it gives.
    type Case = (&'static [(&'static str, &'static str)], Option<&'static str>, usize);

    #[test]
    fn the_first_variable_that_is_not_empty_counts() {
        let cases: [Case; 7] = [
            (&[], None, 0),
            (&[("LOGSCOPE", "debug"), ("RUST_LOG", "warn")], Some("debug"), 0),
            (&[("RUST_LOG", "warn,hyper=off")], Some("warn,hyper=off"), 0),
            (&[("LOGSCOPE", " "), ("RUST_LOG", "warn")], Some("warn"), 0),
            (&[("LOGSCOPE", "what[is]this="), ("RUST_LOG", "warn")], None, 1),
            (&[("LOGSCOPE", "error,a[x]"), ("RUST_LOG", "warn")], Some("error"), 1),
            (&[("LOGSCOPE", ""), ("RUST_LOG", ",")], None, 0),
        ];
        for (variables, expected, problems) in cases {
            let get = |name: &str| {
                let found = variables.iter().find(|(variable, _)| *variable == name);
                found.map(|(_, value)| (*value).to_owned()).ok_or(VarError::NotPresent)
            };
            let (verbosity, problem) = read(get);
            assert_eq!(verbosity.map(|verbosity| verbosity.to_string()).as_deref(), expected, "{variables:?}");
            assert_eq!(problem.iter().count(), problems, "{variables:?}: {problem:?}");
        }
    }
}
