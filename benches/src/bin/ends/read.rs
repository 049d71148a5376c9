//! Reads logs back: which records are there, and which lines are not whole.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use crate::Result;
use crate::scene::payload;

/// The contents of the files of one run.
#[derive(Debug, Default)]
pub struct LogContents {
    numbers: HashSet<u64>,
    pub files: usize,
    /// Lines that are not one whole record: cut, joined, mixed, or without a newline.
    pub torn: u64,
    /// How many lines have each beginning, with every digit replaced by 0.
    beginnings: HashMap<String, u64>,
}

impl LogContents {
    /// Reads every file in `folder`.
    pub fn read(folder: &Path) -> Result<LogContents> {
        let mut contents = LogContents::default();
        for entry in fs::read_dir(folder)? {
            contents.files += 1;
            for line in fs::read(entry?.path())?.split_inclusive(|byte| *byte == b'\n') {
                contents.line(line);
            }
        }
        // The text before the records has one form in one log. A line with another beginning is torn.
        let whole = contents.beginnings.values().max().copied().unwrap_or(0);
        contents.torn += contents.beginnings.values().sum::<u64>() - whole;
        Ok(contents)
    }

    /// How many of `numbers` are missing.
    pub fn missing(&self, numbers: impl Iterator<Item = u64>) -> u64 {
        numbers.filter(|number| !self.numbers.contains(number)).count() as u64
    }

    fn line(&mut self, line: &[u8]) {
        match std::str::from_utf8(line).ok().and_then(record) {
            Some((beginning, number)) => {
                // A record that is there twice is as wrong as a torn one.
                self.torn += u64::from(!self.numbers.insert(number));
                let beginning = beginning.replace(|char: char| char.is_ascii_digit(), "0");
                *self.beginnings.entry(beginning).or_default() += 1;
            }
            None => self.torn += u64::from(!is_notice(line)),
        }
    }
}

/// The text before the record of a whole line, and the record's number.
fn record(line: &str) -> Option<(&str, u64)> {
    let (beginning, record) = line.strip_suffix(">\n")?.split_once('<')?;
    let (number, rest) = record.split_once(':')?;
    let (length, text) = rest.split_once(':')?;
    let number = number.parse().ok()?;
    let is_whole = length.parse() == Ok(text.len()) && text.chars().all(|char| char == payload(number));
    is_whole.then_some((beginning, number))
}

/// True for a line in which the tool itself reports missing records or what it does with the file.
fn is_notice(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line);
    line.ends_with('\n') && (line.contains("slog-async: logger dropped messages") || line.contains(" logscope: "))
}
