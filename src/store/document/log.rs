//! What documents log. Nothing here is called while a lock of the library is held, but for those of the documents themselves.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use super::header::DocumentVersion;
use crate::error::Error;
use crate::lock::{log_always, log_once};

/// The target of all records.
const TARGET: &str = "logscope::store";

pub(super) fn log_opened(path: &Path, generation: u64, from: &'static str) {
    let document = path.display();
    log_once(|| tracing::debug!(target: TARGET, %document, generation, from, "opened a document"));
}

pub(super) fn log_refreshed(path: &Path, generation: u64, from: &'static str) {
    let document = path.display();
    log_once(|| tracing::debug!(target: TARGET, %document, generation, from, "read a document again"));
}

pub(super) fn log_saved(path: &Path, generation: u64, fence: u64) {
    let document = path.display();
    log_once(|| tracing::debug!(target: TARGET, %document, generation, fence, "saved a document"));
}

pub(super) fn log_cache_gone(path: &Path, error: impl Display) {
    let document = path.display();
    log_always(|| {
        tracing::warn!(
            target: TARGET, %document, %error,
            "the cache of a document cannot be used: the disk is used alone until it can"
        );
    });
}

pub(super) fn log_cache_back(path: &Path) {
    let document = path.display();
    log_always(|| tracing::info!(target: TARGET, %document, "the cache of a document can be used again"));
}

/// Says that disk and cache have documents of which one is not the successor of the other, or that the disk has lost saves. `kept` is where there is a
/// copy of the one that is not used.
pub(super) fn log_fork(path: &Path, disk: DocumentVersion, cache: DocumentVersion, kept: &Result<PathBuf, Error>) {
    let shown = |version: DocumentVersion| {
        let DocumentVersion { epoch, generation, fence } = version;
        format!("generation {generation} (fence {fence}, epoch {epoch})")
    };
    let (document, used) = (path.display(), if cache > disk { "cache" } else { "disk" });
    let (disk, cache) = (shown(disk), shown(cache));
    log_always(|| match kept {
        Ok(kept) => tracing::warn!(
            target: TARGET, %document, disk, cache, used, kept = %kept.display(),
            "the disk and the cache of a document disagree: the one with the higher epoch, fence and generation is used, and a copy of the other one is kept"
        ),
        Err(error) => tracing::warn!(
            target: TARGET, %document, disk, cache, used, error = format_args!("{error:#}"),
            "the disk and the cache of a document disagree: the one with the higher epoch, fence and generation is used; no copy of the other one can be kept, and it will be replaced"
        ),
    });
}

/// Says that what a cache had in place of a document will be replaced. `kept` is where there is a copy.
pub(super) fn log_unreadable_replaced(path: &Path, kept: &Result<PathBuf, Error>) {
    let document = path.display();
    log_always(|| match kept {
        Ok(kept) => tracing::warn!(
            target: TARGET, %document, kept = %kept.display(),
            "the document replaces what its cache had, of which a copy is kept"
        ),
        Err(error) => tracing::warn!(
            target: TARGET, %document, error = format_args!("{error:#}"),
            "the document replaces what its cache had, of which no copy can be kept"
        ),
    });
}

pub(super) fn log_lease_not_released(path: &Path, error: &Error) {
    let document = path.display();
    let what = match error.is_lease_lost() || error.is_not_holder() {
        true => "saved a document, but its lease was lost after that",
        false => "saved a document, but its lease may not be released: others may have to wait until its time is over",
    };
    log_always(|| tracing::warn!(target: TARGET, %document, error = format_args!("{error:#}"), "{what}"));
}

pub(super) fn log_lock_lost_after_save(path: &Path, error: &Error) {
    let (document, error) = (path.display(), format_args!("{error:#}"));
    log_always(|| {
        tracing::warn!(
            target: TARGET, %document, error,
            "saved a document, but the lock for saving was cleared meanwhile: what another saved at that moment may be lost"
        );
    });
}
