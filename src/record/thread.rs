//! The name of the thread that logs, cached per thread.

use std::cell::{Cell, OnceCell};
use std::fmt::{self, Write};
use std::panic::catch_unwind;

use super::render::drop_quietly;
use crate::sync::thread;

/// The longest name that is cached, in bytes.
const CACHED_BYTES: usize = 63;

/// The length of a name, and the name. The length is 0 if none is cached.
type CachedName = (u8, [u8; CACHED_BYTES]);

thread_local! {
    /// The thread's name, as it was first written. It has no destructor, so it outlives the thread's handle: an `atexit`
    /// handler that logs can still read it, while `thread::current()` panics there.
    static NAME: Cell<CachedName> = const { Cell::new((0, [0; CACHED_BYTES])) };
}

/// Writes the name of the current thread or, if it has none, its id, as `tracing-subscriber` does. Writes nothing if the
/// thread's handle is gone and its name is not cached.
pub(crate) fn write_thread_name(out: &mut dyn Write) -> fmt::Result {
    let (length, bytes) = NAME.get();
    match std::str::from_utf8(&bytes[..usize::from(length)]) {
        Ok(name) if !name.is_empty() => out.write_str(name),
        _ => write_and_cache(out),
    }
}

thread_local! {
    /// The thread for which this one logs, if that is another.
    static LOGS_FOR: OnceCell<thread::Thread> = const { OnceCell::new() };
}

/// Has the records of this thread, which has logged nothing yet, name another thread as theirs.
pub(crate) fn log_for(thread: thread::Thread) {
    let _ = LOGS_FOR.try_with(|logs_for| logs_for.set(thread));
}

/// Returns the handle of the thread whose records are logged here: the current one, unless that [logs for another](log_for). `None` if the
/// thread is so near its end that it has none.
pub(crate) fn logging_thread() -> Option<thread::Thread> {
    let other = LOGS_FOR.try_with(|logs_for| logs_for.get().cloned());
    other.unwrap_or_default().or_else(|| catch_unwind(thread::current).map_err(drop_quietly).ok())
}

/// Returns the id of the thread whose records are logged here; `None` if it is so near its end that it has none.
pub(super) fn thread_id() -> Option<thread::ThreadId> {
    logging_thread().map(|thread| thread.id())
}

#[cold]
fn write_and_cache(out: &mut dyn Write) -> fmt::Result {
    let Some(thread) = logging_thread() else { return Ok(()) };
    let id;
    let name = match thread.name() {
        Some(name) => name,
        None => {
            id = format!("{:?}", thread.id());
            &id
        }
    };
    let mut bytes = [0; CACHED_BYTES];
    if let (Some(cached), Ok(length)) = (bytes.get_mut(..name.len()), u8::try_from(name.len())) {
        cached.copy_from_slice(name.as_bytes());
        NAME.set((length, bytes));
    }
    out.write_str(name)
}

/// Writes the id of the current thread, as `ThreadId(2)`. Writes nothing if the thread's handle is gone.
pub(crate) fn write_thread_id(out: &mut dyn Write) -> fmt::Result {
    match logging_thread() {
        Some(thread) => write!(out, "{:?}", thread.id()),
        None => Ok(()),
    }
}

/// Returns true if the current thread has no name.
pub(crate) fn is_thread_unnamed() -> bool {
    logging_thread().is_none_or(|thread| thread.name().is_none())
}

/// The name of the current thread, to be printed.
pub(crate) struct ThreadName;

impl fmt::Display for ThreadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_thread_name(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a thread called `name` writes in two calls.
    fn written(name: Option<&str>) -> (String, String) {
        let write = || {
            let mut text = String::new();
            write_thread_name(&mut text).unwrap();
            text
        };
        let builder = name.map_or_else(thread::Builder::new, |name| thread::Builder::new().name(name.to_owned()));
        builder.spawn(move || (write(), write())).unwrap().join().unwrap()
    }

    #[test]
    fn a_name_is_written_the_same_every_time() {
        let long = "n".repeat(CACHED_BYTES + 1);
        for name in ["worker", &long[1..], &long] {
            assert_eq!(written(Some(name)), (name.to_owned(), name.to_owned()));
        }
        let (first, second) = written(None);
        assert!(first.starts_with("ThreadId(") && first == second, "{first} {second}");
    }
}
