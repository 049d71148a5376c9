//! Copies the last records of a removed file to the file that takes its place. Otherwise they would be lost when the old file is closed.

use std::fs::File;
use std::io;

use super::os;

/// How many bytes are read at a time.
const CHUNK: usize = 64 << 10;

/// Copies the bytes of `from` behind `offset` to the end of `to`. No `write` ends inside a line, unless `from` does, since others may
/// append to `to` too. Each `write` moves `offset` on, so that a retry after an error copies nothing twice.
///
/// `to_is_torn` says that `to` ends inside a line. Returns how many bytes were written and, if any, whether they end inside a line.
pub(super) fn copy_lines(
    from: &File,
    offset: &mut u64,
    to: &mut impl io::Write,
    to_is_torn: bool,
) -> io::Result<(u64, Option<bool>)> {
    if from.metadata()?.len() < *offset {
        // The file was truncated since, so all that it holds is new.
        *offset = 0;
    }
    // A `\n` here ends a line that was cut before `offset`. At the start of a copy it would make an empty line.
    let mut first = [0];
    if os::read_at(from, &mut first, *offset)? == 1 && first == *b"\n" {
        *offset += 1;
    }
    let (mut copied, mut ends_inside_a_line) = (0, None);
    let mut pending = Vec::new();
    loop {
        let kept = pending.len();
        pending.resize(kept + CHUNK, 0);
        let read = os::read_at(from, &mut pending[kept..], *offset + kept as u64)?;
        pending.truncate(kept + read);
        let whole_lines = match pending.iter().rposition(|byte| *byte == b'\n') {
            Some(last) if read > 0 => last + 1,
            None if read > 0 => 0,
            _ => pending.len(),
        };
        if whole_lines > 0 {
            if to_is_torn && copied == 0 {
                to.write_all(&[b"\n", &pending[..whole_lines]].concat())?;
                copied += 1;
            } else {
                to.write_all(&pending[..whole_lines])?;
            }
            *offset += whole_lines as u64;
            copied += whole_lines as u64;
            ends_inside_a_line = Some(pending[whole_lines - 1] != b'\n');
            pending.drain(..whole_lines);
        }
        if read == 0 {
            return Ok((copied, ends_inside_a_line));
        }
    }
}

#[cfg(test)]
mod tests;
