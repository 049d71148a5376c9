//! Entering a context and asking which one is current.

use std::hint::black_box;
use std::sync::Arc;

use fastrace::Span;
use fastrace::collector::{Config, Reporter, SpanContext, SpanRecord};
use fastrace::future::FutureExt as _;
use logscope::OutputContext;
use opentelemetry::context::FutureExt as _;

use super::Job;
use crate::harness::{Subject, subject, within};
use crate::subjects::{guard, never, plain, poll, poll_of, scope};
use crate::table::Mark;

tokio::task_local! {
    static TASK: Arc<str>;
}

pub fn jobs() -> Vec<Job> {
    vec![
        Job::new("with_current", "task_local with", &[Mark::AtMostMore(0.5)], || {
            Ok((with_current(), task_local_with()))
        }),
        Job::new("with_current", "opentelemetry map_current", &[], || Ok((with_current(), opentelemetry_current()))),
        Job::new("with_current", "fastrace current_local_parent", &[], || Ok((with_current(), fastrace_current()))),
        Job::new("scope of a closure", "task_local with", &[Mark::AtMostMore(2.0)], || {
            Ok((scope(), task_local_with()))
        }),
        Job::new("scope of a closure", "task_local sync_scope", &[], || Ok((scope(), task_local_scope()))),
        Job::new("scope of a closure", "opentelemetry attach", &[], || Ok((scope(), opentelemetry_attach()))),
        Job::new("scope of a closure", "fastrace set_local_parent", &[], || Ok((scope(), fastrace_parent()))),
        Job::new("guard", "opentelemetry attach", &[Mark::AtMost(18.0)], || Ok((guard(), opentelemetry_attach()))),
        Job::new("poll of an in_context future", "poll of a task_local scope", &[Mark::AtMostMore(1.0)], || {
            Ok((poll(), task_local_poll()))
        }),
        Job::new("poll of an in_context future", "opentelemetry with_context", &[], || {
            Ok((poll(), poll_of(never().with_context(opentelemetry_context()))))
        }),
        Job::new("poll of an in_context future", "fastrace in_span", &[], || {
            Ok((poll(), poll_of(never().in_span(fastrace_span()))))
        }),
    ]
}

fn with_current() -> Subject {
    let context = plain();
    within(
        move |round| context.scope(round),
        || {
            OutputContext::with_current(|current| {
                black_box(current);
            })
        },
    )
}

fn task_local_with() -> Subject {
    within(
        |round| TASK.sync_scope(Arc::from("uno"), round),
        || {
            TASK.with(|current| {
                black_box(current);
            })
        },
    )
}

fn task_local_scope() -> Subject {
    let value: Arc<str> = Arc::from("uno");
    subject(move || TASK.sync_scope(Arc::clone(&value), || black_box(())))
}

fn task_local_poll() -> Subject {
    poll_of(TASK.scope(Arc::from("uno"), never()))
}

fn opentelemetry_current() -> Subject {
    within(
        |round| {
            let _guard = opentelemetry_context().attach();
            round();
        },
        || {
            opentelemetry::Context::map_current(|current| {
                black_box(current);
            })
        },
    )
}

/// A context with a value, as any useful one has.
fn opentelemetry_context() -> opentelemetry::Context {
    struct Name(#[allow(dead_code, reason = "it is there to be carried")] &'static str);
    opentelemetry::Context::new().with_value(Name("uno"))
}

fn opentelemetry_attach() -> Subject {
    let context = opentelemetry_context();
    subject(move || {
        let _guard = context.clone().attach();
        black_box(());
    })
}

/// A span that is recorded: fastrace does nothing for others, and nothing without a reporter.
fn fastrace_span() -> Span {
    struct Ignore;
    impl Reporter for Ignore {
        fn report(&mut self, spans: Vec<SpanRecord>) {
            black_box(spans);
        }
    }

    fastrace::set_reporter(Ignore, Config::default());
    Span::root("uno", SpanContext::random())
}

fn fastrace_parent() -> Subject {
    let span = fastrace_span();
    subject(move || {
        let _guard = span.set_local_parent();
        black_box(());
    })
}

fn fastrace_current() -> Subject {
    let span = fastrace_span();
    within(
        move |round| {
            let _guard = span.set_local_parent();
            round();
        },
        || {
            black_box(SpanContext::current_local_parent());
        },
    )
}
