//! Tests of copying the last records of a removed file.

use std::io::Write as _;

use super::*;

/// Returns a file that contains `text`.
fn file_of(text: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text).unwrap();
    file
}

/// Records each `write`, and fails after `limit` of them.
struct Writes {
    pieces: Vec<String>,
    limit: usize,
}

impl io::Write for Writes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.pieces.len() == self.limit {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.pieces.push(String::from_utf8(bytes.to_vec()).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Copies the bytes of `text` behind `offset`. Returns them, how many they are, and whether they end inside a line.
fn copy(text: &[u8], mut offset: u64, to_is_torn: bool) -> (String, u64, Option<bool>) {
    let mut to = Writes { pieces: Vec::new(), limit: usize::MAX };
    let (copied, ends_inside_a_line) = copy_lines(&file_of(text), &mut offset, &mut to, to_is_torn).unwrap();
    assert_eq!(offset, text.len() as u64);
    assert!(to.pieces.iter().rev().skip(1).all(|piece| piece.ends_with('\n')), "a write ends inside a line");
    let copy = to.pieces.concat();
    assert_eq!(copy.len() as u64, copied);
    (copy, copied, ends_inside_a_line)
}

#[test]
fn bytes_behind_the_offset_are_copied() {
    assert_eq!(copy(b"one\ntwo\n", 4, false), ("two\n".to_owned(), 4, Some(false)));
    assert_eq!(copy(b"one\ntwo\n", 8, true), (String::new(), 0, None));
    assert_eq!(copy(b"one\ntw", 4, true), ("\ntw".to_owned(), 3, Some(true)));
    assert_eq!(
        copy(b"on\ntwo\n", 2, false),
        ("two\n".to_owned(), 4, Some(false)),
        "the line end of a torn line is left out"
    );
    assert_eq!(copy(b"one\n", 400, false), ("one\n".to_owned(), 4, Some(false)), "the file was truncated");
}

#[test]
fn long_files_and_long_lines_are_copied_whole() {
    let long = "x".repeat(3 * CHUNK + 5);
    let text: String = (0..40_000).map(|n| format!("line {n}\n")).chain([long, "\nshort\n".to_owned()]).collect();
    assert_eq!(copy(text.as_bytes(), 0, false).0, text);
}

#[test]
fn a_retry_copies_nothing_twice() {
    let text: String = (0..40_000).map(|n| format!("line {n}\n")).collect();
    let (file, mut offset) = (file_of(text.as_bytes()), 0);
    let mut to = Writes { pieces: Vec::new(), limit: 2 };
    assert!(copy_lines(&file, &mut offset, &mut to, false).is_err());
    to.limit = usize::MAX;
    copy_lines(&file, &mut offset, &mut to, false).unwrap();
    assert_eq!(to.pieces.concat(), text);
}
