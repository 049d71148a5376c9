//! Locks for threads and tasks, against those of others.
//!
//! A lock that is free is measured on one thread. A fight for a lock is measured by the wall clock, from the start of the first fighter to the
//! end of the last: 64 tasks on a runtime of two workers raise a number under it 200 times each, and with them 8 threads or none.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use tokio::task::JoinSet;

use super::Job;
use crate::alloc;
use crate::harness::{Sample, Subject, subject};
use crate::table::Mark;

const THREADS: u64 = 8;
const TASKS: u64 = 64;
/// How often each of them raises the number.
const EACH: u64 = 200;

pub fn jobs() -> Vec<Job> {
    let free = &[Mark::AtMostTimes(1.5), Mark::NoAllocation];
    vec![
        Job::new("a free lock, on a thread", "parking_lot::Mutex", &[Mark::NoAllocation], || {
            let (ours, theirs) = (logscope::lock::Mutex::new(0), parking_lot::Mutex::new(0));
            Ok((subject(move || *ours.lock() += 1), subject(move || *theirs.lock() += 1)))
        }),
        Job::new("a free lock, in a task", "tokio::sync::Mutex", free, || {
            let theirs = tokio::sync::Mutex::new(0);
            Ok((our_task(), subject(move || *now(theirs.lock()) += 1)))
        }),
        Job::new("a free lock, in a task", "async_lock::Mutex", free, || {
            let theirs = async_lock::Mutex::new(0);
            Ok((our_task(), subject(move || *now(theirs.lock()) += 1)))
        }),
        Job::new("a free permit, in a task", "tokio::sync::Semaphore", &[Mark::NoAllocation], || {
            let (ours, theirs) = (logscope::lock::Semaphore::new(2), tokio::sync::Semaphore::new(2));
            Ok((subject(move || drop(now(ours.acquire_async()))), subject(move || drop(now(theirs.acquire())))))
        }),
        fight("64 tasks fight for a lock", "spawn_blocking + std's", 0, &[Mark::Faster(5.0)], spawn_blocking),
        fight("64 tasks fight for a lock", "tokio::sync::Mutex", 0, &[], tokios),
        fight("64 tasks fight for a lock", "async_lock::Mutex", 0, &[], async_locks),
        fight(
            "8 threads and 64 tasks fight for a lock",
            "spawn_blocking + std's",
            THREADS,
            &[Mark::Faster(5.0)],
            spawn_blocking,
        ),
        fight("8 threads and 64 tasks fight for a lock", "tokio::sync::Mutex", THREADS, &[], tokios),
        fight("8 threads and 64 tasks fight for a lock", "async_lock::Mutex", THREADS, &[], async_locks),
    ]
}

fn our_task() -> Subject {
    let ours = logscope::lock::Mutex::new(0);
    subject(move || *now(ours.lock_async()) += 1)
}

/// Polls a future that is ready.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("the lock is free"),
    }
}

fn fight(job: &'static str, against: &'static str, threads: u64, marks: &[Mark], theirs: fn(u64) -> Subject) -> Job {
    Job::new(job, against, marks, move || Ok((ours(threads), theirs(threads))))
}

fn ours(threads: u64) -> Subject {
    let mutex = Arc::new(logscope::lock::Mutex::new(0_u64));
    let of_tasks = Arc::clone(&mutex);
    fighters(
        threads,
        move || *mutex.lock() += 1,
        move || {
            let mutex = Arc::clone(&of_tasks);
            async move { *mutex.lock_async().await += 1 }
        },
    )
}

fn tokios(threads: u64) -> Subject {
    let mutex = Arc::new(tokio::sync::Mutex::new(0_u64));
    let of_tasks = Arc::clone(&mutex);
    fighters(
        threads,
        move || *mutex.blocking_lock() += 1,
        move || {
            let mutex = Arc::clone(&of_tasks);
            async move { *mutex.lock().await += 1 }
        },
    )
}

fn async_locks(threads: u64) -> Subject {
    let mutex = Arc::new(async_lock::Mutex::new(0_u64));
    let of_tasks = Arc::clone(&mutex);
    fighters(
        threads,
        move || *mutex.lock_blocking() += 1,
        move || {
            let mutex = Arc::clone(&of_tasks);
            async move { *mutex.lock().await += 1 }
        },
    )
}

/// A lock of threads, which tasks take on a thread for blocking calls.
fn spawn_blocking(threads: u64) -> Subject {
    let mutex = Arc::new(std::sync::Mutex::new(0_u64));
    let of_tasks = Arc::clone(&mutex);
    let raise = |mutex: &std::sync::Mutex<u64>| *mutex.lock().expect("nobody panics") += 1;
    fighters(
        threads,
        move || raise(&mutex),
        move || {
            let mutex = Arc::clone(&of_tasks);
            async move { tokio::task::spawn_blocking(move || raise(&mutex)).await.expect("nobody panics") }
        },
    )
}

/// A fight of so many threads and [`TASKS`] tasks.
fn fighters<F: Future<Output = ()> + Send + 'static>(
    threads: u64,
    on_a_thread: impl Fn() + Send + Sync + 'static,
    in_a_task: impl Fn() -> F + Send + Sync + 'static,
) -> Subject {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime can be built");
    let (on_a_thread, in_a_task) = (Arc::new(on_a_thread), Arc::new(in_a_task));
    Box::new(move |times| {
        let (requests, start) = (alloc::requests(), Instant::now());
        for _ in 0..times {
            let threads: Vec<_> = (0..threads)
                .map(|_| {
                    let on_a_thread = Arc::clone(&on_a_thread);
                    std::thread::spawn(move || (0..EACH).for_each(|_| on_a_thread()))
                })
                .collect();
            runtime.block_on(async {
                let mut tasks = JoinSet::new();
                for _ in 0..TASKS {
                    let in_a_task = Arc::clone(&in_a_task);
                    tasks.spawn(async move {
                        for _ in 0..EACH {
                            in_a_task().await;
                        }
                    });
                }
                while let Some(ended) = tasks.join_next().await {
                    ended.expect("nobody panics");
                }
            });
            threads.into_iter().for_each(|thread| thread.join().expect("nobody panics"));
        }
        Sample { time: start.elapsed(), allocations: alloc::requests() - requests }
    })
}
