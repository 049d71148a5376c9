//! What a lock logs. Nothing here is called while a lock of the library is held: a subscriber may take file locks itself.

use std::path::Path;
use std::time::Duration;

use super::errors::named;
use super::holder::Holder;
use super::mode::Mode;
use super::options::FileLock;
use super::record::Record;
use super::text::Shown;
use crate::error::Error;

/// The target of all records.
const TARGET: &str = "logscope::lock";

impl FileLock {
    fn logged_path(&self) -> Option<std::path::Display<'_>> {
        (!self.is_silent).then(|| Path::display(&self.path))
    }

    pub(super) fn log_waiting(&self, mode: Mode, holder: impl FnOnce() -> Option<Holder>) {
        if let Some(lock) = self.logged_path()
            && tracing::enabled!(target: TARGET, tracing::Level::DEBUG)
        {
            let (mode, holder) = (mode.name(), named(holder().as_ref()));
            tracing::debug!(target: TARGET, %lock, mode, holder, "waiting for a file lock");
        }
    }

    pub(super) fn log_still_waiting(&self, mode: Mode, waited: Duration, holder: Option<&Holder>) {
        if let Some(lock) = self.logged_path() {
            let (mode, holder, waited) = (mode.name(), named(holder), Shown(waited));
            tracing::info!(target: TARGET, %lock, mode, holder, %waited, "still waiting for a file lock");
        }
    }

    pub(super) fn log_gave_up(&self, error: &Error) {
        if let Some(lock) = self.logged_path() {
            tracing::debug!(target: TARGET, %lock, %error, "did not get a file lock");
        }
    }

    pub(super) fn log_got(&self, mode: Mode, waited: Duration) {
        if let Some(lock) = self.logged_path() {
            let (mode, waited) = (mode.name(), Shown(waited));
            tracing::debug!(target: TARGET, %lock, mode, %waited, "got a file lock");
        }
    }

    /// `None` stands for a record that cannot be read.
    pub(super) fn log_owner_died(&self, record: Option<&Record>) {
        if let Some(lock) = self.logged_path() {
            let owner = named(record.map(|record| Holder::new(record, 1)).as_ref());
            tracing::warn!(
                target: TARGET, %lock, owner,
                "the owner of a file lock died while it held it: what the lock guards may be half done"
            );
        }
    }

    pub(super) fn log_replaced(&self, record: &Record) {
        if let Some(lock) = self.logged_path() {
            let owner = Holder::new(record, 1);
            tracing::warn!(
                target: TARGET, %lock, %owner,
                "a file lock was deleted or replaced while it was held: its owner may still work on what the lock guards"
            );
        }
    }

    pub(super) fn log_released(&self, held: Duration) {
        if let Some(lock) = self.logged_path() {
            tracing::debug!(target: TARGET, %lock, held = %Shown(held), "released a file lock");
        }
    }

    pub(super) fn log_not_released(&self, error: &Error) {
        if let Some(lock) = self.logged_path() {
            tracing::warn!(target: TARGET, %lock, error = format_args!("{error:#}"), "a file lock was lost");
        }
    }

    pub(super) fn log_held_long(&self, held: Duration, holder: &Record) {
        if let Some(lock) = self.logged_path() {
            let holder = Holder::new(holder, 1);
            tracing::warn!(target: TARGET, %lock, held = %Shown(held), %holder, "a file lock is held for long");
        }
    }
}
