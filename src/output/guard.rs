//! Calls into the code of an output, which may be the program's. A panic becomes an error, and events that the code logs are recognised.
//! And calls of wakers, which are the program's, too.

use std::any::Any;
use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

use crate::record::drop_quietly;

thread_local! {
    /// True while this thread runs the code of an output. Const and without a destructor, so that the destructors of other thread-locals can
    /// read it.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// True while this thread runs the code of an output.
///
/// Events that it logs then go to the [`fallback`](crate::fallback). Delivered in the ordinary way, an event could wait for a lock that this
/// thread holds, or come back to this output without end.
#[inline]
pub(crate) fn is_inside_output() -> bool {
    INSIDE.get()
}

/// Marks this thread as inside an output, until the guard is dropped.
pub(crate) struct InsideOutput {
    before: bool,
}

impl InsideOutput {
    pub(crate) fn enter() -> Self {
        InsideOutput { before: INSIDE.replace(true) }
    }
}

impl Drop for InsideOutput {
    fn drop(&mut self) {
        INSIDE.set(self.before);
    }
}

/// Calls `change`, which allocates or frees under a lock of ours. The program's allocator may log, and such an event must not need the lock: it
/// is counted as dropped, as if an output had logged it.
pub(crate) fn allocating_under_lock<R>(change: impl FnOnce() -> R) -> R {
    let _inside = InsideOutput::enter();
    change()
}

/// Calls the code of an output, marks the thread as inside an output meanwhile, and returns a panic as an error.
///
/// Unwind safety: a panic leaves none of our state half changed. The output answers for its own state. Our locks around outputs are not
/// poisoned.
pub(crate) fn call_contained(call: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let _inside = InsideOutput::enter();
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result,
        Err(payload) => Err(panicked(payload)),
    }
}

/// Wakes a task. A waker is the program's own code: its panic is caught, because this thread has others to wake, and records to write.
///
/// What the waker logs is delivered in the ordinary way, unless the thread is inside an output: no lock of ours is held.
pub(crate) fn wake_contained(waker: Waker) {
    run_contained(|| waker.wake());
}

/// Drops the waker of a task that nobody will wake any more, and catches its panic.
pub(crate) fn drop_waker(waker: Waker) {
    run_contained(|| drop(waker));
}

fn run_contained(call: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(call)) {
        drop_quietly(payload);
    }
}

#[cold]
fn panicked(payload: Box<dyn Any + Send>) -> io::Error {
    let message = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text.as_str(),
        _ => "no message",
    };
    let error = io::Error::other(format!("it panicked ({message})"));
    drop_quietly(payload);
    error
}

/// Returns an error with the same kind and text, for another caller that has the same result. Errors of the program may panic when they are
/// printed.
#[cold]
pub(crate) fn copy_error(error: &io::Error) -> io::Error {
    if let Some(code) = error.raw_os_error() {
        return io::Error::from_raw_os_error(code);
    }
    let mut copy = io::Error::from(error.kind());
    match call_contained(|| {
        copy = io::Error::new(error.kind(), error.to_string());
        Ok(())
    }) {
        Ok(()) => copy,
        Err(panicked) => panicked,
    }
}

/// Drops an error, and catches the panic of a value of the program that it may contain.
#[cold]
pub(crate) fn drop_error(error: io::Error) {
    let _ = call_contained(|| {
        drop(error);
        Ok(())
    });
}
