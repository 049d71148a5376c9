//! A fetch for a future: what blocks is done on other threads, and what belongs to the caller, `make` and the records of the log, in its task.

use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

use super::job::{Failure, Job};
use super::mirror::Mirrored;
use super::offload::{offload, sleep};
use super::policy::Fetched;
use super::retry::pauses;
use crate::error::Error;
use crate::lock::file_lock::FileLockGuard;
use crate::sync::Arc;

pub(super) async fn get<M, F>(
    job: Arc<Job>,
    timeout: Option<Duration>,
    retries: usize,
    mut make: M,
) -> Result<Fetched, Error>
where
    M: FnMut(File) -> F,
    F: Future<Output = io::Result<()>>,
{
    let begin = move |job: &Job| {
        let call = job.call(timeout);
        (call, job.look_without_lock(&call), job.may_find())
    };
    let (call, look, mut may_find) = on_thread(&job, begin).await;
    if let Some(fetched) = job.told(look)? {
        return Ok(fetched);
    }
    let mut pauses = pauses(retries);
    loop {
        if may_find {
            match job.lock.acquire_shared_async(call.left()).await {
                Ok(guard) => {
                    let look = on_thread(&job, move |job| job.look_under(&call, guard).0).await;
                    if let Some(fetched) = job.told(look)? {
                        return Ok(fetched);
                    }
                }
                Err(error) => return on_thread(&job, move |job| job.without_lock(&call, error)).await,
            }
        }
        let guard = match job.lock.acquire_async(call.left()).await {
            Ok(guard) => guard,
            Err(error) => return on_thread(&job, move |job| job.without_lock(&call, error)).await,
        };
        let (look, mut held) = on_thread(&job, move |job| job.look_under(&call, guard)).await;
        if let Some(fetched) = job.told_at_last(look)? {
            return Ok(fetched);
        }
        // Until the entry is made, or the lock is lost.
        while let Some(guard) = held {
            let began = Instant::now();
            let (ended, guard) = attempt(&job, guard, &mut make).await;
            let failure = match ended {
                Ok((fetched, mirrored)) => {
                    job.tell_made(began, mirrored);
                    return Ok(fetched);
                }
                Err(failure) => failure,
            };
            let pause = job.pause_after(failure, guard.is_none(), &mut pauses, call.left())?;
            sleep(pause).await;
            if guard.is_some() {
                job.tell_again();
            }
            held = guard;
        }
        may_find = true;
    }
}

type Made = (Fetched, Option<Mirrored>);

/// Makes, publishes and mirrors the entry. Returns the lock again, unless all is done or the lock is lost.
async fn attempt<M, F>(
    job: &Arc<Job>,
    guard: FileLockGuard,
    make: &mut M,
) -> (Result<Made, Failure>, Option<FileLockGuard>)
where
    M: FnMut(File) -> F,
    F: Future<Output = io::Result<()>>,
{
    let prepared = on_thread(job, |job| {
        let (number, mut temporary) = job.prepare()?;
        let file = temporary.file().try_clone().map_err(|error| job.make_failure(error))?;
        Ok((number, temporary, file))
    });
    let made = match prepared.await {
        Ok((number, temporary, file)) => match make(file).await {
            Ok(()) => Ok((number, temporary)),
            Err(error) => Err(job.make_failure(error)),
        },
        Err(failure) => Err(failure),
    };
    on_thread(job, move |job| {
        let made = made.and_then(|(number, temporary)| {
            job.publish(&guard, number, temporary)?;
            job.conclude()
        });
        let is_over = made.is_ok() || guard.verify().is_err();
        (made, (!is_over).then_some(guard))
    })
    .await
}

async fn on_thread<T: Send + 'static>(job: &Arc<Job>, work: impl FnOnce(&Job) -> T + Send + 'static) -> T {
    let job = Arc::clone(job);
    offload(move || work(&job)).await
}
