//! The colours of what this program itself prints. The lines of the builds are coloured by their format.

use std::fmt;
use std::io::{self, IsTerminal as _};

/// The colours of the terminal; none if stdout is no terminal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    on: bool,
}

/// The parameters of a terminal's colour.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Color(&'static str);

impl Color {
    pub(crate) const BOLD: Color = Color("1");
    pub(crate) const DIM: Color = Color("2");
    pub(crate) const RED: Color = Color("31");
    pub(crate) const GREEN: Color = Color("32");
    pub(crate) const YELLOW: Color = Color("33");
}

impl Paint {
    /// Looks at stdout and the environment, as a format with `Color::Auto` does.
    pub(crate) fn of_stdout() -> Paint {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let forced = std::env::var_os("CLICOLOR_FORCE").is_some_and(|value| !value.is_empty() && value != "0");
        Paint { on: !set("NO_COLOR") && (forced || io::stdout().is_terminal()) }
    }

    pub(crate) fn with(self, color: Color, text: impl fmt::Display) -> String {
        if self.on { format!("\x1b[{}m{text}\x1b[0m", color.0) } else { text.to_string() }
    }

    pub(crate) fn dim(self, text: impl fmt::Display) -> String {
        self.with(Color::DIM, text)
    }
}
