//! An event that becomes a line: a message, a `u64`, a `&str` and an `f64`, in a span with one field, to a writer that discards.

use std::hint::black_box;
use std::io;

use logscope::{Format, OutputContext, sink};
use tracing::{Dispatch, dispatcher};
use tracing_subscriber::prelude::*;

use super::Job;
use crate::harness::{Subject, within};
use crate::remote::{Remote, Subjects};
use crate::table::Mark;

pub fn jobs() -> Vec<Job> {
    let text = [Mark::Faster(5.0), Mark::NoAllocation];
    let json = [Mark::Faster(8.0), Mark::NoAllocation];
    vec![
        Job::new("text line, layer() under with_default", "fmt() under with_default", &text, || {
            Ok((under(ours(), Format::text()), under_fmt(text_fmt())))
        }),
        Job::new("JSON line, layer() under with_default", "fmt().json() under with_default", &json, || {
            Ok((under(ours(), Format::json()), under_fmt(json_fmt())))
        }),
        Job::new("text line, init()", "fmt().init()", &text, || {
            Ok((Remote::start("init")?.subject("text"), Remote::start("fmt")?.subject("line")))
        }),
        Job::new("JSON line, init()", "fmt().json().init()", &json, || {
            Ok((Remote::start("init")?.subject("json"), Remote::start("fmt-json")?.subject("line")))
        }),
    ]
}

pub fn arrange(arrangement: &str) -> Option<Subjects> {
    match arrangement {
        "init" => {
            logscope::init().expect("nothing is installed yet");
            Some(vec![("text", inside(Format::text())), ("json", inside(Format::json()))])
        }
        "fmt" => {
            dispatcher::set_global_default(text_fmt()).expect("nothing is installed yet");
            Some(vec![("line", within(in_span, event))])
        }
        "fmt-json" => {
            dispatcher::set_global_default(json_fmt()).expect("nothing is installed yet");
            Some(vec![("line", within(in_span, event))])
        }
        _ => None,
    }
}

/// The event that all sides log.
#[inline(always)]
fn event() {
    tracing::info!(size = black_box(4_096_u64), path = black_box("src/main.cpp"), ratio = black_box(0.625), "linking");
}

fn in_span(round: &mut dyn FnMut()) {
    tracing::info_span!("build", unit = "core").in_scope(round);
}

fn ours() -> Dispatch {
    Dispatch::new(tracing_subscriber::registry().with(logscope::layer()))
}

// Without colour, as our own lines are when they do not go to a terminal.
fn text_fmt() -> Dispatch {
    Dispatch::new(tracing_subscriber::fmt().with_writer(io::sink).finish())
}

fn json_fmt() -> Dispatch {
    Dispatch::new(tracing_subscriber::fmt().json().with_writer(io::sink).finish())
}

fn context(format: Format) -> OutputContext {
    OutputContext::builder("uno").sink(sink::writer(io::sink()).format(format)).build()
}

fn under(dispatch: Dispatch, format: Format) -> Subject {
    let context = context(format);
    within(move |round| dispatcher::with_default(&dispatch, || context.scope(|| in_span(round))), event)
}

fn under_fmt(dispatch: Dispatch) -> Subject {
    within(move |round| dispatcher::with_default(&dispatch, || in_span(round)), event)
}

/// In a process whose global subscriber is logscope.
fn inside(format: Format) -> Subject {
    let context = context(format);
    within(move |round| context.scope(|| in_span(round)), event)
}
