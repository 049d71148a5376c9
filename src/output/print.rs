//! The output for tests: `print!`.

use std::io;

use super::Output;
use crate::bytes::Line;

/// Prints each line with `print!`, so that the test harness captures it.
pub(crate) struct Print;

impl Output for Print {
    #[expect(clippy::print_stdout, reason = "only `print!` is captured; its panic is caught where outputs are called")]
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        let line = str::from_utf8(line.bytes()).map_err(io::Error::other)?;
        print!("{line}");
        Ok(())
    }

    fn describe(&self) -> String {
        String::from("test output")
    }
}
