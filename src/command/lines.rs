//! From the bytes that a program prints to lines, as a terminal would show them: a state machine without I/O.
//!
//! - A line ends with `\n` or `\r\n`, or with the stream.
//! - What follows a lone `\r` overwrites the line from its beginning, character by character: that is how progress is shown. The line has what a
//!   terminal would show in the end, without the blanks that a program prints to erase what was there. Where an escape sequence is involved
//!   (most programs erase with one), what follows the `\r` stands alone.
//! - A line that is longer than the limit goes on in further lines. A character is never cut in two.
//! - Bytes that are no UTF-8 are replaced.
//!
//! However much progress a program shows in one line, no more is kept than twice the limit.

use std::borrow::Cow;
use std::mem;

const ESCAPE: u8 = 0x1b;

/// How many bytes are looked at at once.
const BLOCK: usize = 32;

/// The lowest limit of a line, so that every character fits.
const LEAST_LIMIT: usize = 16;

/// A line, without its end.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Line<'a> {
    pub(super) text: Cow<'a, str>,
    /// True if this goes on where the line before was too long.
    pub(super) is_continued: bool,
}

/// Splits a stream of bytes into lines.
#[derive(Debug)]
pub(super) struct LineSplitter {
    limit: usize,
    /// What was printed since the line began, or since the last `\r` that something follows.
    printed: Vec<u8>,
    /// What a terminal shows in the line before `printed` is written over it.
    overwritten: Vec<u8>,
    /// There is an escape sequence in `overwritten`.
    is_escaped: bool,
    /// The last byte was a `\r`, and nothing of this line follows yet.
    is_returned: bool,
    /// The line is too long, and its beginning is gone.
    is_continued: bool,
}

impl LineSplitter {
    pub(super) fn new(limit: usize) -> Self {
        LineSplitter {
            limit: limit.max(LEAST_LIMIT),
            printed: Vec::new(),
            overwritten: Vec::new(),
            is_escaped: false,
            is_returned: false,
            is_continued: false,
        }
    }

    /// Takes the next bytes, and passes the lines that end in them to `each`.
    pub(super) fn push(&mut self, mut bytes: &[u8], mut each: impl FnMut(Line<'_>)) {
        while let Some(&first) = bytes.first() {
            if self.is_returned && first != b'\n' {
                if first == b'\r' {
                    bytes = &bytes[1..];
                    continue;
                }
                self.overwrite();
            }
            let stop = length_of_text(bytes);
            let (text, end) = bytes.split_at(stop);
            let end = match end {
                [b'\r', b'\n', ..] => &end[..2],
                [_, ..] => &end[..1],
                [] => end,
            };
            bytes = &bytes[stop + end.len()..];
            match end.last() {
                // The usual case: the whole line is here, and needs no copy.
                Some(b'\n') if self.is_empty() && stop <= self.limit => {
                    each(Line { text: String::from_utf8_lossy(text), is_continued: false });
                }
                Some(b'\n') => {
                    self.append(text, &mut each);
                    self.end(&mut each);
                }
                end => {
                    self.append(text, &mut each);
                    self.is_returned = end.is_some();
                }
            }
        }
    }

    /// Passes the last line to `each`, if the stream has not ended with the end of a line.
    pub(super) fn finish(&mut self, mut each: impl FnMut(Line<'_>)) {
        if !self.is_empty() {
            self.end(&mut each);
        }
    }

    fn is_empty(&self) -> bool {
        self.printed.is_empty() && self.overwritten.is_empty() && !self.is_returned && !self.is_continued
    }

    fn append(&mut self, mut text: &[u8], each: &mut impl FnMut(Line<'_>)) {
        while self.printed.len() + text.len() > self.limit {
            let room = self.limit - self.printed.len();
            self.printed.extend_from_slice(&text[..room]);
            text = &text[room..];
            let whole = self.printed.len() - unfinished_character(&self.printed);
            let rest = self.printed.split_off(whole);
            each(Line { text: String::from_utf8_lossy(&self.printed), is_continued: self.is_continued });
            self.printed = rest;
            self.overwritten.clear();
            self.is_continued = true;
        }
        self.printed.extend_from_slice(text);
    }

    /// Writes what was printed over what a terminal shows, from the beginning of the line.
    fn overwrite(&mut self) {
        self.is_returned = false;
        let is_escaped = self.printed.contains(&ESCAPE);
        if self.overwritten.is_empty() || is_escaped || self.is_escaped {
            mem::swap(&mut self.printed, &mut self.overwritten);
            self.is_escaped = is_escaped;
        } else {
            // In place: progress is a few bytes each time, whatever it stands over.
            let covered = self.printed.iter().filter(|byte| begins_character(byte)).count();
            let mut starts = (0..).zip(&self.overwritten).filter(|(_, byte)| begins_character(byte)).map(|(at, _)| at);
            let end = starts.nth(covered).unwrap_or(self.overwritten.len());
            self.overwritten.splice(..end, self.printed.drain(..));
            let blanks = self.overwritten.iter().rev().take_while(|byte| **byte == b' ').count();
            self.overwritten.truncate(self.overwritten.len() - blanks);
        }
        self.printed.clear();
    }

    fn end(&mut self, each: &mut impl FnMut(Line<'_>)) {
        self.overwrite();
        let is_continued = mem::take(&mut self.is_continued);
        each(Line { text: String::from_utf8_lossy(&self.overwritten), is_continued });
        self.overwritten.clear();
    }
}

/// Returns how many bytes there are before the first `\n` or `\r`.
fn length_of_text(bytes: &[u8]) -> usize {
    let ends = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let mut blocks = bytes.chunks(BLOCK).enumerate();
    // Without a branch for each byte, so that many are compared at once.
    let block = blocks.find(|(_, block)| block.iter().fold(false, |found, byte| found | ends(byte)));
    match block {
        Some((number, block)) => number * BLOCK + block.iter().take_while(|byte| !ends(byte)).count(),
        None => bytes.len(),
    }
}

fn begins_character(byte: &u8) -> bool {
    byte & 0xc0 != 0x80
}

/// Returns how many bytes at the end are the beginning of a character whose other bytes are still to come.
fn unfinished_character(bytes: &[u8]) -> usize {
    let tail = &bytes[bytes.len().saturating_sub(3)..];
    let Some(start) = tail.iter().rposition(begins_character) else { return 0 };
    let length = match tail[start] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    let there = tail.len() - start;
    if there < length { there } else { 0 }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;
