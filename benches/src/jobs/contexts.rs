//! Making contexts: alone, and where there are many callsites and contexts already.

use std::hint::black_box;
use std::time::Duration;

use logscope::{Clock, OutputContext, sink};
use tracing::Dispatch;

use super::Job;
use crate::discard::Discard;
use crate::harness::subject;
use crate::remote::{Remote, Subjects};
use crate::subjects::{one_context, plain};
use crate::table::Mark;

const DEADLINE: Duration = Duration::from_secs(5);

pub fn jobs() -> Vec<Job> {
    let limit = Mark::AtMost(300.0);
    vec![
        Job::new("context made and dropped", "fmt subscriber made and dropped", &[Mark::AtMost(120.0)], || {
            let process = Remote::start("alone")?;
            Ok((process.subject("context"), process.subject("fmt")))
        }),
        Job::new("context without sinks made and dropped", "context with one", &[Mark::AtMost(105.0)], || {
            let process = Remote::start("alone")?;
            Ok((process.subject("bare"), process.subject("context")))
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
        among_many("context flushed, among 100,000", "among 10", "flush"),
        among_many("context made and closed, among 100,000", "among 10", "close"),
    ]
}

/// Compares what a subject costs beside 100,000 contexts and beside 10.
fn among_many(name: &'static str, other: &'static str, subject: &'static str) -> Job {
    Job::new(name, other, &[Mark::AtMostTimes(1.1)], move || {
        Ok((Remote::start("multitude")?.subject(subject), Remote::start("ten")?.subject(subject)))
    })
}

pub fn arrange(arrangement: &str) -> Option<Subjects> {
    match arrangement {
        "ten" => return Some(flush_and_close(10)),
        "multitude" => return Some(flush_and_close(100_000)),
        "alone" | "crowd" => {}
        _ => return None,
    }
    logscope::try_init().expect("nothing is installed yet");
    let sink = sink::null();
    let others: Vec<OutputContext> = match arrangement {
        "crowd" => (0..1_000).map(|_| one_context(&sink, Clock::system())).collect(),
        _ => Vec::new(),
    };
    if let Some(context) = others.first() {
        context.scope(hit_a_thousand_callsites);
    }
    let context = move || {
        black_box(&others);
        drop(black_box(one_context(&sink, Clock::system())));
    };
    let bare = || drop(black_box(plain()));
    let fmt = || drop(black_box(Dispatch::new(tracing_subscriber::fmt().with_writer(Discard).finish())));
    Some(vec![("context", subject(context)), ("bare", subject(bare)), ("fmt", subject(fmt))])
}

/// Flushing a context, and making and closing one, beside so many others.
fn flush_and_close(count: usize) -> Subjects {
    logscope::try_init().expect("nothing is installed yet");
    let sink = sink::null();
    let others: Vec<OutputContext> = (0..count).map(|_| one_context(&sink, Clock::system())).collect();
    let flushed = one_context(&sink, Clock::system());
    let flush = move || {
        black_box(&others);
        assert!(black_box(&flushed).flush(DEADLINE).is_complete());
    };
    let close = move || assert!(black_box(one_context(&sink, Clock::system())).close(DEADLINE).is_complete());
    vec![("flush", subject(flush)), ("close", subject(close))]
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
