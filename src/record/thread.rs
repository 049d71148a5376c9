//! The name of the thread that logs.

use std::fmt::{self, Write};
use std::thread;

/// Writes the name of the current thread or, where it has none, its id, as `tracing-subscriber` does.
pub(crate) fn write_thread_name(out: &mut dyn Write) -> fmt::Result {
    let thread = thread::current();
    match thread.name() {
        Some(name) => out.write_str(name),
        None => write!(out, "{:?}", thread.id()),
    }
}
