//! Decides whether lines are coloured. How colours are written stands in `ansi`.

use std::ffi::OsString;

/// Says whether lines are coloured. JSON and logfmt never are.
///
/// ```
/// use logscope::{Color, Format};
///
/// let plain = Format::text().color(Color::Never);
/// assert_ne!(plain, Format::text().color(Color::Always));
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Color {
    /// Coloured on a terminal, unless the environment says otherwise. `NO_COLOR`, if it is not empty, turns colour off. Otherwise
    /// `CLICOLOR_FORCE`, if it is neither empty nor `0`, turns colour on for stdout and stderr, terminals or not. Otherwise `CLICOLOR=0` and
    /// `TERM=dumb` turn it off.
    ///
    /// What stdout and stderr are is looked up when a sink is made, or gets a format. An output of the program's own says whether it is a
    /// terminal: see [`terminal_writer`](crate::sink::terminal_writer) and [`Output::is_terminal`](crate::sink::Output::is_terminal). Files
    /// and other outputs are not coloured, whatever the environment says.
    #[default]
    Auto,
    /// Always coloured, whatever the stream and the environment are.
    Always,
    /// Never coloured.
    Never,
}

/// What lines are shown on, which [`Color::Auto`] depends on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Screen {
    /// A terminal: a person watches.
    Terminal,
    /// stdout or stderr, connected to another program, which may show the lines to a person.
    Piped,
    /// A file.
    File,
    /// A buffer, or an output of the program's own.
    None,
}

impl Color {
    /// Decides for one screen; `variable` reads the environment.
    pub(super) fn decide(self, screen: Screen, variable: impl Fn(&str) -> Option<OsString>) -> bool {
        match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto if variable("NO_COLOR").is_some_and(|value| !value.is_empty()) => false,
            Color::Auto if matches!(screen, Screen::File | Screen::None) => false,
            Color::Auto if variable("CLICOLOR_FORCE").is_some_and(|value| !value.is_empty() && value != "0") => true,
            Color::Auto => {
                let is_off = |name, off| variable(name).is_some_and(|value| value == off);
                screen == Screen::Terminal && !is_off("CLICOLOR", "0") && !is_off("TERM", "dumb")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decides for `Auto` with these variables: for a file, a stream that is no terminal, and a terminal.
    fn auto(variables: &[(&str, &str)]) -> [bool; 3] {
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        [Screen::File, Screen::Piped, Screen::Terminal].map(|screen| Color::Auto.decide(screen, variable))
    }

    #[test]
    fn colour_follows_the_environment_then_the_terminal() {
        let on_a_terminal = [false, false, true];
        assert_eq!(auto(&[]), on_a_terminal);
        assert_eq!(auto(&[("NO_COLOR", "")]), on_a_terminal);
        assert_eq!(auto(&[("NO_COLOR", "1")]), [false; 3]);
        assert_eq!(auto(&[("NO_COLOR", "0")]), [false; 3]);
        assert_eq!(auto(&[("CLICOLOR_FORCE", "1")]), [false, true, true]);
        assert_eq!(auto(&[("CLICOLOR_FORCE", "0")]), on_a_terminal);
        assert_eq!(auto(&[("CLICOLOR_FORCE", "")]), on_a_terminal);
        assert_eq!(auto(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]), [false; 3]);
        for (name, off, on) in [("CLICOLOR", "0", "1"), ("TERM", "dumb", "xterm")] {
            assert_eq!(auto(&[(name, off)]), [false; 3]);
            assert_eq!(auto(&[(name, on)]), on_a_terminal);
            assert_eq!(auto(&[(name, off), ("CLICOLOR_FORCE", "1")]), [false, true, true]);
            assert_eq!(auto(&[(name, off), ("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]), [false; 3]);
        }
    }

    #[test]
    fn always_and_never_ignore_the_environment() {
        let all = |_: &str| Some(OsString::from("1"));
        assert!(Color::Always.decide(Screen::None, all));
        assert!(!Color::Never.decide(Screen::Terminal, all));
    }
}
