//! The output of tests.

use std::io;

use super::Output;

/// `print!`, which the test harness captures.
pub(crate) struct Captured;

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
