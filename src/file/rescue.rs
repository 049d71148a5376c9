//! What was written to a file that is removed, and would be gone with it: copied to the file that takes its place.

use std::fs::File;
use std::io;

use super::os;

/// How much is read at a time.
const CHUNK: usize = 64 << 10;

/// Copies what `from` has after the first `done` bytes to the end of `to`, line by line as it were: no `write` ends inside a
/// line, since others may append to `to` too. `done` is moved on with each, so that after an error nothing is copied twice.
///
/// Returns how many bytes that were, and if there were any whether they end inside a line.
pub(super) fn copy_lines(
    from: &File,
    done: &mut u64,
    to: &mut impl io::Write,
    torn: bool,
) -> io::Result<(u64, Option<bool>)> {
    if from.metadata()?.len() < *done {
        // It was emptied since, so that all of it is new.
        *done = 0;
    }
    // What begins with the end of a line that was cut begins, in another file, with an empty line.
    let mut first = [0];
    if os::read_at(from, &mut first, *done)? == 1 && first == *b"\n" {
        *done += 1;
    }
    let (mut copied, mut ends_inside_a_line) = (0, None);
    let mut pending = Vec::new();
    loop {
        let held = pending.len();
        pending.resize(held + CHUNK, 0);
        let read = os::read_at(from, &mut pending[held..], *done + held as u64)?;
        pending.truncate(held + read);
        let whole = match pending.iter().rposition(|byte| *byte == b'\n') {
            Some(last) if read > 0 => last + 1,
            None if read > 0 => 0,
            _ => pending.len(),
        };
        if whole > 0 {
            if torn && copied == 0 {
                to.write_all(&[b"\n", &pending[..whole]].concat())?;
                copied += 1;
            } else {
                to.write_all(&pending[..whole])?;
            }
            *done += whole as u64;
            copied += whole as u64;
            ends_inside_a_line = Some(pending[whole - 1] != b'\n');
            pending.drain(..whole);
        }
        if read == 0 {
            return Ok((copied, ends_inside_a_line));
        }
    }
}

#[cfg(test)]
mod tests;
