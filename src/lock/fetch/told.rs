//! What a fetch tells the log.

use std::time::{Duration, Instant};

use tracing::{debug, warn};

use super::job::{Failure, Job, Look};
use super::mirror::Mirrored;
use super::policy::Fetched;
use crate::error::Error;

const TARGET: &str = "logscope::lock";

impl Job {
    /// Tells that a look has found an entry that serves, and returns that.
    pub(super) fn told(&self, look: Result<Look, Error>) -> Result<Option<Fetched>, Error> {
        match look {
            Ok(Look::Served(fetched, mirrored)) => {
                self.tell_found(&fetched, mirrored);
                Ok(Some(fetched))
            }
            Ok(_) => Ok(None),
            Err(error) => {
                self.tell_refused(&error);
                Err(error)
            }
        }
    }

    /// Tells what the last look has found, before the entry is made.
    pub(super) fn told_at_last(&self, look: Result<Look, Error>) -> Result<Option<Fetched>, Error> {
        if !self.silent {
            let key = self.key.as_str();
            match &look {
                Ok(Look::Wanting(why)) => debug!(target: TARGET, key, "{why}: making it"),
                Ok(Look::Damaged(found)) => {
                    warn!(target: TARGET, key, %found, "the cache entry has not the expected digest: making it");
                }
                Ok(Look::Served(..)) | Err(_) => {}
            }
        }
        self.told(look)
    }

    fn tell_found(&self, fetched: &Fetched, mirrored: Option<Mirrored>) {
        if !self.silent {
            let (key, mirror) = (self.key.as_str(), mirrored.map(Mirrored::as_str));
            match fetched.age {
                Some(age) => debug!(target: TARGET, key, mirror, "found in the cache, made {age:.1?} ago"),
                None => debug!(target: TARGET, key, mirror, "found in the cache"),
            }
        }
    }

    pub(super) fn tell_again(&self) {
        if !self.silent {
            debug!(target: TARGET, key = self.key.as_str(), "making it again");
        }
    }

    pub(super) fn tell_made(&self, began: Instant, mirrored: Option<Mirrored>) {
        if !self.silent {
            let mirror = mirrored.map(Mirrored::as_str);
            debug!(target: TARGET, key = self.key.as_str(), mirror, "made in {:.1?} and published", began.elapsed());
        }
    }

    pub(super) fn tell_retry(&self, error: &Error, pause: Duration) {
        if !self.silent {
            warn!(target: TARGET, key = self.key.as_str(), error = format_args!("{error:#}"), "failed: next attempt in {pause:.1?}");
        }
    }

    pub(super) fn tell_failed(&self, failure: &Failure) {
        if failure.is_published && !self.silent {
            let error = &failure.error;
            warn!(target: TARGET, key = self.key.as_str(), error = format_args!("{error:#}"), "failed after it was published");
        } else {
            self.tell_refused(&failure.error);
        }
    }

    fn tell_refused(&self, error: &Error) {
        if !self.silent {
            warn!(target: TARGET, key = self.key.as_str(), error = format_args!("{error:#}"), "failed: the cache stays as it is");
        }
    }
}
