//! Renders the program's values, whose `Debug` and `Display` may panic, return an error, or log.
//!
//! A log call must survive all three (promise P4). A panic is caught here. The text that was rendered before it is kept, and a
//! marker follows it, so that the record is still written, and whole. A value that goes on beyond [the bound](super::bound) gets an error from
//! the writer, and is marked too.

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::bound::{CUT, ValueWriter};

/// The marker after the text of a value whose `Debug` or `Display` panicked.
const PANICKED: &str = "<panicked>";
/// The marker after the text of a value whose `Debug` or `Display` returned an error.
const FAILED: &str = "<format error>";

/// How rendering a value ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Rendered {
    /// The value is rendered in full.
    Whole,
    /// The value returned an error, panicked, or was too long; a marker follows the text that it had rendered.
    Cut,
}

/// Renders `value` with `{:?}` into `out`.
pub(crate) fn render_debug(value: &dyn fmt::Debug, out: &mut dyn ValueWriter) -> Rendered {
    guarded(out, |out| write!(out, "{value:?}"))
}

/// Renders `value` with `{}` into `out`.
pub(crate) fn render_display<T: fmt::Display + ?Sized>(value: &T, out: &mut dyn ValueWriter) -> Rendered {
    guarded(out, |out| write!(out, "{value}"))
}

/// Writes `text` into `out`.
pub(crate) fn render_str(text: &str, out: &mut dyn ValueWriter) -> Rendered {
    if out.write_str(text).is_ok() {
        return Rendered::Whole;
    }
    out.push_marker(CUT);
    Rendered::Cut
}

fn guarded(out: &mut dyn ValueWriter, render: impl FnOnce(&mut dyn ValueWriter) -> fmt::Result) -> Rendered {
    // Unwind safety: the value reaches `out` through `write_str` only. The writers are this crate's own, and consistent between
    // two such calls, which is where a panic of the value's code unwinds.
    let marker = match catch_unwind(AssertUnwindSafe(|| render(out))) {
        // A value may ignore that it was refused more.
        Ok(_) if out.is_cut() => CUT,
        Ok(Ok(())) => return Rendered::Whole,
        Ok(Err(_)) => FAILED,
        Err(payload) => {
            drop_quietly(payload);
            PANICKED
        }
    };
    out.push_marker(marker);
    Rendered::Cut
}

/// The most sources of an error that are followed: they might form a cycle.
const MOST_SOURCES: usize = 64;

/// Calls `each` with the sources of `error`, nearest first. A `source` method that panics ends the chain.
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

/// Returns true if `error` has a source.
pub(crate) fn has_source(error: &(dyn Error + 'static)) -> bool {
    source_of(error).is_some()
}

fn source_of<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    catch_unwind(AssertUnwindSafe(|| error.source())).unwrap_or_else(|payload| {
        drop_quietly(payload);
        None
    })
}

/// Drops the payload of a caught panic. Its `Drop` may panic too; the payload of that second panic is leaked.
#[cold]
pub(crate) fn drop_quietly(payload: Box<dyn std::any::Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(move || drop(payload))) {
        std::mem::forget(second);
    }
}

#[cfg(test)]
mod tests {
    use super::super::bound::BoundedText;
    use super::*;

    fn rendered(value: &dyn fmt::Debug) -> (Rendered, String) {
        let mut text = BoundedText::new(8);
        (render_debug(value, &mut text), text.text)
    }

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

    /// An error that is its own source, or whose `source` panics.
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
    fn a_cycle_of_sources_or_a_panic_ends_the_chain() {
        for (panics, expected) in [(false, MOST_SOURCES), (true, 0)] {
            let mut count = 0;
            for_each_source(&Odd { panics }, |_| count += 1);
            assert_eq!(count, expected);
        }
    }

    #[test]
    fn text_before_a_panic_or_an_error_is_kept_and_marked() {
        assert_eq!(rendered(&Panics), (Rendered::Cut, "half<panicked>".to_owned()));
        assert_eq!(rendered(&Fails), (Rendered::Cut, "half<format error>".to_owned()));
        assert_eq!(rendered(&"whole"), (Rendered::Whole, "\"whole\"".to_owned()));
    }

    /// A value that goes on as long as it is not refused, or whatever it is told.
    struct GoesOn {
        listens: bool,
    }
    impl fmt::Debug for GoesOn {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            for _ in 0..100 {
                let result = f.write_str("on ");
                if self.listens {
                    result?;
                }
            }
            Ok(())
        }
    }

    #[test]
    fn a_value_that_goes_on_is_cut_and_marked() {
        for listens in [true, false] {
            assert_eq!(rendered(&GoesOn { listens }), (Rendered::Cut, "on on on<cut>".to_owned()));
        }
    }
}
