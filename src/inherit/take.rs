//! What a process takes over from its parent: a context, or at least a trace.

use std::env::VarError;

use tracing::level_filters::LevelFilter;

use super::command::TRACEPARENT;
use super::trust::is_environment_trusted;
use super::variable::{Inherited, LEFT_OUT, VARIABLE};
use crate::context::{OutputContext, TRACE_ID};
use crate::error::Error;
use crate::fallback;
use crate::sink::{self, Sink};
use crate::sync::OnceLock;
use crate::trace::TraceContext;
use crate::verbosity::Verbosity;

/// What the environment says.
#[derive(Clone, Debug, Default)]
struct Environment {
    context: Option<Inherited>,
    /// The trace, where there is no context.
    trace: Option<TraceContext>,
}

/// Returns the context that the parent of this process has given it, with the child's own `verbosity` if it has one, and with no level above
/// `ceiling`. It logs to stderr, or to the files that the parent offers, if they are to be taken.
pub(crate) fn inherited_context(
    verbosity: Option<&Verbosity>,
    ceiling: LevelFilter,
    accepts_sinks: bool,
) -> Option<OutputContext> {
    Some(to_context(environment().context.as_ref()?, verbosity, ceiling, accepts_sinks))
}

fn to_context(
    inherited: &Inherited,
    verbosity: Option<&Verbosity>,
    ceiling: LevelFilter,
    accepts_sinks: bool,
) -> OutputContext {
    // Clamped here, and so in silence: the level of the parent is no mistake of this program.
    let verbosity = verbosity.cloned().unwrap_or_else(|| inherited.verbosity.clamped(ceiling));
    let mut builder = OutputContext::builder(&inherited.name)
        .parent_in_other_process(inherited.parent_id)
        .origin(inherited.time.to_origin())
        .verbosity(verbosity)
        .sinks(sinks(inherited, accepts_sinks));
    for (name, value) in &inherited.fields {
        builder = builder.field(name, value.clone());
    }
    if inherited.left_out > 0 {
        builder = builder.field(LEFT_OUT, inherited.left_out);
    }
    let shows_trace = inherited.fields.iter().any(|(name, _)| name == TRACE_ID);
    builder = match inherited.trace {
        Some(trace) if shows_trace => builder.trace_without_field(trace),
        Some(trace) => builder.trace(trace),
        None => builder,
    };
    builder.build()
}

/// Returns the trace in `TRACEPARENT`, if the parent has given no context.
pub(crate) fn inherited_trace() -> Option<TraceContext> {
    environment().trace
}

/// Opens the files that the parent offers. One that cannot be opened is replaced by stderr.
#[cfg(feature = "file")]
fn sinks(inherited: &Inherited, accepts_sinks: bool) -> Vec<Sink> {
    let files = if accepts_sinks { &inherited.files[..] } else { &[] };
    let mut sinks = Vec::new();
    let mut failed = None;
    for file in files {
        match file.open() {
            Ok(sink) => sinks.push(sink),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    with_stderr(sinks, failed)
}

#[cfg(not(feature = "file"))]
fn sinks(_: &Inherited, _: bool) -> Vec<Sink> {
    with_stderr(Vec::new(), None)
}

/// Adds stderr to `sinks` if there are none, or not all that should be.
fn with_stderr(mut sinks: Vec<Sink>, failed: Option<Error>) -> Vec<Sink> {
    if let Some(error) = &failed {
        fallback::report(format_args!(
            "a file of the parent process is not logged to, and stderr is in its place: {error:#}"
        ));
    }
    if failed.is_some() || sinks.is_empty() {
        sinks.push(sink::stderr());
    }
    sinks
}

/// Returns what the environment says. It is read once, by the first call, which reports what is wrong in it.
fn environment() -> &'static Environment {
    static READ: OnceLock<Environment> = OnceLock::new();
    if let Some(read) = READ.get() {
        return read;
    }
    let (environment, problem) = match is_environment_trusted() {
        true => read(|variable| std::env::var(variable)),
        false => (Environment::default(), None),
    };
    // Not by `get_or_init`: an allocator that logs would come back here. The thread that is first reports.
    if READ.set(environment).is_ok()
        && let Some(problem) = problem
    {
        fallback::report(format_args!("{problem}"));
    }
    READ.get().unwrap_or_else(|| unreachable!("this thread or another one has just set it"))
}

/// Reads the environment, whose variables `get` returns. The second part of the result is what is wrong in it. A variable that is empty counts
/// as not set.
fn read(get: impl Fn(&str) -> Result<String, VarError>) -> (Environment, Option<String>) {
    let set = |variable| match get(variable) {
        Ok(text) if text.trim().is_empty() => None,
        Err(VarError::NotPresent) => None,
        Ok(text) => Some(Ok(text)),
        Err(VarError::NotUnicode(_)) => Some(Err("it is not Unicode".to_owned())),
    };
    if let Some(text) = set(VARIABLE) {
        return match text.and_then(|text| Inherited::decode(&text)) {
            Ok(context) => (Environment { context: Some(context), trace: None }, None),
            Err(problem) => (Environment::default(), Some(format!("{VARIABLE} is not used: {problem}"))),
        };
    }
    let trace =
        set(TRACEPARENT).map(|text| text.and_then(|text| text.parse().map_err(|error: Error| error.to_string())));
    match trace {
        Some(Ok(trace)) => (Environment { context: None, trace: Some(trace) }, None),
        Some(Err(problem)) => (Environment::default(), Some(format!("{TRACEPARENT} is not used: {problem}"))),
        None => (Environment::default(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Value;

    const HEADER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    /// What the environment says if it has these variables.
    fn read_of(variables: &[(&str, &str)]) -> (Environment, Option<String>) {
        read(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned()).ok_or(VarError::NotPresent)
        })
    }

    #[test]
    fn fields_that_are_left_out_are_counted_over_generations() {
        // With each length, the variable of the parent is full in another way.
        for length in 0..200 {
            let mut builder = OutputContext::builder("uno").field("padding", "x".repeat(length));
            for number in 0..100 {
                builder = builder.field(format!("field {number}"), "x".repeat(200));
            }
            let mut context = builder.build();
            // Each process adds a field of its own.
            for generation in 1..4 {
                let text = Inherited::of(&context).encode().unwrap();
                context = to_context(&Inherited::decode(&text).unwrap(), None, LevelFilter::TRACE, false);
                let (last, kept) = context.fields().split_last().unwrap();
                let left_out = (LEFT_OUT.to_owned(), Value::U64(100 + generation - kept.len() as u64));
                assert_eq!(*last, left_out, "{length} bytes, generation {generation}");
                context = context.to_builder().field(format!("generation {generation}"), "x".repeat(length)).build();
            }
        }
    }

    #[test]
    fn a_context_comes_before_a_trace_and_what_is_bad_is_told_once() {
        let context = OutputContext::builder("uno").build();
        let good = Inherited::of(&context).encode().unwrap();
        /// Variables, the name of the context, whether there is a trace, and how many problems.
        type Case<'a> = (&'a [(&'a str, &'a str)], Option<&'a str>, bool, usize);
        let cases: [Case<'_>; 8] = [
            (&[], None, false, 0),
            (&[(VARIABLE, &good), (TRACEPARENT, HEADER)], Some("uno"), false, 0),
            (&[(VARIABLE, &good), (TRACEPARENT, "bad")], Some("uno"), false, 0),
            (&[(VARIABLE, ""), (TRACEPARENT, HEADER)], None, true, 0),
            (&[(TRACEPARENT, HEADER)], None, true, 0),
            (&[(TRACEPARENT, "bad")], None, false, 1),
            (&[(VARIABLE, "2;what"), (TRACEPARENT, "bad")], None, false, 1),
            (&[(VARIABLE, &good[..good.len() - 5])], None, false, 1),
        ];
        for (variables, name, has_trace, problems) in cases {
            let (environment, problem) = read_of(variables);
            assert_eq!(environment.context.map(|context| context.name).as_deref(), name, "{variables:?}");
            assert_eq!(environment.trace.is_some(), has_trace, "{variables:?}");
            assert_eq!(problem.iter().count(), problems, "{variables:?}: {problem:?}");
        }
    }
}
