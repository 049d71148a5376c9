//! The output of tests.

use std::io;

use super::delivery::Target;
use super::{Output, Sink};

/// A sink that goes through `print!`, so that the test harness captures it and shows it with a test that fails.
///
/// The harness captures what the test's own thread prints, and the threads that it started through std. Where `print!`
/// panics, because stdout is closed, the record counts as failed.
///
/// ```
/// let sink = logscope::sink::test();
/// # drop(sink);
/// ```
pub fn test() -> Sink {
    Sink::over(Target::Lines(Box::new(Captured)))
}

struct Captured;

impl Output for Captured {
    #[expect(clippy::print_stdout, reason = "only `print!` is captured; its panic is caught where outputs are called")]
    fn write(&self, line: &[u8]) -> io::Result<()> {
        let line = str::from_utf8(line).map_err(io::Error::other)?;
        print!("{line}");
        Ok(())
    }

    fn describe(&self) -> String {
        String::from("test output")
    }
}
