//! Counting an event that no context has claimed, against the same event while no other context is alive.

use std::hint::black_box;

use logscope::{Clock, sink};

use super::Job;
use crate::harness::{subject, within};
use crate::remote::{Remote, Subjects};
use crate::subjects::one_context;
use crate::table::Mark;

pub fn jobs() -> Vec<Job> {
    vec![Job::new("line that is unclaimed", "no other context", &[Mark::AtMostMore(20.0), Mark::NoAllocation], || {
        let process = Remote::start("unclaimed")?;
        Ok((process.subject("unclaimed"), process.subject("alone")))
    })]
}

pub fn arrange(arrangement: &str) -> Option<Subjects> {
    if arrangement != "unclaimed" {
        return None;
    }
    let sink = sink::null();
    let main = one_context(&sink, Clock::system());
    logscope::configure().default_context(main).install().expect("nothing is installed yet");
    let line = || tracing::info!(target: "app::build", number = black_box(7_u64), "compiled");
    let beside_another = move |round: &mut dyn FnMut()| {
        let _uno = one_context(&sink, Clock::system());
        round();
    };
    Some(vec![("unclaimed", within(beside_another, line)), ("alone", subject(line))])
}
