//! Rendering a program's own values: their `Debug` and `Display` may panic, fail, or log.
//!
//! A logger that renders them must survive all three (promise P4): the panic is caught here, what was rendered before it is
//! kept, and a marker says what happened, so that the record is still written and still whole.

use std::error::Error;
use std::fmt::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What stands in the place of what a value did not render, because its `Debug` or `Display` panicked.
const PANICKED: &str = "<panicked>";
/// What stands there because it returned an error.
const FAILED: &str = "<format error>";

/// How rendering a value ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Rendered {
    /// It rendered itself whole.
    Whole,
    /// It returned an error or panicked; a marker follows what it had rendered.
    Cut,
}

/// Renders `value` with `{:?}` into `out`.
pub(crate) fn render_debug(value: &dyn fmt::Debug, out: &mut dyn Write) -> Rendered {
    guarded(out, |out| write!(out, "{value:?}"))
}

/// Renders `value` with `{}` into `out`.
pub(crate) fn render_display<T: fmt::Display + ?Sized>(value: &T, out: &mut dyn Write) -> Rendered {
    guarded(out, |out| write!(out, "{value}"))
}

fn guarded(out: &mut dyn Write, render: impl FnOnce(&mut dyn Write) -> fmt::Result) -> Rendered {
    // Unwind safety: `out` only ever grows by whole `write_str` calls of this crate's own writers, which hold no state that
    // an unwind out of the value's code between two of them could tear.
    let marker = match catch_unwind(AssertUnwindSafe(|| render(out))) {
        Ok(Ok(())) => return Rendered::Whole,
        Ok(Err(_)) => FAILED,
        Err(payload) => {
            drop_quietly(payload);
            PANICKED
        }
    };
    let _ = out.write_str(marker);
    Rendered::Cut
}

/// How many sources of an error are followed, in case they form a circle.
const MOST_SOURCES: usize = 64;

/// Calls `each` with the errors that caused `error`, nearest first. A `source` that panics ends the chain.
pub(crate) fn for_each_source(error: &(dyn Error + 'static), mut each: impl FnMut(&(dyn Error + 'static))) {
    let mut next = source_of(error);
    for _ in 0..MOST_SOURCES {
        let Some(source) = next else {
            return;
        };
        each(source);
        next = source_of(source);
    }
}

fn source_of<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    catch_unwind(AssertUnwindSafe(|| error.source())).unwrap_or_else(|payload| {
        drop_quietly(payload);
        None
    })
}

/// Drops the payload of a caught panic, whose own `Drop` may panic too; a payload that does so is leaked.
#[cold]
pub(crate) fn drop_quietly(payload: Box<dyn std::any::Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(move || drop(payload))) {
        std::mem::forget(second);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Panics;
    impl fmt::Debug for Panics {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("half")?;
            std::panic::panic_any(PanicsAgain)
        }
    }

    struct PanicsAgain;
    impl Drop for PanicsAgain {
        fn drop(&mut self) {
            panic!("the payload panics when it is dropped");
        }
    }

    struct Fails;
    impl fmt::Debug for Fails {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("half")?;
            Err(fmt::Error)
        }
    }

    /// An error that is its own cause, or whose `source` panics.
    #[derive(Debug)]
    struct Odd {
        panics: bool,
    }
    impl fmt::Display for Odd {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("odd")
        }
    }
    impl Error for Odd {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            if self.panics { std::panic::panic_any(PanicsAgain) } else { Some(self) }
        }
    }

    #[test]
    fn the_sources_of_an_error_end() {
        for (panics, expected) in [(false, MOST_SOURCES), (true, 0)] {
            let mut count = 0;
            for_each_source(&Odd { panics }, |_| count += 1);
            assert_eq!(count, expected);
        }
    }

    #[test]
    fn what_was_rendered_is_kept_and_marked() {
        let mut text = String::new();
        assert_eq!(render_debug(&Panics, &mut text), Rendered::Cut);
        assert_eq!(text, "half<panicked>");
        text.clear();
        assert_eq!(render_debug(&Fails, &mut text), Rendered::Cut);
        assert_eq!(text, "half<format error>");
        text.clear();
        assert_eq!(render_debug(&"whole", &mut text), Rendered::Whole);
        assert_eq!(text, "\"whole\"");
    }
}
