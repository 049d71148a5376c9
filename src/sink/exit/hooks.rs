//! Being told of the end of the process and of forks. The C library's functions for that are all the `unsafe` of queued sinks.

#[cfg(unix)]
use super::fork;
use crate::sync::Once;

/// Has the functions of the module above called. Once.
pub(in crate::sink) fn install() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        at_exit();
        at_fork();
        at_panic();
    });
}

#[cfg(any(unix, windows))]
fn at_exit() {
    unsafe extern "C" {
        fn atexit(handler: extern "C" fn()) -> std::ffi::c_int;
    }
    extern "C" fn handler() {
        contained(super::end::at_exit);
    }
    // SAFETY: `atexit` of the C standard takes a function without arguments, which must not unwind: `contained` sees to that. The function is
    // part of this program, and is there as long as it runs.
    let _refused = unsafe { atexit(handler) };
}

#[cfg(not(any(unix, windows)))]
fn at_exit() {}

#[cfg(unix)]
fn at_fork() {
    type Handler = extern "C" fn();
    unsafe extern "C" {
        fn pthread_atfork(prepare: Handler, parent: Handler, child: Handler) -> std::ffi::c_int;
    }
    extern "C" fn prepare() {
        contained(fork::prepare);
    }
    extern "C" fn parent() {
        contained(fork::in_parent);
    }
    extern "C" fn child() {
        fork::in_child();
    }
    // SAFETY: `pthread_atfork` of POSIX takes three functions without arguments, which must not unwind: `contained` sees to that, and the third
    // adds to an atomic only, as what runs in the child of a process with several threads must be safe in a signal handler. The functions
    // are part of this program, and are there as long as it runs.
    let _refused = unsafe { pthread_atfork(prepare, parent, child) };
}

#[cfg(not(unix))]
fn at_fork() {}

/// Where a panic ends the process without unwinding, the hook is the last to run: it has what is queued written. Elsewhere the thread
/// unwinds and the process goes on.
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

/// Calls `f`, out of which no panic gets.
fn contained(f: fn()) {
    if let Err(payload) = std::panic::catch_unwind(f) {
        crate::record::drop_quietly(payload);
    }
}
