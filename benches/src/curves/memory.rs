//! Memory: what is allocated for each of so many contexts and sinks, by the thread that makes them.

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use logscope::sink::{self, Queue, Sink};
use logscope::{Clock, OutputContext};

use super::svg::{Chart, Series};
use crate::alloc;
use crate::discard::Discard;
use crate::subjects::{event, one_context, plain};

const COUNTS: [usize; 5] = [1, 10, 100, 1_000, 10_000];

pub fn charts() -> Result<Vec<(&'static str, Chart)>, Box<dyn Error>> {
    let shared = sink::null();
    let contexts = vec![
        series("a context without sinks", allocated, |_| plain()),
        series("a context with a sink that others have, too", allocated, |_| one_context(&shared, Clock::system())),
        series("a sink on a writer", allocated, |_| sink::writer(Discard)),
    ];
    let folder = tempfile::tempdir()?;
    let sinks = vec![
        series("a file", resident, |number| file(folder.path(), "direct", number)),
        series("a queue, after a record", resident, |_| {
            let context = OutputContext::builder("uno").sink(sink::writer(Discard).queued(Queue::new())).build();
            context.scope(event);
            black_box(context.flush(Duration::from_secs(60)));
            context
        }),
    ];
    let chart = |title, x, y, series| Chart { title, x, y, logarithmic: true, series };
    Ok(vec![
        ("memory", chart("Memory that is allocated for each", "contexts or sinks", "bytes each", contexts)),
        ("resident", chart("Memory that is resident for each", "sinks", "bytes each", sinks)),
    ])
}

fn file(folder: &Path, kind: &str, number: usize) -> Sink {
    sink::file(folder.join(format!("{kind}-{number}.log"))).open().expect("the file can be opened")
}

/// What each of so many takes, once one was made and what that made is there for all.
fn series<T>(label: &'static str, used: fn() -> f64, mut make: impl FnMut(usize) -> T) -> Series {
    drop(make(0));
    let points = COUNTS.into_iter().map(|count| {
        let mut all = Vec::with_capacity(count);
        let before = used();
        all.extend((1..=count).map(&mut make));
        let each = (used() - before) / count as f64;
        drop(black_box(all));
        (count as f64, each)
    });
    Series { label, points: points.collect() }
}

fn allocated() -> f64 {
    alloc::held() as f64
}

/// Of this process, in whole pages.
fn resident() -> f64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|line| line.split(' ').nth(1)?.parse::<u64>().ok()).unwrap_or(0);
    (pages * rustix::param::page_size() as u64) as f64
}
