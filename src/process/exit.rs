//! Having the C library call a function when the process ends in an ordinary way.

/// Has `handler` called by `exit`, and so by a return from `main`: after the handlers that are registered later, before those that are there
/// already. A forked child has the handlers of its parent. The handler must not unwind.
#[cfg(any(unix, windows))]
pub(crate) fn at_exit(handler: extern "C" fn()) {
    unsafe extern "C" {
        fn atexit(handler: extern "C" fn()) -> std::ffi::c_int;
    }
    // SAFETY:
    // - `atexit` of the C standard takes a function without arguments, as declared above.
    // - The function must not unwind: this type of function aborts the process instead.
    // - The function must exist as long as the process runs: it is part of the program.
    let _refused = unsafe { atexit(handler) };
}

#[cfg(not(any(unix, windows)))]
pub(crate) fn at_exit(_: extern "C" fn()) {}
