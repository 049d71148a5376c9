//! Words of records, errors and the log.

use std::fmt;
use std::time::Duration;

/// The longest name of a program or host in a record, in bytes.
pub(super) const NAME_BYTES: usize = 256;

/// The longest purpose in a record, in bytes.
pub(super) const PURPOSE_BYTES: usize = 1024;

/// Returns `text` on one line, without characters that control how it is shown, and cut to so many bytes.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    let mut line: String = text.chars().map(|c| if controls(c) { ' ' } else { c }).collect();
    let end = (0..=most.min(line.len())).rev().find(|end| line.is_char_boundary(*end));
    line.truncate(end.unwrap_or_default());
    line
}

/// True for control characters, the separators of lines and paragraphs, and what turns the direction of the text around.
fn controls(c: char) -> bool {
    let turns = ['\u{61c}', '\u{200e}', '\u{200f}'].contains(&c)
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns
}

/// A duration, as people say it: rounded, so that what is left of 20 s after a moment is still 20 s.
#[derive(Clone, Copy)]
pub(crate) struct Shown(pub(crate) Duration);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let rounded = |unit: u128| (millis + unit / 2) / unit;
        let (tenths, seconds, minutes, hours) = (rounded(100), rounded(1_000), rounded(60_000), rounded(3_600_000));
        match seconds {
            _ if millis < 1_000 => write!(f, "{millis} ms"),
            _ if tenths < 100 && !tenths.is_multiple_of(10) => write!(f, "{}.{} s", tenths / 10, tenths % 10),
            0..120 => write!(f, "{seconds} s"),
            120..7_200 => write!(f, "{minutes} min"),
            7_200..172_800 => write!(f, "{hours} h"),
            _ => write!(f, "{} days", hours / 24),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_the_unit_that_people_use() {
        let shown = |millis| Shown(Duration::from_millis(millis)).to_string();
        assert_eq!([0, 999, 12_345, 119_499].map(shown), ["0 ms", "999 ms", "12 s", "119 s"]);
        assert_eq!([120_000, 7_140_000, 7_200_000].map(shown), ["2 min", "119 min", "2 h"]);
        // What is left of a time-out a moment later is that time-out.
        assert_eq!([1_500, 1_999, 9_960, 19_999].map(shown), ["1.5 s", "2 s", "10 s", "20 s"]);
        assert_eq!([119_999, 172_799_000, 30 * 86_400_000].map(shown), ["2 min", "48 h", "30 days"]);
    }

    #[test]
    fn a_text_on_one_line_is_cut_between_characters() {
        assert_eq!(one_line("a\nb\u{1b}[c", 100), "a b [c");
        assert_eq!(one_line("aää", 4), "aä");
        assert_eq!(one_line("a\u{2029}b\u{202e}c\u{2067}d\u{61c}e\u{200d}", 100), "a b c d e\u{200d}");
    }
}
