//! Calling the code of an output, which may be the program's: a panic becomes an error, and what the code logs is recognised.

use std::any::Any;
use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::record::drop_quietly;

thread_local! {
    /// True while this thread is inside an output. Const and without a destructor, so that other destructors can read it.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// True while this thread runs the code of an output. What it logs then goes to the [`fallback`](crate::fallback): delivered in the
/// ordinary way, it could wait for a lock that this thread holds, or come back to this output without end.
#[inline]
pub(crate) fn is_inside_output() -> bool {
    INSIDE.get()
}

/// Marks this thread as being inside an output until it is dropped.
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

/// Calls the code of an output. A panic comes back as an error.
///
/// Unwind safety: nothing of ours is left half changed. What a panic does to an output's own state is the output's matter; its lock is not
/// poisoned.
pub(super) fn guarded(call: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let _inside = InsideOutput::enter();
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result,
        Err(payload) => Err(panicked(payload)),
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

/// Drops an error, which may hold a value of the program's own.
#[cold]
pub(crate) fn discard(error: io::Error) {
    let _ = guarded(|| {
        drop(error);
        Ok(())
    });
}
