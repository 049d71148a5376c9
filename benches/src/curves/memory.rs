//! Memory that each of so many contexts or sinks takes: what the thread that makes them has allocated, or what is resident of the process.

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Duration;

use logscope::sink::{self, Queue};
use logscope::{Clock, OutputContext};

use crate::alloc;
use crate::discard::Discard;
use crate::harness::{Sample, Subject};
use crate::remote::Subjects;
use crate::subjects::{event, one_context, plain};

/// `count` contexts or sinks, whose bytes are in place of allocations.
pub fn allocated_by(count: usize) -> Subjects {
    let shared = sink::null();
    vec![
        ("bare", bytes_of(count, alloc::held, |_| plain())),
        ("one", bytes_of(count, alloc::held, move |_| one_context(&shared, Clock::system()))),
        ("writer", bytes_of(count, alloc::held, |_| sink::writer(Discard))),
    ]
}

/// `count` sinks, whose bytes are in place of allocations.
pub fn resident_of(count: usize) -> Subjects {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = move |number: usize| -> PathBuf { folder.path().join(format!("{number}.log")) };
    vec![
        ("file", bytes_of(count, resident, move |number| sink::file(path(number)).open().expect("it can be opened"))),
        (
            "queue",
            bytes_of(count, resident, |_| {
                let sink = sink::writer(Discard).queued(Queue::new());
                let context = OutputContext::builder("uno").sink(sink.clone()).build();
                context.scope(event);
                assert!(context.flush(Duration::from_secs(60)).is_complete());
                context
            }),
        ),
    ]
}

/// The bytes by which `used` grows, after a first one was made and what it needs once is there.
fn bytes_of<T>(count: usize, used: fn() -> i64, mut make: impl FnMut(usize) -> T + 'static) -> Subject {
    Box::new(move |_| {
        let first = make(0);
        let mut all = Vec::with_capacity(count);
        let before = used();
        all.extend((1..=count).map(&mut make));
        let bytes = used() - before;
        drop(black_box((first, all)));
        Sample { time: Duration::ZERO, allocations: u64::try_from(bytes).unwrap_or(0) }
    })
}

/// Of this process, in whole pages.
fn resident() -> i64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|line| line.split(' ').nth(1)?.parse::<i64>().ok()).unwrap_or(0);
    pages * rustix::param::page_size() as i64
}
