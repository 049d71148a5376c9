//! Counting an event that no context has claimed, against the same event in a context with the same sink.

use std::hint::black_box;

use logscope::{Clock, OutputContext, sink};

use super::Job;
use crate::harness::{subject, within};
use crate::remote::{Remote, Subjects};
use crate::subjects::one_context;
use crate::table::Mark;

pub fn jobs() -> Vec<Job> {
    vec![Job::new("line that is unclaimed", "line in a context", &[Mark::AtMostMore(20.0), Mark::NoAllocation], || {
        let process = Remote::start("unclaimed")?;
        Ok((process.subject("unclaimed"), process.subject("claimed")))
    })]
}

pub fn arrange(arrangement: &str) -> Option<Subjects> {
    if arrangement != "unclaimed" {
        return None;
    }
    let sink = sink::null();
    let [main, uno]: [OutputContext; 2] = std::array::from_fn(|_| one_context(&sink, Clock::system()));
    logscope::configure().default_context(main).install().expect("nothing is installed yet");
    let line = || tracing::info!(target: "app::build", number = black_box(7_u64), "compiled");
    let others = uno.clone();
    let unclaimed = move || {
        black_box(&others);
        line();
    };
    let claimed = within(move |round| uno.scope(round), line);
    Some(vec![("unclaimed", subject(unclaimed)), ("claimed", claimed)])
}
