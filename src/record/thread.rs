//! The name of the thread that logs.

use std::cell::Cell;
use std::fmt::{self, Write};
use std::panic::catch_unwind;

use super::render::drop_quietly;
use crate::sync::thread;

/// How long a name may be to be remembered.
const REMEMBERED: usize = 63;

/// A name, and its length; 0 where none is remembered.
type CachedName = (u8, [u8; REMEMBERED]);

thread_local! {
    /// The thread's name, as it was first written. It has no destructor, so it outlives the thread's handle: an `atexit`
    /// handler that logs finds it, where `thread::current()` would panic.
    static NAME: Cell<CachedName> = const { Cell::new((0, [0; REMEMBERED])) };
}

/// Writes the name of the current thread or, where it has none, its id, as `tracing-subscriber` does. Writes nothing on a
/// thread whose handle is gone, if it was never asked for its name before.
pub(crate) fn write_thread_name(out: &mut dyn Write) -> fmt::Result {
    let (length, bytes) = NAME.get();
    match std::str::from_utf8(&bytes[..usize::from(length)]) {
        Ok(name) if !name.is_empty() => out.write_str(name),
        _ => write_unremembered(out),
    }
}

#[cold]
fn write_unremembered(out: &mut dyn Write) -> fmt::Result {
    let thread = match catch_unwind(thread::current) {
        Ok(thread) => thread,
        Err(payload) => {
            drop_quietly(payload);
            return Ok(());
        }
    };
    let id;
    let name = match thread.name() {
        Some(name) => name,
        None => {
            id = format!("{:?}", thread.id());
            &id
        }
    };
    let mut bytes = [0; REMEMBERED];
    if let (Some(place), Ok(length)) = (bytes.get_mut(..name.len()), u8::try_from(name.len())) {
        place.copy_from_slice(name.as_bytes());
        NAME.set((length, bytes));
    }
    out.write_str(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a thread called `name` writes, the first time and the second.
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
        let long = "n".repeat(REMEMBERED + 1);
        for name in ["worker", &long[1..], &long] {
            assert_eq!(written(Some(name)), (name.to_owned(), name.to_owned()));
        }
        let (first, second) = written(None);
        assert!(first.starts_with("ThreadId(") && first == second, "{first} {second}");
    }
}
