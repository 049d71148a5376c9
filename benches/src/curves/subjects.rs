//! What is measured at the points of the curves.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use cpu_time::ThreadTime;
use logscope::sink::{self, Queue};
use logscope::{Clock, Format, LevelFilter, OutputContext, Verbosity};

use super::memory;
use crate::alloc;
use crate::discard::Discard;
use crate::harness::{Sample, Subject, within};
use crate::remote::Subjects;
use crate::subjects::{CEILING, discarding, event, in_span, one_context};

/// The subjects of a curve at one of its points.
pub fn of(curve: &str, point: usize) -> Option<Subjects> {
    logscope::configure().ceiling(CEILING).install().expect("nothing is installed yet");
    match curve {
        "contexts" => Some(vec![("line", beside(point, event)), ("unwanted", beside(point, unwanted))]),
        "threads" => Some(vec![("line", threads(point, event)), ("unwanted", threads(point, unwanted))]),
        "spans" => Some(vec![
            ("line", nested(point, Format::text(), event)),
            ("json", nested(point, Format::json(), event)),
            ("unwanted", nested(point, Format::text(), unwanted)),
        ]),
        "directives" => Some(vec![("line", directed(point, event)), ("unwanted", directed(point, unwanted))]),
        "queued" => Some(vec![("one", queued(point, false)), ("each", queued(point, true))]),
        "memory" => Some(memory::allocated_by(point)),
        "resident" => Some(memory::resident_of(point)),
        _ => None,
    }
}

fn unwanted() {
    tracing::debug!(size = black_box(4_096_u64), "linking");
}

fn line() -> OutputContext {
    discarding(Format::text(), Clock::system())
}

/// `event` in one of `count` live contexts.
fn beside(count: usize, event: fn()) -> Subject {
    let sink = sink::null();
    let others: Vec<_> = (1..count).map(|_| one_context(&sink, Clock::system())).collect();
    let context = line();
    within(
        move |round| {
            black_box(&others);
            context.scope(|| in_span(round));
        },
        event,
    )
}

/// `event` on each of `count` threads, each in a context of its own. The time is that of the processor, and the mean of the threads: they need not
/// have processors of their own.
fn threads(count: usize, event: fn()) -> Subject {
    Box::new(move |times| {
        let barrier = Barrier::new(count);
        let total = thread::scope(|scope| {
            let run = || {
                line().scope(|| {
                    let mut sample = Sample::default();
                    in_span(&mut || {
                        (0..10).for_each(|_| event());
                        barrier.wait();
                        let (requests, start) = (alloc::requests(), ThreadTime::now());
                        (0..times).for_each(|_| event());
                        sample = Sample { time: start.elapsed(), allocations: alloc::requests() - requests };
                    });
                    sample
                })
            };
            let threads: Vec<_> = (0..count).map(|_| scope.spawn(run)).collect();
            threads.into_iter().map(|thread| thread.join().expect("the thread does not panic").time).sum::<Duration>()
        });
        Sample { time: total / u32::try_from(count).expect("there are few threads"), allocations: 0 }
    })
}

/// `event` within `depth` spans.
fn nested(depth: usize, format: Format, event: fn()) -> Subject {
    fn enter(depth: usize, round: &mut dyn FnMut()) {
        match depth {
            0 => round(),
            _ => tracing::info_span!("build", unit = "core").in_scope(|| enter(depth - 1, round)),
        }
    }

    let context = discarding(format, Clock::system());
    within(move |round| context.scope(|| enter(depth, round)), event)
}

/// `event` in a context with `count` directives for other targets.
fn directed(count: usize, event: fn()) -> Subject {
    let directives = (0..count).fold("info".to_owned(), |list, number| format!("{list},crate_{number}=debug"));
    let verbosity: Verbosity = directives.parse().expect("they are directives");
    let context = OutputContext::builder("uno").verbosity(verbosity).sink(sink::writer(Discard)).build();
    within(move |round| context.scope(|| in_span(round)), event)
}

/// An event to one of `count` queued sinks, all of which have been used, or to each in turn. The time is that of the thread that logs, as long as
/// there is room.
fn queued(count: usize, in_turn: bool) -> Subject {
    /// Fills half of a queue.
    const BATCH: u64 = 4_000;

    let context = |sink| OutputContext::builder("uno").verbosity(LevelFilter::INFO).sink(sink).build();
    let contexts: Vec<_> = (0..count).map(|_| context(sink::writer(Discard).queued(Queue::new()))).collect();
    let flush = |contexts: &[OutputContext]| {
        for context in contexts {
            assert!(context.flush(Duration::from_secs(60)).is_complete());
        }
    };
    contexts.iter().for_each(|context| context.scope(event));
    flush(&contexts);
    Box::new(move |times| {
        let (mut sample, mut left, mut next) = (Sample::default(), times, 0);
        while left > 0 {
            let batch = left.min(BATCH);
            let (requests, start) = (alloc::requests(), ThreadTime::now());
            if in_turn {
                for _ in 0..batch {
                    contexts[next].scope(event);
                    next = (next + 1) % contexts.len();
                }
            } else {
                for _ in 0..batch {
                    contexts[0].scope(event);
                }
            }
            sample.time += start.elapsed();
            sample.allocations += alloc::requests() - requests;
            flush(if in_turn { &contexts } else { &contexts[..1] });
            left -= batch;
        }
        sample
    })
}
