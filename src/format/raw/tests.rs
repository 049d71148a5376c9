//! What another program has printed, as a raw line.

use tracing::info;

use super::*;
use crate::format::test_support::Fixture;
use crate::format::{Color, Format};

fn line(format: Format, message: &str) -> String {
    Fixture::new().line(format, || info!(hidden = 1, "{message}"))
}

#[test]
fn the_message_stands_alone_and_its_tabs_pass() {
    assert_eq!(line(Format::raw(), "error:\tC:\\a"), "error:\tC:\\a\n");
    assert_eq!(line(Format::raw(), "a\r\nb\u{202e}"), "a\\r\\nb\\u{202e}\n");
    assert_eq!(line(Format::raw().multiline(true), "a\nb"), "a\nb\n");
    assert_eq!(line(Format::raw(), ""), "\n");
}

#[test]
fn colours_are_kept_removed_or_escaped() {
    let red = "\x1b[1;31merror\x1b[0m: \x1b[33mno";
    let kept = format!("{red}\x1b[0m\n");
    assert_eq!(line(Format::raw().color(Color::Always), red), kept);
    assert_eq!(line(Format::raw(), red), "error: no\n", "as in a file");
    assert_eq!(line(Format::raw().ansi(Ansi::Keep), red), kept);
    assert_eq!(line(Format::raw().ansi(Ansi::Strip).color(Color::Always), red), "error: no\n");
    assert_eq!(line(Format::raw().ansi(Ansi::Escape), "\x1b[31mno"), "\\x1b[31mno\n");
}

#[test]
fn colours_that_the_message_has_ended_are_not_ended_again() {
    for ended in ["\x1b[31mno\x1b[0m", "\x1b[31mno\x1b[m", "\x1b[31mno\x1b[0;00m!", "\x1b[0mno", "\x1b[m"] {
        assert_eq!(line(Format::raw().ansi(Ansi::Keep), ended), format!("{ended}\n"), "{ended:?}");
    }
    for open in ["\x1b[0m\x1b[31mno", "\x1b[0;31mno", "\x1b[38;5;0mno", "\x1b[10mno", "\x1b[0m\x1b[1m"] {
        assert_eq!(line(Format::raw().ansi(Ansi::Keep), open), format!("{open}\x1b[0m\n"), "{open:?}");
    }
}

#[test]
fn other_sequences_are_never_kept() {
    for sequence in ["\x1b[2J", "\x1b[10;20H", "\x1b]0;title\x07", "\x1b]8;;http://a\x1b\\", "\x1bc", "\x1b[?25l"] {
        for ansi in [Ansi::Keep, Ansi::Strip] {
            assert_eq!(line(Format::raw().ansi(ansi), &format!("a{sequence}b")), "ab\n", "{sequence:?}");
        }
    }
}

#[test]
fn what_is_no_sequence_is_escaped() {
    let endless = format!("\x1b]{}", "x".repeat(100));
    for (text, expected) in
        [("a\x1b", "a\\x1b"), ("a\x1b[31", "a\\x1b[31"), ("\x1b[3\x1b[31mb", "\\x1b[3b"), ("\x1b\u{e9}", "\\x1b\u{e9}")]
    {
        assert_eq!(line(Format::raw(), text), format!("{expected}\n"), "{text:?}");
    }
    assert!(line(Format::raw(), &endless).starts_with("\\x1b]xxx"));
}

#[test]
fn a_sequence_may_come_in_pieces() {
    struct Pieces(&'static [&'static str]);
    impl std::fmt::Display for Pieces {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.iter().try_for_each(|piece| f.write_str(piece))
        }
    }
    let pieces = Pieces(&["a\x1b", "[3", "1mb", "\x1b[", "0m"]);
    let log = || info!("{pieces}");
    assert_eq!(Fixture::new().line(Format::raw().ansi(Ansi::Strip), log), "ab\n");
    assert_eq!(Fixture::new().line(Format::raw().ansi(Ansi::Keep), log), "a\x1b[31mb\x1b[0m\n");
}
