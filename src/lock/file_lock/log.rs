//! What a lock logs. Nothing here is called while a lock of the library is held: a subscriber may take file locks itself, though not the one that is
//! logged about. What those would log inside is left out, but for what is told once.

use std::path::Path;
use std::time::Duration;

use super::errors::named;
use super::holder::Holder;
use super::mode::Mode;
use super::options::FileLock;
use super::record::Record;
use super::text::Shown;
use crate::error::Error;
use crate::lock::log::{log_always, log_once};

/// The target of all records.
const TARGET: &str = "logscope::lock";

impl FileLock {
    fn logged_path(&self) -> Option<std::path::Display<'_>> {
        (!self.is_silent).then(|| Path::display(&self.path))
    }

    pub(super) fn log_waiting(&self, mode: Mode, holder: impl FnOnce() -> Option<Holder>) {
        let Some(lock) = self.logged_path() else { return };
        log_once(|| {
            if tracing::enabled!(target: TARGET, tracing::Level::DEBUG) {
                let (mode, holder) = (mode.name(), named(holder().as_ref()));
                tracing::debug!(target: TARGET, %lock, mode, holder, "waiting for a file lock");
            }
        });
    }

    pub(super) fn log_still_waiting(&self, mode: Mode, waited: Duration, holder: Option<&Holder>) {
        let Some(lock) = self.logged_path() else { return };
        let (mode, holder, waited) = (mode.name(), named(holder), Shown(waited));
        log_once(|| tracing::info!(target: TARGET, %lock, mode, holder, %waited, "still waiting for a file lock"));
    }

    pub(super) fn log_gave_up(&self, error: &Error) {
        let Some(lock) = self.logged_path() else { return };
        log_once(|| tracing::debug!(target: TARGET, %lock, %error, "did not get a file lock"));
    }

    pub(super) fn log_got(&self, mode: Mode, waited: Duration) {
        let Some(lock) = self.logged_path() else { return };
        let (mode, waited) = (mode.name(), Shown(waited));
        log_once(|| tracing::debug!(target: TARGET, %lock, mode, %waited, "got a file lock"));
    }

    /// `None` stands for a record that cannot be read.
    pub(super) fn log_owner_died(&self, record: Option<&Record>) {
        let Some(lock) = self.logged_path() else { return };
        let owner = named(record.map(|record| Holder::new(record, 1)).as_ref());
        if let Some(meaning) = self.death {
            return log_always(|| tracing::info!(target: TARGET, %lock, owner, "{meaning}"));
        }
        log_always(|| {
            tracing::warn!(
                target: TARGET, %lock, owner,
                "the owner of a file lock died while it held it: what the lock guards may be half done"
            );
        });
    }

    pub(super) fn log_replaced(&self, record: &Record) {
        let Some(lock) = self.logged_path() else { return };
        let owner = Holder::new(record, 1);
        log_always(|| {
            tracing::warn!(
                target: TARGET, %lock, %owner,
                "a file lock was deleted or replaced while it was held: its owner may still work on what the lock guards"
            );
        });
    }

    pub(super) fn log_released(&self, held: Duration) {
        let Some(lock) = self.logged_path() else { return };
        log_once(|| tracing::debug!(target: TARGET, %lock, held = %Shown(held), "released a file lock"));
    }

    pub(super) fn log_not_released(&self, error: &Error) {
        let Some(lock) = self.logged_path() else { return };
        let what = if error.is_lock_lost() { "a file lock was lost" } else { "a file lock may have been lost" };
        log_always(|| tracing::warn!(target: TARGET, %lock, error = format_args!("{error:#}"), "{what}"));
    }

    pub(super) fn log_held_long(&self, held: Duration, holder: &Record) {
        let Some(lock) = self.logged_path() else { return };
        let holder = Holder::new(holder, 1);
        log_once(
            || tracing::warn!(target: TARGET, %lock, held = %Shown(held), %holder, "a file lock is held for long"),
        );
    }
}
