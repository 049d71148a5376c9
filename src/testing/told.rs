//! What the harness tells on its own behalf: on stderr, where libtest captures it for the test.

use std::fmt;
use std::panic::catch_unwind;

use crate::sync::thread;

/// Tells something. Never panics, as `eprintln!` does where stderr is closed.
pub(crate) fn tell(text: fmt::Arguments<'_>) {
    let text = text.to_string();
    #[expect(clippy::print_stderr, reason = "only `eprint!` is captured")]
    if let Err(payload) = catch_unwind(|| eprintln!("logscope::testing: {text}")) {
        std::mem::forget(payload);
    }
}

/// Shows the log of a test, with its ends of lines. Never panics.
pub(super) fn show(text: &str) {
    if text.is_empty() {
        return;
    }
    #[expect(clippy::print_stderr, reason = "only `eprint!` is captured")]
    if let Err(payload) = catch_unwind(|| eprint!("{text}")) {
        std::mem::forget(payload);
    }
}

/// Prints to stdout what a test or a program has asked for. Never panics, as `println!` does where stdout is closed.
pub(crate) fn print(text: fmt::Arguments<'_>) {
    let text = text.to_string();
    #[expect(clippy::print_stdout, reason = "only `print!` is captured")]
    if let Err(payload) = catch_unwind(|| println!("{text}")) {
        std::mem::forget(payload);
    }
}

/// The name of the running thread, for failures. libtest names a thread after its test.
pub(crate) fn this_thread() -> String {
    let thread = thread::current();
    match thread.name() {
        Some(name) => format!("{name:?}"),
        None => format!("{:?}", thread.id()),
    }
}
