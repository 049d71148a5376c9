//! Unwanted events: above the ceiling, or below it where the current context is quieter.

use std::hint::black_box;
use std::io;

use tracing_subscriber::prelude::*;

use super::Job;
use crate::remote::{Remote, Subjects};
use crate::subjects::{CEILING, in_quiet_context, unwanted};
use crate::table::Mark;

pub fn jobs() -> Vec<Job> {
    vec![
        Job::new(
            "event above the ceiling, init()",
            "fmt().with_max_level(…).init()",
            &[Mark::AtMostTimes(1.1)],
            || Ok((Remote::start("quiet-init")?.subject("above"), Remote::start("quiet-fmt")?.subject("above"))),
        ),
        Job::new(
            "event above the ceiling, layer()",
            "fmt().with_max_level(…).init()",
            &[Mark::AtMostTimes(1.1)],
            || Ok((Remote::start("quiet-layer")?.subject("above"), Remote::start("quiet-fmt")?.subject("above"))),
        ),
        Job::new("event that the context does not want, init()", "one above the ceiling", &[Mark::AtMost(2.8)], || {
            let process = Remote::start("quiet-init")?;
            Ok((process.subject("below"), process.subject("above")))
        }),
        Job::new(
            "event that the context does not want, layer()",
            "one above the ceiling",
            &[Mark::AtMost(6.5)],
            || {
                let process = Remote::start("quiet-layer")?;
                Ok((process.subject("below"), process.subject("above")))
            },
        ),
    ]
}

pub fn arrange(arrangement: &str) -> Option<Subjects> {
    match arrangement {
        "quiet-init" => logscope::configure().ceiling(CEILING).install().expect("nothing is installed yet"),
        "quiet-layer" => {
            tracing_subscriber::registry().with(logscope::configure().ceiling(CEILING).layer()).init();
        }
        "quiet-fmt" => tracing_subscriber::fmt().with_max_level(CEILING).with_writer(io::sink).init(),
        _ => return None,
    }
    let above = in_quiet_context(|| tracing::trace!(size = black_box(4_096_u64), "linking"));
    Some(vec![("above", above), ("below", unwanted())])
}
