//! Handlers that the C library calls at exit and around forks. Calling its functions is the only `unsafe` code of queued sinks.

use std::time::Duration;

#[cfg(unix)]
use super::fork;
use crate::process::{self, ForkLocal, note_queue};
use crate::sync::Once;

/// Installs the handlers, the first time that it is called.
///
/// A forked child has the handlers of its parent. If another thread of the parent was installing them at the fork, the child installs them once
/// more.
pub(in crate::sink) fn install() {
    // If another thread was here at the fork, the child does it once more, which does no harm.
    static INSTALL: ForkLocal<Once> = ForkLocal::new(Once::new(), |parents| {
        let own = Once::new();
        if parents.is_completed() {
            own.call_once(|| ());
        }
        own
    });
    note_queue();
    INSTALL.get().call_once(|| {
        at_fork();
        at_exit();
        at_panic();
    });
}

/// Has `write` be called before the queues are closed at the end, in this process and in each forked child: whenever [`shutdown`](super::shutdown)
/// is called, and when the process exits. It is told how long it may take. All callers give the same function.
///
/// This handler does nothing else. Where queues have theirs too, that may run first, and calls `write` itself.
pub(crate) fn before_end(write: fn(Duration)) {
    if super::end::set_last_records(write) {
        extern "C" fn handler() {
            contained(super::end::at_exit_without_queues);
        }
        process::at_exit(handler);
    }
}

fn at_exit() {
    extern "C" fn handler() {
        contained(super::end::at_exit);
    }
    process::at_exit(handler);
}

#[cfg(unix)]
fn at_fork() {
    type Handler = Option<extern "C" fn()>;
    unsafe extern "C" {
        fn pthread_atfork(prepare: Handler, parent: Handler, child: Handler) -> std::ffi::c_int;
    }
    extern "C" fn prepare() {
        contained(fork::prepare);
    }
    extern "C" fn parent() {
        contained(fork::in_parent);
    }
    // SAFETY:
    // - `pthread_atfork` of POSIX takes three functions without arguments, each of which may be null, as declared above.
    // - The functions must not unwind: `contained` catches their panics.
    // - The functions must exist as long as the process runs: they are part of the program.
    let _refused = unsafe { pthread_atfork(Some(prepare), Some(parent), None) };
}

#[cfg(not(unix))]
fn at_fork() {}

/// With `panic = "abort"` the panic hook is the last code that runs: it writes the queued records. Otherwise the thread unwinds and the
/// process goes on.
fn at_panic() {
    #[cfg(panic = "abort")]
    if !crate::sync::thread::panicking() {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            before(info);
            super::end::at_exit();
        }));
    }
}

/// Calls `f` and catches its panic.
fn contained(f: fn()) {
    if let Err(payload) = std::panic::catch_unwind(f) {
        crate::record::drop_quietly(payload);
    }
}
