//! Unwanted events and spans: above the ceiling, or below it where the current context is quieter.
//!
//! What tracing itself costs is the floor: an event above the ceiling, which a load and a comparison decide.

use std::hint::black_box;

use logscope::{OutputContext, Verbosity, sink};
use tracing::Subscriber;
use tracing_log::LogTracer;
use tracing_subscriber::filter::{LevelFilter, dynamic_filter_fn};
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::format::{DefaultFields, Format};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;

use super::Job;
use crate::discard::Discard;
use crate::harness::{Subject, within};
use crate::remote::{Remote, Subjects};
use crate::subjects::{CEILING, in_quiet_context, unwanted};
use crate::table::Mark;

const FLOOR: &str = "one above the ceiling";
const FMT: &str = "fmt().with_max_level(…).init()";
const NO_SLOWER: &[Mark] = &[Mark::AtMostTimes(1.1)];

pub fn jobs() -> Vec<Job> {
    let more = |nanos| [Mark::AtMostMore(nanos)];
    vec![
        apart("event above the ceiling, init()", FMT, NO_SLOWER, ("quiet-init", "above"), ("quiet-fmt", "above")),
        apart("event above the ceiling, layer()", FMT, NO_SLOWER, ("quiet-layer", "above"), ("quiet-fmt", "above")),
        beside("event that the context does not want, init()", FLOOR, &more(2.5), "quiet-init", "below", "above"),
        beside("event that the context does not want, layer()", FLOOR, &more(6.5), "quiet-layer", "below", "above"),
        beside(
            "event that nobody wants, layer() beside filtered layers",
            FLOOR,
            &more(8.0),
            "quiet-layers",
            "below",
            "above",
        ),
        beside(
            "event that ten directives do not want, init()",
            "without directives",
            &more(1.0),
            "quiet-init",
            "directives",
            "below",
        ),
        beside(
            "event that ten directives do not want, layer()",
            "without directives",
            &more(1.0),
            "quiet-layer",
            "directives",
            "below",
        ),
        beside("span that the context does not want, init()", "event likewise", &[], "quiet-init", "span", "below"),
        beside("span that the context does not want, layer()", "event likewise", &[], "quiet-layer", "span", "below"),
        apart(
            "span that nobody wants, layer() beside filtered layers",
            "a filtered fmt layer in our place",
            NO_SLOWER,
            ("quiet-layers", "span"),
            ("fmt-layers", "span"),
        ),
        // 16 and 49 ns, when the marks were set.
        beside(
            "record of `log` that the context does not want, init()",
            "event likewise",
            &[Mark::AtMost(16.0)],
            "quiet-init",
            "log",
            "below",
        ),
        beside(
            "record of `log` that the context does not want, layer()",
            "event likewise",
            &[Mark::AtMost(49.0)],
            "quiet-layer",
            "log",
            "below",
        ),
    ]
}

/// Two subjects of one process.
fn beside(
    job: &'static str,
    against: &'static str,
    marks: &[Mark],
    arrangement: &'static str,
    ours: &'static str,
    theirs: &'static str,
) -> Job {
    Job::new(job, against, marks, move || {
        let process = Remote::start(arrangement)?;
        Ok((process.subject(ours), process.subject(theirs)))
    })
}

/// Two subjects of two processes.
fn apart(
    job: &'static str,
    against: &'static str,
    marks: &[Mark],
    ours: (&'static str, &'static str),
    theirs: (&'static str, &'static str),
) -> Job {
    Job::new(job, against, marks, move || {
        Ok((Remote::start(ours.0)?.subject(ours.1), Remote::start(theirs.0)?.subject(theirs.1)))
    })
}

pub fn arrange(arrangement: &str) -> Option<Subjects> {
    let layer = || logscope::configure().ceiling(CEILING).layer();
    match arrangement {
        "quiet-init" => logscope::configure().ceiling(CEILING).install().expect("nothing is installed yet"),
        "quiet-layer" => {
            tracing_subscriber::registry().with(layer()).init();
            LogTracer::builder().with_max_level(log::LevelFilter::Debug).init().expect("nothing is installed yet");
        }
        "quiet-layers" => {
            tracing_subscriber::registry().with(layer()).with(fmt_layer().with_filter(LevelFilter::INFO)).init()
        }
        "fmt-layers" => {
            // Asked for each span, as we are.
            let never = dynamic_filter_fn(|_, _| black_box(false)).with_max_level_hint(LevelFilter::DEBUG);
            let in_our_place = fmt_layer().with_filter(never);
            tracing_subscriber::registry().with(in_our_place).with(fmt_layer().with_filter(LevelFilter::INFO)).init();
        }
        "quiet-fmt" => tracing_subscriber::fmt().with_max_level(CEILING).with_writer(Discard).init(),
        _ => return None,
    }
    let above = in_quiet_context(|| tracing::trace!(size = black_box(4_096_u64), "linking"));
    let span = in_quiet_context(|| drop(black_box(tracing::debug_span!("link", size = black_box(4_096_u64)))));
    let log = in_quiet_context(|| log::debug!("linking {}", black_box(4_096_u64)));
    Some(vec![("above", above), ("below", unwanted()), ("directives", directives()), ("span", span), ("log", log)])
}

fn fmt_layer<S>() -> fmt::Layer<S, DefaultFields, Format, Discard>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    fmt::layer().with_ansi(false).with_writer(Discard)
}

/// The unwanted event in a context whose verbosity has ten directives, of which none names its target.
fn directives() -> Subject {
    let list: Vec<String> = (0..9).map(|number| format!("crate_{number}=debug")).collect();
    let verbosity: Verbosity = format!("info,{}", list.join(",")).parse().expect("they are directives");
    let context = OutputContext::builder("uno").verbosity(verbosity).sink(sink::null()).build();
    within(move |round| context.scope(round), || tracing::debug!(size = black_box(4_096_u64), "linking"))
}
