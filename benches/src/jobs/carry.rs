//! Carrying a context to threads, to jobs of rayon and to tasks of tokio, against doing without it.
//!
//! Each is measured inside a context, under a registry of spans, as a program has one. The jobs of rayon run in a pool of one thread and the
//! tasks on a runtime of one, so that nothing waits for another thread. Threads are started and joined: what that costs on both threads is the
//! time of the process.

use std::hint::black_box;
use std::time::Duration;

use cpu_time::{ProcessTime, ThreadTime};
use logscope::InContext as _;
use rayon::prelude::*;
use tracing::Instrument as _;

use super::Job;
use crate::alloc;
use crate::harness::{Sample, Subject};
use crate::subjects::{in_span, plain};
use crate::table::Mark;

pub fn jobs() -> Vec<Job> {
    vec![
        Job::new("thread::spawn, joined", "std", &[Mark::AtMostTimes(1.1)], || {
            Ok((threads(|| logscope::thread::spawn(|| ()), false), threads(|| std::thread::spawn(|| ()), false)))
        }),
        Job::new("thread::spawn in a span, joined", "std", &[Mark::AtMostTimes(1.1)], || {
            Ok((threads(|| logscope::thread::spawn(|| ()), true), threads(|| std::thread::spawn(|| ()), true)))
        }),
        Job::new("item of a parallel iterator", "without a context", &[Mark::AtMost(5.0), Mark::NoAllocation], || {
            Ok((items(true, false), items(false, false)))
        }),
        Job::new("item of a parallel iterator, in a span", "without a context", &[Mark::AtMost(5.0)], || {
            Ok((items(true, true), items(false, true)))
        }),
        Job::new("rayon::join", "rayon's", &[], || Ok((joins(our_join, false), joins(bare_join, false)))),
        Job::new("rayon::join in a span", "rayon's", &[], || Ok((joins(our_join, true), joins(bare_join, true)))),
        Job::new("tokio::spawn, awaited", "tokio's", &[], || Ok((tasks(our_task, false), tasks(bare_task, false)))),
        Job::new("tokio::spawn in a span, awaited", "tokio's, instrumented, in_current_context", &[], || {
            Ok((tasks(our_task, true), tasks(instrumented_task, true)))
        }),
    ]
}

/// Starts threads, and waits for each before the next.
fn threads(spawn: fn() -> std::thread::JoinHandle<()>, in_a_span: bool) -> Subject {
    let context = plain();
    Box::new(move |times| {
        context.scope(|| {
            under_registry_and_span(in_a_span, || {
                measured(ProcessTime::now, ProcessTime::elapsed, || {
                    for _ in 0..times {
                        spawn().join().expect("the thread does not panic");
                    }
                })
            })
        })
    })
}

/// Handles items on the one thread of a pool.
fn items(in_context: bool, in_a_span: bool) -> Subject {
    let (context, pool) = (plain(), one_thread());
    Box::new(move |times| {
        pool.install(|| {
            under_registry_and_span(in_a_span, || {
                measured(ThreadTime::now, ThreadTime::elapsed, || {
                    let items = (0..times as usize).into_par_iter().with_min_len(1 << 40);
                    let handle = |item| {
                        black_box(item);
                    };
                    if in_context { items.in_context(&context).for_each(handle) } else { items.for_each(handle) }
                })
            })
        })
    })
}

fn our_join() {
    logscope::rayon::join(|| black_box(()), || black_box(()));
}

fn bare_join() {
    rayon::join(|| black_box(()), || black_box(()));
}

/// Joins two jobs, again and again, on the one thread of a pool.
fn joins(join: fn(), in_a_span: bool) -> Subject {
    let (context, pool) = (plain(), one_thread());
    Box::new(move |times| {
        pool.install(|| {
            context.scope(|| {
                under_registry_and_span(in_a_span, || {
                    measured(ThreadTime::now, ThreadTime::elapsed, || (0..times).for_each(|_| join()))
                })
            })
        })
    })
}

fn our_task() -> tokio::task::JoinHandle<()> {
    logscope::tokio::spawn(async { black_box(()) })
}

fn bare_task() -> tokio::task::JoinHandle<()> {
    tokio::spawn(async { black_box(()) })
}

fn instrumented_task() -> tokio::task::JoinHandle<()> {
    tokio::spawn(async { black_box(()) }.in_current_span().in_current_context())
}

/// Spawns tasks, and waits for each before the next.
fn tasks(spawn: fn() -> tokio::task::JoinHandle<()>, in_a_span: bool) -> Subject {
    let context = plain();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime can be built");
    Box::new(move |times| {
        context.scope(|| {
            under_registry_and_span(in_a_span, || {
                measured(ThreadTime::now, ThreadTime::elapsed, || {
                    runtime.block_on(async {
                        for _ in 0..times {
                            spawn().await.expect("the task does not panic");
                        }
                    });
                })
            })
        })
    })
}

fn one_thread() -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool can be built")
}

fn measured<T>(now: fn() -> T, elapsed: fn(&T) -> Duration, work: impl FnOnce()) -> Sample {
    let (requests, start) = (alloc::requests(), now());
    work();
    Sample { time: elapsed(&start), allocations: alloc::requests() - requests }
}

fn under_registry_and_span(in_a_span: bool, f: impl FnOnce() -> Sample) -> Sample {
    let subscriber = tracing_subscriber::registry();
    let (mut f, mut sample) = (Some(f), Sample::default());
    let mut run = || {
        if let Some(f) = f.take() {
            sample = f();
        }
    };
    tracing::subscriber::with_default(subscriber, || if in_a_span { in_span(&mut run) } else { run() });
    sample
}
