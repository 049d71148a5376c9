//! Making contexts: alone, and where there are many callsites and contexts already.

use std::hint::black_box;
use std::io;

use logscope::{Clock, OutputContext, sink};
use tracing::Dispatch;

use super::Job;
use crate::harness::subject;
use crate::remote::{Remote, Subjects};
use crate::subjects::one_context;
use crate::table::Mark;

pub fn jobs() -> Vec<Job> {
    let limit = Mark::AtMost(300.0);
    vec![
        Job::new("context made and dropped", "fmt subscriber made and dropped", &[limit], || {
            let process = Remote::start("alone")?;
            Ok((process.subject("context"), process.subject("fmt")))
        }),
        Job::new("context, among 1,000 callsites and 1,000 contexts", "fmt subscriber, likewise", &[limit], || {
            let process = Remote::start("crowd")?;
            Ok((process.subject("context"), process.subject("fmt")))
        }),
        Job::new(
            "context, among 1,000 callsites and 1,000 contexts",
            "context alone",
            &[Mark::AtMostTimes(1.1)],
            || Ok((Remote::start("crowd")?.subject("context"), Remote::start("alone")?.subject("context"))),
        ),
    ]
}

pub fn arrange(arrangement: &str) -> Option<Subjects> {
    if !matches!(arrangement, "alone" | "crowd") {
        return None;
    }
    logscope::init().expect("nothing is installed yet");
    let sink = sink::null();
    let others: Vec<OutputContext> = match arrangement {
        "crowd" => (0..1_000).map(|_| one_context(&sink, Clock::System)).collect(),
        _ => Vec::new(),
    };
    if let Some(context) = others.first() {
        context.scope(hit_a_thousand_callsites);
    }
    let context = move || {
        black_box(&others);
        drop(black_box(one_context(&sink, Clock::System)));
    };
    let fmt = || drop(black_box(Dispatch::new(tracing_subscriber::fmt().with_writer(io::sink).finish())));
    Some(vec![("context", subject(context)), ("fmt", subject(fmt))])
}

macro_rules! ten_times {
    ($event:expr) => {{
        $event;
        $event;
        $event;
        $event;
        $event;
        $event;
        $event;
        $event;
        $event;
        $event;
    }};
}

/// Each is a callsite of its own, which registers when it is hit.
fn hit_a_thousand_callsites() {
    ten_times!(ten_times!(ten_times!(tracing::trace!("one of a thousand"))));
}
