//! Reads [`Directives`] from a text such as `info,hyper=warn`.
//!
//! The syntax is that of `tracing_subscriber::filter::Targets`. A text that `Targets` accepts but reads in a way that nobody
//! means is an error here. An environment variable may be written for an `EnvFilter`: [`parse_known`] takes from it what is known here.
//! So a list is split as an `EnvFilter` means it: a comma between the fields of a directive, as in `app[{user,error}]=debug`, ends none.

use tracing::level_filters::LevelFilter;

use super::directives::Directives;
use crate::error::{Error, ErrorKind};

/// Reads a list of directives, which may end in a comma.
pub(super) fn parse(text: &str) -> Result<Directives, Error> {
    let list = text.trim();
    let list = list.strip_suffix(',').unwrap_or(list);
    if list.trim().is_empty() {
        return Err(Error::new(
            ErrorKind::Parse,
            format!("the verbosity is empty; {EXPECTED}, as in `info,hyper=warn`"),
        ));
    }
    let mut directives = Vec::new();
    for (index, directive) in split(list).0.into_iter().enumerate() {
        directives.push(parse_directive(directive).map_err(|problem| {
            Error::new(
                ErrorKind::Parse,
                format!("in the verbosity {text:?}, {}", problem_with(index, directive, &problem)),
            )
        })?);
    }
    Ok(Directives::from_list(directives))
}

/// Reads those directives of a list that are directives here, and says for each of the others what is wrong with it. `None` if none is one.
///
/// If a directive that is none may have been meant as the level of all targets (`inof`), they get INFO: without a plain level in the list,
/// all targets that it does not name would be off.
pub(super) fn parse_known(text: &str) -> (Option<Directives>, Vec<String>) {
    let (mut known, mut problems) = (Vec::new(), Vec::new());
    // A level of all targets may stand in what nothing closes.
    let (directives, mut plain_is_wrong) = split(text);
    for (index, directive) in directives.into_iter().enumerate().filter(|(_, directive)| !directive.is_empty()) {
        match parse_directive(directive) {
            Ok(directive) => known.push(directive),
            Err(problem) => {
                problems.push(problem_with(index, directive, &problem));
                plain_is_wrong |= directive.starts_with(['=', '"']) || !directive.contains(['=', '[', ']', '{', '}']);
            }
        }
    }
    if known.is_empty() {
        return (None, problems);
    }
    if plain_is_wrong && known.iter().all(|(target, _)| target.is_some()) {
        known.push((None, LevelFilter::INFO));
    }
    (Some(Directives::from_list(known)), problems)
}

/// Checks that a directive can name `target`, which has no spaces around it, or that `target` is empty.
pub(super) fn check_target(target: &str) -> Result<(), String> {
    if target.is_empty() {
        return Ok(());
    }
    let directive = format!("{target}=trace");
    match parse_directive(&directive)? {
        (Some(read), LevelFilter::TRACE) if read == target && split(&directive).0.len() == 1 => Ok(()),
        _ => Err("it would be read as several directives; give one target".to_owned()),
    }
}

/// Splits a list at its commas, except for those inside `[]`, `{}` or double quotes. What nothing closes ends with the list; the second value
/// says whether there is such a directive.
fn split(list: &str) -> (Vec<&str>, bool) {
    let (mut depth, mut is_quoted, mut is_escaped) = (0_usize, false, false);
    let is_end = |next: char| {
        match next {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = is_quoted,
            '"' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            ',' => return depth == 0,
            _ => {}
        }
        false
    };
    let directives = list.split(is_end).map(str::trim).collect();
    (directives, is_quoted || depth > 0)
}

/// Reads one directive: its target, if it names one, and its level.
fn parse_directive(directive: &str) -> Result<(Option<&str>, LevelFilter), String> {
    if directive.is_empty() {
        return Err("nothing stands there; remove the comma, or give a directive such as `hyper=warn`".to_owned());
    }
    if directive.contains(['[', ']', '{', '}']) {
        return Err("spans and fields cannot be named, only targets, as in `hyper=warn`".to_owned());
    }
    let Some((target, level)) = directive.split_once('=') else {
        return match directive.parse() {
            Ok(level) => Ok((None, level)),
            Err(_) if directive.bytes().all(|byte| byte.is_ascii_digit()) => Err(not_a_level(directive)),
            Err(_) => check_lone_target(directive).map(|()| (Some(directive), LevelFilter::TRACE)),
        };
    };
    let (target, level) = (target.trim_end(), level.trim_start());
    if target.is_empty() {
        return Err("no target stands before the `=`; for all targets, give the level alone, as in `info`".to_owned());
    }
    if target.contains(';') {
        return Err("a `;` separates nothing; separate directives with commas".to_owned());
    }
    if target.contains('"') {
        return Err("a target has no `\"`; remove the quotes".to_owned());
    }
    if level.contains('=') {
        return Err("there is more than one `=`; separate directives with commas".to_owned());
    }
    // The parser of `LevelFilter` reads the empty text as ERROR.
    match level.parse() {
        Ok(level_filter) if !level.is_empty() => Ok((Some(target), level_filter)),
        _ => Err(not_a_level(level)),
    }
}

/// Checks a target without a level. A text that looks like a misspelt level or list is an error: read as a target, it would
/// turn off every target that it does not name.
fn check_lone_target(text: &str) -> Result<(), String> {
    let unusual = |c: char| c.is_whitespace() || matches!(c, ';' | '/' | '*' | '|' | '"' | '\'');
    if text.contains(unusual) || text.starts_with('-') || text.replace("::", "").contains(':') {
        return Err(format!(
            "{text:?} is neither a level nor a target; {EXPECTED}, or a target and its level, as in `hyper=warn`"
        ));
    }
    match suggested_level(&text.to_ascii_lowercase()) {
        Some(level) => Err(format!(
            "{text:?} is not a level; did you mean `{level}`? (For a target that is called so, give its level: {:?})",
            format!("{text}=trace")
        )),
        None => Ok(()),
    }
}

/// The level that `word` is a synonym or a misspelling of.
fn suggested_level(word: &str) -> Option<&'static str> {
    match word {
        "err" | "errors" | "fatal" | "critical" => return Some("error"),
        "warning" | "warnings" => return Some("warn"),
        "information" | "notice" | "normal" | "default" => return Some("info"),
        "verbose" => return Some("debug"),
        "all" | "max" | "everything" => return Some("trace"),
        "quiet" | "silent" | "none" | "no" | "false" | "disabled" => return Some("off"),
        _ => {}
    }
    ["error", "warn", "info", "debug", "trace"].into_iter().find(|level| is_one_typo_from(word, level))
}

/// True if one character of `intended` was left out, added, replaced, or swapped with its neighbour.
fn is_one_typo_from(word: &str, intended: &str) -> bool {
    let (word, intended) = (word.as_bytes(), intended.as_bytes());
    let same = word.iter().zip(intended).take_while(|(a, b)| a == b).count();
    let (word, intended) = (&word[same..], &intended[same..]);
    match (word, intended) {
        ([a, b, rest @ ..], [c, d, others @ ..]) if a == d && b == c && rest == others => true,
        ([_, rest @ ..], [_, others @ ..]) if rest == others => true,
        ([_, rest @ ..], others) if rest == others => true,
        (rest, [_, others @ ..]) if rest == others => true,
        _ => false,
    }
}

/// The part of an error's text that lists the levels.
const EXPECTED: &str = "give a level: off, error, warn, info, debug or trace, or a number from 0 (off) to 5 (trace)";

fn not_a_level(text: &str) -> String {
    format!("{text:?} is not a level; {EXPECTED}")
}

/// Names the directive at `index` of a list, and what is wrong with it.
#[cold]
fn problem_with(index: usize, directive: &str, problem: &str) -> String {
    format!("directive {} ({directive:?}): {problem}", index + 1)
}

#[cfg(test)]
mod tests;
