//! Logs read back: which records are there, and which lines are not whole.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use crate::Result;
use crate::scene::payload;

/// What the files of one run hold.
#[derive(Debug, Default)]
pub struct Found {
    numbers: HashSet<u64>,
    pub files: usize,
    /// Lines that are not one whole record: cut, glued, mixed, or without end.
    pub torn: u64,
    /// How many lines begin as this one does; digits are all the same.
    beginnings: HashMap<String, u64>,
}

impl Found {
    /// Reads every file in `folder`.
    pub fn read(folder: &Path) -> Result<Found> {
        let mut found = Found::default();
        for entry in fs::read_dir(folder)? {
            found.files += 1;
            for line in fs::read(entry?.path())?.split_inclusive(|byte| *byte == b'\n') {
                found.line(line);
            }
        }
        // What stands before the records has one form in one log, but for a line that was torn there.
        let whole = found.beginnings.values().max().copied().unwrap_or(0);
        found.torn += found.beginnings.values().sum::<u64>() - whole;
        Ok(found)
    }

    /// How many of `numbers` are not there.
    pub fn missing(&self, numbers: impl Iterator<Item = u64>) -> u64 {
        numbers.filter(|number| !self.numbers.contains(number)).count() as u64
    }

    fn line(&mut self, line: &[u8]) {
        match std::str::from_utf8(line).ok().and_then(record) {
            Some((beginning, number)) => {
                // A record that is there twice is as wrong as one that is torn.
                self.torn += u64::from(!self.numbers.insert(number));
                let beginning = beginning.replace(|char: char| char.is_ascii_digit(), "0");
                *self.beginnings.entry(beginning).or_default() += 1;
            }
            None => self.torn += u64::from(!is_statement(line)),
        }
    }
}

/// What stands before the record of a whole line, and its number.
fn record(line: &str) -> Option<(&str, u64)> {
    let (beginning, record) = line.strip_suffix(">\n")?.split_once('<')?;
    let (number, rest) = record.split_once(':')?;
    let (length, text) = rest.split_once(':')?;
    let number = number.parse().ok()?;
    let is_whole = length.parse() == Ok(text.len()) && text.chars().all(|char| char == payload(number));
    is_whole.then_some((beginning, number))
}

/// True of a line in which the tool itself says that records are missing, or what it does with the file.
fn is_statement(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line);
    line.ends_with('\n') && (line.contains("slog-async: logger dropped messages") || line.contains(" logscope: "))
}
