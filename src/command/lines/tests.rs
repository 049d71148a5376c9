//! The splitter against a model that has the whole stream before it.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::read::cpu_time::within;

/// The lines of `chunks`, and whether each continues the one before.
fn split(limit: usize, chunks: &[&[u8]]) -> Vec<(String, bool)> {
    let (mut splitter, mut lines) = (LineSplitter::new(limit), Vec::new());
    let mut keep = |line: Line<'_>| lines.push((line.text.into_owned(), line.is_continued));
    for chunk in chunks {
        splitter.push(chunk, &mut keep);
    }
    splitter.finish(&mut keep);
    splitter.finish(|line| panic!("the stream has ended, but there is {line:?}"));
    lines
}

/// The texts of the lines, none of which is too long.
fn texts(chunks: &[&str]) -> Vec<String> {
    let chunks: Vec<&[u8]> = chunks.iter().map(|chunk| chunk.as_bytes()).collect();
    split(usize::MAX >> 1, &chunks).into_iter().map(|(text, _)| text).collect()
}

/// What a terminal shows of one line, in cells. Where an escape sequence is involved, what follows the `\r` stands alone.
fn terminal(line: &str) -> String {
    let mut cells: Vec<char> = Vec::new();
    for printed in line.split('\r').filter(|printed| !printed.is_empty()) {
        if printed.contains('\x1b') || cells.contains(&'\x1b') {
            cells.clear();
        }
        for (column, character) in printed.chars().enumerate() {
            match cells.get_mut(column) {
                Some(cell) => *cell = character,
                None => cells.push(character),
            }
        }
    }
    cells.into_iter().collect()
}

#[test]
fn a_line_ends_with_a_newline_a_return_and_a_newline_or_the_stream() {
    assert_eq!(texts(&["one\ntwo\r\nthree"]), ["one", "two", "three"]);
    assert_eq!(texts(&["one\r", "\ntwo\r\r\n", "\n"]), ["one", "two", ""]);
    assert_eq!(texts(&["", "a", "", "b\n", ""]), ["ab"]);
    assert_eq!(texts(&["one\r"]), ["one"]);
    assert_eq!(texts(&["\r"]), [""]);
    assert!(texts(&[]).is_empty());
}

#[test]
fn progress_is_what_is_shown_in_the_end() {
    assert_eq!(texts(&["10%\r50%\r", "100%\n"]), ["100%"]);
    assert_eq!(texts(&["Downloading 3 of 5\rDone              \n"]), ["Done"]);
    assert_eq!(texts(&["abcdef\rXY\n"]), ["XYcdef"]);
    assert_eq!(texts(&["äöü\r€\n"]), ["€öü"]);
    assert_eq!(texts(&["50%\r   \r\n"]), [""]);
    assert_eq!(texts(&["Building\r\x1b[KFinished\n"]), ["\x1b[KFinished"]);
    assert_eq!(texts(&["\x1b[32m50%\x1b[0m\rok\r"]), ["ok"]);
}

#[test]
fn a_line_that_is_too_long_goes_on_in_the_next() {
    let owned = |lines: &[(&str, bool)]| lines.iter().map(|(text, is)| ((*text).to_owned(), *is)).collect::<Vec<_>>();
    let text = b"0123456789abcdef";
    assert_eq!(split(16, &[text, b"\nx\n"]), owned(&[("0123456789abcdef", false), ("x", false)]));
    assert_eq!(split(16, &[text, b"gh\nx"]), owned(&[("0123456789abcdef", false), ("gh", true), ("x", false)]));
    let euros = "€€€€€€\n";
    assert_eq!(split(16, &[euros.as_bytes()]), owned(&[("€€€€€", false), ("€", true)]));
    assert_eq!(split(0, &[text, b"\n"]), owned(&[("0123456789abcdef", false)]), "a limit that is too low is raised");
}

#[test]
fn what_is_no_text_is_replaced_and_ends_nothing() {
    let lines = split(64, &[b"\xff\xfeone\xc3", b"\xa4\n\xf0\x9f\x92\n", b"\xc3"]);
    let lines: Vec<_> = lines.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(lines, ["\u{fffd}\u{fffd}oneä", "\u{fffd}", "\u{fffd}"]);
}

#[test]
fn progress_without_end_takes_no_more_room_than_the_limit() {
    let mut splitter = LineSplitter::new(100);
    for n in 0..10_000 {
        splitter.push(format!("{n} of 10000\r").as_bytes(), |line| panic!("no line has ended: {line:?}"));
        assert!(splitter.printed.capacity() + splitter.overwritten.capacity() < 400);
    }
}

#[test]
fn progress_over_a_long_line_does_not_copy_the_line() {
    let mut splitter = LineSplitter::new(1 << 20);
    splitter.push(&vec![b'x'; 1 << 20], |line| panic!("no line has ended: {line:?}"));
    let progress = b"\r10%\r20%".repeat(60_000);
    // With a copy of the line for each piece of progress, this takes three times as long as it may.
    within(Duration::from_secs(5), || splitter.push(&progress, |line| panic!("no line has ended: {line:?}")));
}

/// Pieces of what programs print.
fn pieces() -> impl Strategy<Value = Vec<String>> {
    let piece = prop_oneof![
        Just("\n".to_owned()),
        Just("\r\n".to_owned()),
        Just("\r".to_owned()),
        "[a-c äß€💡]{0,6}",
        Just("\x1b[K".to_owned())
    ];
    prop::collection::vec(piece, 0..20)
}

/// Cuts `bytes` at `cuts`, which are taken modulo what is left.
fn chunks<'a>(mut bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut chunks = Vec::new();
    for cut in cuts {
        let (chunk, rest) = bytes.split_at(cut % (bytes.len() + 1));
        chunks.push(chunk);
        bytes = rest;
    }
    chunks.push(bytes);
    chunks
}

proptest! {
    #[test]
    fn lines_are_those_of_a_terminal(pieces in pieces(), cuts in prop::collection::vec(any::<usize>(), 0..8)) {
        let text = pieces.concat();
        let lines = split(1 << 20, &chunks(text.as_bytes(), &cuts));
        let mut expected: Vec<&str> = text.split('\n').collect();
        if expected.last() == Some(&"") {
            expected.pop();
        }
        prop_assert_eq!(lines.len(), expected.len());
        for ((line, is_continued), expected) in lines.iter().zip(expected) {
            prop_assert!(!is_continued);
            // Blanks at the end that cover nothing may stay.
            let shown = terminal(expected);
            prop_assert_eq!(line.trim_end_matches(' '), shown.trim_end_matches(' '));
            if !expected.trim_end_matches('\r').contains('\r') {
                prop_assert_eq!(line.as_str(), expected.trim_end_matches('\r'));
            }
        }
    }

    #[test]
    fn however_the_bytes_come_the_lines_are_the_same(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(b'\r'), Just(b'a')], 0..200),
        cuts in prop::collection::vec(any::<usize>(), 0..8),
        limit in 16_usize..40,
    ) {
        let lines = split(limit, &chunks(&bytes, &cuts));
        prop_assert_eq!(&lines, &split(limit, &[&bytes]));
        prop_assert!(lines.iter().all(|(line, _)| !line.contains('\n') && !line.contains('\r')));
    }

    #[test]
    fn nothing_is_lost_of_lines_that_are_too_long(
        texts in prop::collection::vec("[a-zä€💡]{1,70}", 1..5),
        cuts in prop::collection::vec(any::<usize>(), 0..8),
        limit in 16_usize..40,
    ) {
        let printed = texts.join("\n");
        let mut joined: Vec<String> = Vec::new();
        for (line, is_continued) in split(limit, &chunks(printed.as_bytes(), &cuts)) {
            prop_assert!(line.len() <= limit);
            match joined.last_mut() {
                Some(last) if is_continued => last.push_str(&line),
                _ => joined.push(line),
            }
        }
        prop_assert_eq!(joined, texts);
    }
}
