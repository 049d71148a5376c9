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
    /// Tells that a look has found an entry that serves, and returns that.
    pub(super) fn told(&self, look: Look) -> Option<Fetched> {
        let Look::Served(fetched, mirrored) = look else { return None };
        self.tell_found(&fetched, mirrored);
        Some(fetched)
    }

    /// Tells what the last look has found, before the entry is made.
    pub(super) fn told_at_last(&self, look: Look) -> Option<Fetched> {
        if let Look::Damaged(found) = &look {
            self.tell_damaged(found);
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
