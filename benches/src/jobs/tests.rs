//! Recording a test, against making the subscriber of `fmt` by which tests capture their log otherwise.

use std::hint::black_box;

use logscope::testing;
use tracing::Dispatch;

use super::Job;
use crate::harness::subject;
use crate::remote::{Remote, Subjects};
use crate::table::Mark;

pub fn jobs() -> Vec<Job> {
    let limit = Mark::AtMost(20_000.0);
    vec![Job::new(
        "capture of a test that logs nothing",
        "fmt subscriber for a test, set by with_default",
        &[limit],
        || {
            let process = Remote::start("tests")?;
            Ok((process.subject("capture"), process.subject("fmt")))
        },
    )]
}

pub fn arrange(arrangement: &str) -> Option<Subjects> {
    if arrangement != "tests" {
        return None;
    }
    testing::init();
    let capture = || testing::capture(|log| drop(black_box(log.clone())));
    let fmt = || {
        let subscriber = Dispatch::new(tracing_subscriber::fmt().with_test_writer().finish());
        tracing::dispatcher::with_default(&subscriber, || black_box(()));
    };
    Some(vec![("capture", subject(capture)), ("fmt", subject(fmt))])
}
