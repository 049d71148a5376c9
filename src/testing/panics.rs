//! What is done when a test panics, before its panic unwinds.

use super::attempts;
use super::harness::harness;
use super::open;
use super::seed_value;
use super::told::{show, this_thread};
use crate::sync::{Once, thread};

/// Panics with why an attempt fails at its end, which its file has already.
#[track_caller]
pub(super) fn panic_at_end(violation: &str) -> ! {
    attempts::note_written();
    panic!("{violation}");
}

/// Has each panic from now on be written to the file of its test, and one outside every attempt show the last attempt that has failed on its
/// thread, and the seed, if it was used: it is the end of the test.
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
            if harness().folder.is_some() && !attempts::take_written() {
                write_to_file(&info.to_string());
            }
            if !attempts::are_running() {
                show(&seed_value::text_of_failure());
                show(&attempts::take_failed());
            }
        }));
    });
}

/// Writes a panic to the file of the test whose context the thread is in, or which runs on it.
fn write_to_file(panic: &str) {
    match open::of_current_context().or_else(|| open::of_this_thread().pop()) {
        Some(recording) if recording.is_of_this_thread() => recording.write_to_file(panic),
        Some(recording) => recording.write_to_file(&format!("on the thread {}: {panic}", this_thread())),
        None => attempts::add_reason(panic),
    }
}
