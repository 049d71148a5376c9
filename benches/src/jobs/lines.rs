//! An event that becomes a line: a message, a `u64`, a `&str` and an `f64`, in a span with one field, to a writer that discards it.

use std::io;

use logscope::{Clock, Color, Format};
use tracing::{Dispatch, dispatcher};
use tracing_subscriber::prelude::*;

use super::Job;
use crate::harness::{Subject, within};
use crate::remote::{Remote, Subjects};
use crate::subjects::{LikeText, after_move, discarding, event, in_span, line, line_after_move};
use crate::table::Mark;

pub fn jobs() -> Vec<Job> {
    let text = [Mark::Faster(5.0), Mark::NoAllocation];
    let json = [Mark::Faster(8.0), Mark::NoAllocation];
    vec![
        Job::new("text line, layer() under with_default", "fmt() as it comes, in colour", &text, || {
            Ok((under_layer(Format::text()), under_fmt(fmt(true))))
        }),
        Job::new("text line in colour, layer() under with_default", "fmt() as it comes, in colour", &text, || {
            Ok((under_layer(Format::text().color(Color::Always)), under_fmt(fmt(true))))
        }),
        Job::new("text line, layer() under with_default", "fmt() without colour", &[Mark::NoAllocation], || {
            Ok((under_layer(Format::text()), under_fmt(fmt(false))))
        }),
        custom_layout("text line, both under layer()", Mark::AtMostTimes(1.15), Format::text),
        custom_layout("JSON line, both under layer()", Mark::AtMostTimes(1.0), Format::json),
        custom_layout("logfmt line, both under layer()", Mark::AtMostTimes(1.0), Format::logfmt),
        Job::new("JSON line, layer() under with_default", "fmt().json() under with_default", &json, || {
            Ok((under_layer(Format::json()), under_fmt(json_fmt())))
        }),
        Job::new("text line, init()", "fmt().init() as it comes, in colour", &text, || {
            Ok((Remote::start("init")?.subject("text"), Remote::start("fmt")?.subject("line")))
        }),
        Job::new("JSON line, init()", "fmt().json().init()", &json, || {
            Ok((Remote::start("init")?.subject("json"), Remote::start("fmt-json")?.subject("line")))
        }),
        Job::new(
            "text line right after a span was entered, init()",
            "fmt().init() as it comes, in colour",
            &text,
            || Ok((Remote::start("init")?.subject("moved"), Remote::start("fmt")?.subject("moved"))),
        ),
    ]
}

/// A layout of a program's own against one of ours: it renders the line of `text`.
fn custom_layout(against: &'static str, mark: Mark, ours: fn() -> Format) -> Job {
    Job::new("the line of `text` by a custom layout", against, &[mark, Mark::NoAllocation], move || {
        Ok((under_layer(Format::custom(LikeText)), under_layer(ours())))
    })
}

pub fn arrange(arrangement: &str) -> Option<Subjects> {
    match arrangement {
        "init" => {
            logscope::try_init().expect("nothing is installed yet");
            let system = Clock::system;
            Some(vec![
                ("text", line(Format::text(), system())),
                ("json", line(Format::json(), system())),
                ("moved", line_after_move(Format::text(), system())),
            ])
        }
        "fmt" => {
            set_global(fmt(true));
            Some(vec![("line", within(in_span, event)), ("moved", within(in_span, after_move()))])
        }
        "fmt-json" => {
            set_global(json_fmt());
            Some(vec![("line", within(in_span, event))])
        }
        _ => None,
    }
}

fn fmt(colored: bool) -> Dispatch {
    Dispatch::new(tracing_subscriber::fmt().with_ansi(colored).with_writer(io::sink).finish())
}

fn json_fmt() -> Dispatch {
    Dispatch::new(tracing_subscriber::fmt().json().with_writer(io::sink).finish())
}

/// In a context, under a subscriber that has our layer.
fn under_layer(format: Format) -> Subject {
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(logscope::layer()));
    let context = discarding(format, Clock::system());
    within(move |round| dispatcher::with_default(&dispatch, || context.scope(|| in_span(round))), event)
}

fn under_fmt(dispatch: Dispatch) -> Subject {
    within(move |round| dispatcher::with_default(&dispatch, || in_span(round)), event)
}

/// Makes `dispatch` the global subscriber.
fn set_global(dispatch: Dispatch) {
    dispatcher::set_global_default(dispatch).expect("nothing is installed yet");
}
