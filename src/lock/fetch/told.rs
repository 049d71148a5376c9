//! What a fetch tells the log.

use std::time::{Duration, Instant};

use tracing::{debug, warn};

use super::digest::Digest;
use super::job::{Job, Look};
use super::mirror::Mirrored;
use super::policy::Fetched;
use crate::error::Error;

const TARGET: &str = "logscope::lock";

impl Job {
    /// Tells what a look has found, and returns it.
    pub(super) fn told(&self, look: Look) -> Option<Fetched> {
        match look {
            Look::Served(fetched, mirrored) => {
                self.tell_found(&fetched, mirrored);
                Some(fetched)
            }
            Look::Wanting => None,
            Look::Damaged(found) => {
                self.tell_damaged(&found);
                None
            }
        }
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

    fn tell_damaged(&self, found: &Digest) {
        if !self.silent {
            warn!(target: TARGET, key = self.key.as_str(), %found, "the cache entry has not the expected digest");
        }
    }

    pub(super) fn tell_making(&self) {
        if !self.silent {
            debug!(target: TARGET, key = self.key.as_str(), "not in the cache: making it");
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

    pub(super) fn tell_failed(&self, error: &Error) {
        if !self.silent {
            warn!(target: TARGET, key = self.key.as_str(), error = format_args!("{error:#}"), "failed: the cache stays as it is");
        }
    }
}
