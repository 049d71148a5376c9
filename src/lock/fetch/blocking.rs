//! A fetch on the calling thread.

use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

use backon::ExponentialBackoff;

use super::job::{Call, Failure, Job};
use super::mirror::Mirrored;
use super::policy::Fetched;
use super::retry::pauses;
use crate::error::Error;
use crate::lock::file_lock::FileLockGuard;
use crate::sync::thread;

pub(super) fn get(
    job: &Job,
    timeout: Option<Duration>,
    retries: usize,
    mut make: impl FnMut(&mut File) -> io::Result<()>,
) -> Result<Fetched, Error> {
    let call = job.call(timeout);
    if let Some(fetched) = job.told(job.look_without_lock(&call))? {
        return Ok(fetched);
    }
    let mut pauses = pauses(retries);
    loop {
        if job.may_find() {
            // Readers do not hold one another up.
            match job.lock.acquire_shared(call.left()) {
                Ok(guard) => {
                    let (look, guard) = job.look_under(&call, guard);
                    drop(guard);
                    if let Some(fetched) = job.told(look)? {
                        return Ok(fetched);
                    }
                }
                Err(error) => return job.without_lock(&call, error),
            }
        }
        let guard = match job.lock.acquire(call.left()) {
            Ok(guard) => guard,
            Err(error) => return job.without_lock(&call, error),
        };
        let (look, guard) = job.look_under(&call, guard);
        if let Some(fetched) = job.told_at_last(look)? {
            return Ok(fetched);
        }
        if let Some(guard) = guard
            && let Some(fetched) = make_entry(job, &call, guard, &mut pauses, &mut make)?
        {
            return Ok(fetched);
        }
    }
}

/// Makes the entry under the lock. None if the lock was lost meanwhile: then another call may have made it.
fn make_entry(
    job: &Job,
    call: &Call,
    guard: FileLockGuard,
    pauses: &mut ExponentialBackoff,
    make: &mut impl FnMut(&mut File) -> io::Result<()>,
) -> Result<Option<Fetched>, Error> {
    loop {
        let began = Instant::now();
        match attempt(job, &guard, make) {
            Ok((fetched, mirrored)) => {
                // Others need not wait for the log.
                drop(guard);
                job.tell_made(began, mirrored);
                return Ok(Some(fetched));
            }
            Err(failure) => {
                let is_lost = guard.verify().is_err();
                let pause = job.pause_after(failure, is_lost, pauses, call.left())?;
                thread::sleep(pause);
                if is_lost {
                    return Ok(None);
                }
                job.tell_again();
            }
        }
    }
}

fn attempt(
    job: &Job,
    guard: &FileLockGuard,
    make: &mut impl FnMut(&mut File) -> io::Result<()>,
) -> Result<(Fetched, Option<Mirrored>), Failure> {
    let (number, mut temporary) = job.prepare()?;
    make(temporary.file()).map_err(|error| job.make_failure(error))?;
    job.publish(guard, number, temporary)?;
    job.conclude()
}
