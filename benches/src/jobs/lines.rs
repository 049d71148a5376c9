//! An event that becomes a line: a message, a `u64`, a `&str` and an `f64`, in a span with one field, to a writer that discards it.
//!
//! Ours against its [peers], and one layout of ours against another.

use logscope::{Clock, Color, Format};
use tracing::{Dispatch, dispatcher};
use tracing_subscriber::prelude::*;

use super::Job;
use crate::harness::{Subject, within};
use crate::peers::{self, LINE, MOVED};
use crate::remote::{Remote, Subjects};
use crate::subjects::{LikeText, discarding, event, in_span, line, line_after_move};
use crate::table::Mark;

const NONE: Mark = Mark::NoAllocation;

pub fn jobs() -> Vec<Job> {
    let text = |peer, marks: &[Mark]| ours("text line, init()", "text", peer, LINE, marks);
    let color = |peer| ours("text line in colour, init()", "color", peer, LINE, &[NONE]);
    let json = |peer, marks: &[Mark]| ours("JSON line, init()", "json", peer, LINE, marks);
    let logfmt = |peer| ours("logfmt line, init()", "logfmt", peer, LINE, &[NONE]);
    vec![
        text(peers::FMT_FULL, &[Mark::Faster(7.0), NONE]),
        text(peers::FMT_FULL_COLOR, &[NONE]),
        text(peers::FMT_COMPACT, &[NONE]),
        text(peers::SLOG_TERM, &[NONE]),
        text(peers::SPDLOG, &[Mark::Faster(2.4), NONE]),
        text(peers::ENV_LOGGER, &[NONE]),
        text(peers::LOGFORTH_TEXT, &[NONE]),
        text(peers::EMIT, &[NONE]),
        text(peers::WRITE, &[Mark::Faster(1.8), NONE]),
        color(peers::FMT_FULL_COLOR),
        color(peers::FMT_COMPACT_COLOR),
        color(peers::ENV_LOGGER_COLOR),
        json(peers::FMT_JSON, &[Mark::Faster(14.0), NONE]),
        json(peers::JSON_SUBSCRIBER, &[NONE]),
        json(peers::SLOG_JSON, &[Mark::Faster(1.7), NONE]),
        json(peers::LOGFORTH_JSON, &[NONE]),
        logfmt(peers::TRACING_LOGFMT),
        logfmt(peers::LOGFORTH_LOGFMT),
        layout("text line in colour, init()", "color", &[LIKE_TEXT, NONE]),
        layout("logfmt line, init()", "logfmt", &[LIKE_TEXT, NONE]),
        layout("build line, init()", "build", &[LIKE_TEXT, NONE]),
        layout("the line of `text` by a custom layout, init()", "custom", &[LIKE_TEXT, NONE]),
        layout("raw line, init()", "raw", &[NONE]),
        layout("pretty lines, init()", "pretty", &[NONE]),
        // 240 and 279 ns, when the marks were set, by 1.6.
        moved("text line right after a span was entered, init()", "text-moved", peers::FMT_FULL, Mark::AtMost(150.0)),
        moved("JSON line right after a span was entered, init()", "json-moved", peers::FMT_JSON, Mark::AtMost(174.0)),
        Job::new("text line, layer() under with_default", "fmt, full, without colour, likewise", &[NONE], || {
            Ok((under_layer(Format::text()), under_fmt(peers::full(false))))
        }),
        Job::new("JSON line, layer() under with_default", "fmt().json(), likewise", &[NONE], || {
            Ok((under_layer(Format::json()), under_fmt(peers::json())))
        }),
    ]
}

/// What the other layouts of the same line may cost.
const LIKE_TEXT: Mark = Mark::AtMostTimes(1.15);

/// A subject of ours against one of a peer.
fn ours(
    job: &'static str,
    subject: &'static str,
    peer: &'static str,
    peers_subject: &'static str,
    marks: &[Mark],
) -> Job {
    Job::new(job, peer, marks, move || {
        Ok((Remote::start("init")?.subject(subject), Remote::start(peer)?.subject(peers_subject)))
    })
}

fn moved(job: &'static str, subject: &'static str, peer: &'static str, mark: Mark) -> Job {
    ours(job, subject, peer, MOVED, &[mark, NONE])
}

/// A layout against that of `text`, in one process.
fn layout(job: &'static str, subject: &'static str, marks: &[Mark]) -> Job {
    Job::new(job, "text line, init()", marks, move || {
        let process = Remote::start("init")?;
        Ok((process.subject(subject), process.subject("text")))
    })
}

pub fn arrange(arrangement: &str) -> Option<Subjects> {
    if arrangement != "init" {
        return None;
    }
    logscope::try_init().expect("nothing is installed yet");
    let system = Clock::system;
    Some(vec![
        ("text", line(Format::text(), system())),
        ("color", line(Format::text().color(Color::Always), system())),
        ("json", line(Format::json(), system())),
        ("logfmt", line(Format::logfmt(), system())),
        ("build", line(Format::build(), system())),
        ("custom", line(Format::custom(LikeText), system())),
        ("raw", line(Format::raw(), system())),
        ("pretty", line(Format::pretty(), system())),
        ("text-moved", line_after_move(Format::text(), system())),
        ("json-moved", line_after_move(Format::json(), system())),
    ])
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
