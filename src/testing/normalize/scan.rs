//! Finding times, ids and paths in texts.

use std::env;
use std::path::PathBuf;

use crate::sync::OnceLock;
use crate::testing::resources::shared_path;

/// Finds something at the start of a text: how many bytes it has, and what stands in its place.
type Rule = fn(&str) -> Option<(usize, &'static str)>;

/// The rules, which are tried one after the other at the start of each word.
const RULES: [Rule; 7] = [thread_id, address, uuid, time, duration, port, temporary];

/// Replaces all that the rules find in `text`.
pub(super) fn replace_all(text: &str) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    let mut is_start_of_word = true;
    while let Some(character) = rest.chars().next() {
        let found = if is_start_of_word { RULES.iter().find_map(|rule| rule(rest)) } else { None };
        if let Some((length, placeholder)) = found {
            replaced.push_str(placeholder);
            rest = &rest[length..];
            is_start_of_word = false;
        } else {
            replaced.push(character);
            rest = &rest[character.len_utf8()..];
            is_start_of_word = !is_of_word(character);
        }
    }
    replaced
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Returns the length of the longest start of `text` of such characters.
fn span(text: &str, is_wanted: impl Fn(char) -> bool) -> usize {
    text.find(|character| !is_wanted(character)).unwrap_or(text.len())
}

fn digits(text: &str) -> usize {
    span(text, |character| character.is_ascii_digit())
}

fn hex_digits(text: &str) -> usize {
    span(text, |character| character.is_ascii_hexdigit())
}

/// Returns true if a word ends before `rest`.
fn ends_word(rest: &str) -> bool {
    !rest.starts_with(is_of_word)
}

fn thread_id(text: &str) -> Option<(usize, &'static str)> {
    let rest = text.strip_prefix("ThreadId(")?;
    let number = digits(rest);
    (number > 0 && rest[number..].starts_with(')')).then_some((text.len() - rest.len() + number + 1, "ThreadId(_)"))
}

fn address(text: &str) -> Option<(usize, &'static str)> {
    let number = hex_digits(text.strip_prefix("0x")?);
    (number >= 6 && ends_word(&text[2 + number..])).then_some((2 + number, "<address>"))
}

fn uuid(text: &str) -> Option<(usize, &'static str)> {
    let mut rest = text;
    for (number, length) in [8, 4, 4, 4, 12].into_iter().enumerate() {
        if number > 0 {
            rest = rest.strip_prefix('-')?;
        }
        if hex_digits(rest) != length {
            return None;
        }
        rest = &rest[length..];
    }
    ends_word(rest).then_some((text.len() - rest.len(), "<uuid>"))
}

/// A date and a time, by RFC 3339, with a space in place of the `T` if need be, and with or without an offset.
fn time(text: &str) -> Option<(usize, &'static str)> {
    let mut rest = text;
    let pattern = [("", 4), ("-", 2), ("-", 2), ("T ", 2), (":", 2), (":", 2)];
    for (separators, length) in pattern {
        if !separators.is_empty() {
            rest = rest.strip_prefix(|character| separators.contains(character))?;
        }
        if digits(rest) != length {
            return None;
        }
        rest = &rest[length..];
    }
    if let Some(fraction) = rest.strip_prefix('.').filter(|fraction| digits(fraction) > 0) {
        rest = &fraction[digits(fraction)..];
    }
    if let Some(after) = rest.strip_prefix('Z') {
        rest = after;
    } else if let Some(offset) = rest.strip_prefix(['+', '-'])
        && digits(offset) == 2
        && offset[2..].strip_prefix(':').is_some_and(|minutes| digits(minutes) == 2)
    {
        rest = &offset[5..];
    }
    Some((text.len() - rest.len(), "<time>"))
}

/// A number with a unit, as `1.5ms` or `12 s`, or several, as `2m 3s`. `2m` alone may be anything.
fn duration(text: &str) -> Option<(usize, &'static str)> {
    let (mut rest, mut parts) = (text, 0);
    let end = loop {
        let next = if parts == 0 { rest } else { rest.strip_prefix(' ').unwrap_or(rest) };
        let (after, is_short) = match (short_duration(next, parts == 0), long_unit(next)) {
            (Some(after), _) => (after, true),
            (None, Some(after)) => (after, false),
            (None, None) => break rest,
        };
        (rest, parts) = (after, parts + 1);
        if is_short {
            break rest;
        }
    };
    let is_one_long = parts == 1 && long_unit(text).is_some();
    (parts > 0 && !is_one_long && ends_word(end)).then_some((text.len() - end.len(), "<duration>"))
}

/// Returns what comes after a number with a unit of a second or less.
fn short_duration(text: &str, may_have_space: bool) -> Option<&str> {
    let whole = digits(text);
    let mut rest = &text[whole..];
    if let Some(fraction) = rest.strip_prefix('.') {
        rest = &fraction[digits(fraction)..];
    }
    if may_have_space {
        rest = rest.strip_prefix(' ').unwrap_or(rest);
    }
    let rest = ["ns", "µs", "μs", "us", "ms", "s"].into_iter().find_map(|unit| rest.strip_prefix(unit))?;
    (whole > 0 && ends_word(rest)).then_some(rest)
}

/// Returns what comes after a number of days, hours or minutes.
fn long_unit(text: &str) -> Option<&str> {
    let whole = digits(text);
    let rest = text[whole..].strip_prefix(['d', 'h', 'm'])?;
    (whole > 0 && (ends_word(rest) || digits(rest) > 0)).then_some(rest)
}

fn port(text: &str) -> Option<(usize, &'static str)> {
    let hosts = [
        ("127.0.0.1:", "127.0.0.1:<port>"),
        ("0.0.0.0:", "0.0.0.0:<port>"),
        ("localhost:", "localhost:<port>"),
        ("[::1]:", "[::1]:<port>"),
        ("[::]:", "[::]:<port>"),
    ];
    hosts.into_iter().find_map(|(host, placeholder)| {
        let rest = text.strip_prefix(host)?;
        let number = digits(rest);
        (number > 0).then_some((host.len() + number, placeholder))
    })
}

/// A folder or file of the crate `tempfile`: `.tmp` and six letters or digits.
fn temporary(text: &str) -> Option<(usize, &'static str)> {
    let name = span(text.strip_prefix(".tmp")?, |character| character.is_ascii_alphanumeric());
    (name == 6).then_some((4 + 6, "<dir>"))
}

/// A folder that differs from machine to machine.
struct Known {
    folder: String,
    placeholder: &'static str,
    /// What it stands for is one of the folders in there, whose name is different each time.
    has_name: bool,
}

/// Replaces the folders that differ from machine to machine.
pub(super) fn replace_folders(text: String) -> String {
    static FOLDERS: OnceLock<Vec<Known>> = OnceLock::new();
    let folders = FOLDERS.get_or_init(|| {
        let home = env::var_os("HOME").or_else(|| env::var_os("USERPROFILE")).map(PathBuf::from);
        let shared = shared_path();
        let known = [
            (Some(shared.join("scratch")), "<scratch>", true),
            (Some(shared.join("workers")), "<worker>", true),
            (env::current_dir().ok(), "<cwd>", false),
            (Some(env::temp_dir()), "<tmp>", false),
            (home, "<home>", false),
        ];
        let mut folders: Vec<Known> = known
            .into_iter()
            .filter_map(|(folder, placeholder, has_name)| {
                let folder = folder?.to_str()?.trim_end_matches(['/', '\\']).to_owned();
                // `/` and the like stand in every path.
                (folder.len() > 2).then_some(Known { folder, placeholder, has_name })
            })
            .collect();
        // The longest first: one may stand in another.
        folders.sort_by_key(|known| std::cmp::Reverse(known.folder.len()));
        folders
    });
    folders.iter().fold(text, |text, known| known.replace(text))
}

impl Known {
    /// Replaces the folder in `text` where it is a whole path or the start of one.
    fn replace(&self, text: String) -> String {
        let folder = self.folder.as_str();
        if !text.contains(folder) {
            return text;
        }
        let mut replaced = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(at) = rest.find(folder) {
            let (before, after) = (&rest[..at], &rest[at + folder.len()..]);
            let is_start = !before.ends_with(|character| is_of_word(character) || "/\\.-".contains(character));
            replaced.push_str(before);
            if let Some(after) = self.end_in(after).filter(|_| is_start) {
                let path =
                    span(after, |character| !character.is_whitespace() && !"\"'`,;:()[]{}<>".contains(character));
                replaced.push_str(self.placeholder);
                replaced.push_str(&after[..path].replace('\\', "/"));
                rest = &after[path..];
            } else {
                replaced.push_str(folder);
                rest = after;
            }
        }
        replaced + rest
    }

    /// Returns what comes after the folder, if it ends there.
    fn end_in<'t>(&self, after: &'t str) -> Option<&'t str> {
        if self.has_name {
            let name = after.strip_prefix(['/', '\\'])?;
            let length = span(name, |character| is_of_word(character) || "%.~-".contains(character));
            return (length > 0).then_some(&name[length..]);
        }
        (!after.starts_with(|character| is_of_word(character) || ".-".contains(character))).then_some(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_run_to_run_is_replaced_and_nothing_else() {
        for (text, expected) in [
            ("in ThreadId(12)", "in ThreadId(_)"),
            ("ThreadId() ThreadId(x)", "ThreadId() ThreadId(x)"),
            ("at 0x7ffe1234.", "at <address>."),
            ("0xff and 0x7ffe1234g", "0xff and 0x7ffe1234g"),
            ("id=67e55044-10b1-426f-9247-bb680e5fe0c8!", "id=<uuid>!"),
            ("67e55044-10b1-426f-9247-bb680e5fe0c", "67e55044-10b1-426f-9247-bb680e5fe0c"),
            ("2026-05-01T12:00:00.25Z, 2026-05-01 12:00:00+02:00", "<time>, <time>"),
            ("2026-05-01", "2026-05-01"),
            ("12ms, 1.5s and 3.25µs", "<duration>, <duration> and <duration>"),
            ("12 ms, 1.5 s, 5sec, v1.5, s", "<duration>, <duration>, 5sec, v1.5, s"),
            ("2m 3s, 1h 2m, 1d2h3m4.5s; 2m, 3h", "<duration>, <duration>, <duration>; 2m, 3h"),
            ("1m 2 files, 3 m 4s, 12 msgs", "1m 2 files, 3 m <duration>, 12 msgs"),
            ("http://127.0.0.1:8080/x [::1]:1 0.0.0.0:2", "http://127.0.0.1:<port>/x [::1]:<port> 0.0.0.0:<port>"),
            ("é0x7ffe1234 ünï", "é0x7ffe1234 ünï"),
            ("x/.tmpAbC123/y .tmp12", "x/<dir>/y .tmp12"),
        ] {
            assert_eq!(replace_all(text), expected, "{text}");
        }
    }

    #[test]
    fn a_folder_is_replaced_where_a_path_begins() {
        let known = |folder: &str, placeholder, has_name| Known { folder: folder.to_owned(), placeholder, has_name };
        let replaced = |text: &str| known("/home/uno", "<home>", false).replace(text.to_owned());
        assert_eq!(replaced("open /home/uno/a.log: no"), "open <home>/a.log: no");
        assert_eq!(replaced("/home/unox /x/home/uno"), "/home/unox /x/home/uno");
        assert_eq!(known(r"C:\tmp", "<tmp>", false).replace(r"C:\tmp\a\b, C:\x".into()), r"<tmp>/a/b, C:\x");
        let scratch = known("/tmp/x/scratch", "<scratch>", true);
        let text = "in /tmp/x/scratch/a%3a.test.12ab/b: /tmp/x/scratch, /tmp/x/scratch/";
        assert_eq!(scratch.replace(text.into()), "in <scratch>/b: /tmp/x/scratch, /tmp/x/scratch/");
    }
}
