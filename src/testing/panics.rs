//! What is done when a test panics, before its panic unwinds.

use super::attempts;
use super::harness::harness;
use super::open;
use super::told::show;
use crate::sync::{Once, thread};

/// Has each panic from now on be written to the file of its test, and one outside every attempt show the last attempt that has failed on its
/// thread: it is the end of the test.
pub(super) fn watch() {
    // A hook cannot be changed then, which is of no use either: the panic is under way.
    if thread::panicking() {
        return;
    }
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            before(info);
            if harness().folder.is_some() {
                write_to_file(&info.to_string());
            }
            if !attempts::are_running() {
                show(&attempts::take_failed());
            }
        }));
    });
}

fn write_to_file(panic: &str) {
    match open::of_this_thread().last() {
        Some(recording) => recording.write_to_file(panic),
        None => attempts::add_reason(panic),
    }
}
