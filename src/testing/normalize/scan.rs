//! Finding times, ids and paths in texts.

use std::env;
use std::path::PathBuf;

use crate::sync::OnceLock;

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

fn duration(text: &str) -> Option<(usize, &'static str)> {
    let whole = digits(text);
    let mut rest = &text[whole..];
    if let Some(fraction) = rest.strip_prefix('.') {
        rest = &fraction[digits(fraction)..];
    }
    let unit = ["ns", "µs", "μs", "us", "ms", "s"].into_iter().find_map(|unit| rest.strip_prefix(unit))?;
    (whole > 0 && ends_word(unit)).then_some((text.len() - unit.len(), "<duration>"))
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

/// Replaces the folders that differ from machine to machine.
pub(super) fn replace_folders(text: String) -> String {
    static FOLDERS: OnceLock<Vec<(String, &'static str)>> = OnceLock::new();
    let folders = FOLDERS.get_or_init(|| {
        let home = env::var_os("HOME").or_else(|| env::var_os("USERPROFILE")).map(PathBuf::from);
        let known = [(env::current_dir().ok(), "<cwd>"), (Some(env::temp_dir()), "<tmp>"), (home, "<home>")];
        let mut folders: Vec<(String, &'static str)> = known
            .into_iter()
            .filter_map(|(folder, placeholder)| {
                let folder = folder?.to_str()?.trim_end_matches(['/', '\\']).to_owned();
                // `/` and the like stand in every path.
                (folder.len() > 2).then_some((folder, placeholder))
            })
            .collect();
        // The longest first: one may stand in another.
        folders.sort_by_key(|(folder, _)| std::cmp::Reverse(folder.len()));
        folders
    });
    folders.iter().fold(text, |text, (folder, placeholder)| replace_folder(text, folder, placeholder))
}

/// Replaces `folder` in `text` where it is a whole path or the start of one.
fn replace_folder(text: String, folder: &str, placeholder: &str) -> String {
    if !text.contains(folder) {
        return text;
    }
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find(folder) {
        let (before, after) = (&rest[..at], &rest[at + folder.len()..]);
        let is_start = !before.ends_with(|character| is_of_word(character) || "/\\.-".contains(character));
        let is_end = !after.starts_with(|character| is_of_word(character) || ".-".contains(character));
        replaced.push_str(before);
        if is_start && is_end {
            let path = span(after, |character| !character.is_whitespace() && !"\"'`,;:()[]{}<>".contains(character));
            replaced.push_str(placeholder);
            replaced.push_str(&after[..path].replace('\\', "/"));
            rest = &after[path..];
        } else {
            replaced.push_str(folder);
            rest = after;
        }
    }
    replaced + rest
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
            ("12 ms, 5sec, v1.5, s", "12 ms, 5sec, v1.5, s"),
            ("http://127.0.0.1:8080/x [::1]:1", "http://127.0.0.1:<port>/x [::1]:<port>"),
            ("é0x7ffe1234 ünï", "é0x7ffe1234 ünï"),
            ("x/.tmpAbC123/y .tmp12", "x/<dir>/y .tmp12"),
        ] {
            assert_eq!(replace_all(text), expected, "{text}");
        }
    }

    #[test]
    fn a_folder_is_replaced_where_a_path_begins() {
        let replaced = |text: &str| replace_folder(text.to_owned(), "/home/uno", "<home>");
        assert_eq!(replaced("open /home/uno/a.log: no"), "open <home>/a.log: no");
        assert_eq!(replaced("/home/unox /x/home/uno"), "/home/unox /x/home/uno");
        assert_eq!(replace_folder(r"C:\tmp\a\b, C:\x".into(), r"C:\tmp", "<tmp>"), r"<tmp>/a/b, C:\x");
    }
}
