//! Tests of `rescue`.

use std::io::Write as _;

use super::*;

/// A file with `text` in it.
fn file_of(text: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text).unwrap();
    file
}

/// Keeps each `write`, and takes no more than so many.
struct Pieces(Vec<String>, usize);

impl io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() == self.1 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.push(String::from_utf8(bytes.to_vec()).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn copy(text: &[u8], mut done: u64, torn: bool) -> (String, u64, Option<bool>) {
    let mut pieces = Pieces(Vec::new(), usize::MAX);
    let (copied, inside) = copy_lines(&file_of(text), &mut done, &mut pieces, torn).unwrap();
    assert_eq!(done, text.len() as u64);
    assert!(pieces.0.iter().rev().skip(1).all(|piece| piece.ends_with('\n')), "a write ends inside a line");
    let copy = pieces.0.concat();
    assert_eq!(copy.len() as u64, copied);
    (copy, copied, inside)
}

#[test]
fn what_is_new_is_copied() {
    assert_eq!(copy(b"one\ntwo\n", 4, false), ("two\n".to_owned(), 4, Some(false)));
    assert_eq!(copy(b"one\ntwo\n", 8, true), (String::new(), 0, None));
    assert_eq!(copy(b"one\ntw", 4, true), ("\ntw".to_owned(), 3, Some(true)));
    assert_eq!(copy(b"on\ntwo\n", 2, false), ("two\n".to_owned(), 4, Some(false)), "`on` had been cut");
    assert_eq!(copy(b"one\n", 400, false), ("one\n".to_owned(), 4, Some(false)), "it was emptied");
}

#[test]
fn long_files_and_long_lines_are_copied_whole() {
    let long = "x".repeat(3 * CHUNK + 5);
    let text: String = (0..40_000).map(|n| format!("line {n}\n")).chain([long, "\nshort\n".to_owned()]).collect();
    assert_eq!(copy(text.as_bytes(), 0, false).0, text);
}

#[test]
fn nothing_is_copied_twice() {
    let text: String = (0..40_000).map(|n| format!("line {n}\n")).collect();
    let (file, mut done) = (file_of(text.as_bytes()), 0);
    let mut pieces = Pieces(Vec::new(), 2);
    assert!(copy_lines(&file, &mut done, &mut pieces, false).is_err());
    pieces.1 = usize::MAX;
    copy_lines(&file, &mut done, &mut pieces, false).unwrap();
    assert_eq!(pieces.0.concat(), text);
}
