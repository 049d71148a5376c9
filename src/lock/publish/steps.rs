//! The steps of a publication: at each, a test can do something in the thread that publishes, such as to end the process.

// Only the tests on Linux use them all.
#![cfg_attr(any(logscope_loom, not(target_os = "linux")), allow(dead_code))]

use std::cell::{Cell, RefCell};
use std::time::Duration;

type AtStep = Box<dyn FnMut(&str)>;

thread_local! {
    static AT_STEP: RefCell<Option<AtStep>> = const { RefCell::new(None) };
    static CANNOT_EXCHANGE: Cell<bool> = const { Cell::new(false) };
    static REPLACED_FOLDER_STAYS: Cell<Option<Duration>> = const { Cell::new(None) };
    static SYNC_FAILS: Cell<bool> = const { Cell::new(false) };
    static NUMBER: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Calls `at_step` with the name of each step that this thread reaches.
pub(in crate::lock) fn watch(at_step: impl FnMut(&str) + 'static) {
    AT_STEP.set(Some(Box::new(at_step)));
}

pub(super) fn reach(step: &str) {
    // Taken out, so that it may publish something itself.
    if let Some(mut at_step) = AT_STEP.take() {
        at_step(step);
        AT_STEP.set(Some(at_step));
    }
}

/// Has this thread find that no file system can exchange folders.
pub(super) fn without_exchange() {
    CANNOT_EXCHANGE.set(true);
}

pub(super) fn cannot_exchange() -> bool {
    CANNOT_EXCHANGE.get()
}

/// Sets how long folders that were replaced stay when this thread publishes.
pub(super) fn keep_replaced_folders(stays: Duration) {
    REPLACED_FOLDER_STAYS.set(Some(stays));
}

pub(super) fn replaced_folder_stays() -> Option<Duration> {
    REPLACED_FOLDER_STAYS.get()
}

/// Has the next temporaries of this thread numbers from `first` on, as those of another process with the same number may have.
pub(super) fn count_from(first: u64) {
    NUMBER.set(Some(first));
}

pub(super) fn number() -> Option<u64> {
    let number = NUMBER.get()?;
    NUMBER.set(Some(number + 1));
    Some(number)
}

/// Has the next sync of a folder fail, after a publication of this thread.
#[cfg(feature = "store")]
pub(crate) fn fail_next_folder_sync() {
    SYNC_FAILS.set(true);
}

pub(super) fn does_sync_fail() -> bool {
    SYNC_FAILS.take()
}
