//! A format with the answer to whether its lines are coloured, and the way from there to the layouts.

use super::color::{Color, Screen};
use super::options::{Format, Layout};
use super::{build, json, logfmt, text};
use crate::record::Record;

/// A format for one screen. Equal renderers render equal lines.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Renderer {
    format: Format,
    colored: bool,
}

impl Renderer {
    /// Creates the renderer of `format` for `screen`. Reads the environment.
    pub(crate) fn new(format: &Format, screen: Screen) -> Self {
        let can_be_colored = matches!(format.layout, Layout::Build | Layout::Text);
        let colored = can_be_colored && format.color.decide(screen, |name| std::env::var_os(name));
        // `colored` has the answer. Without the question, formats that differ in nothing else share their renderings.
        Renderer { format: format.clone().color(Color::Auto), colored }
    }

    /// Appends `record` as one whole line, with its `\n`.
    pub(crate) fn render(&self, record: &Record<'_>, out: &mut Vec<u8>) {
        let format = &self.format;
        match format.layout {
            Layout::Build => build::render(format, self.colored, record, out),
            Layout::Text => text::render(format, self.colored, record, out),
            Layout::Json => json::render(format, record, out),
            Layout::Logfmt => logfmt::render(format, record, out),
        }
    }

    /// Returns the format.
    pub(crate) fn format(&self) -> &Format {
        &self.format
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machine_formats_have_no_colour() {
        for format in [Format::json(), Format::logfmt()] {
            assert!(!Renderer::new(&format.color(Color::Always), Screen::Terminal).colored);
        }
        assert!(Renderer::new(&Format::text().color(Color::Always), Screen::None).colored);
    }

    #[test]
    fn equal_lines_make_equal_renderers() {
        let never = Renderer::new(&Format::text().color(Color::Never), Screen::Terminal);
        assert_eq!(never, Renderer::new(&Format::text().color(Color::Never), Screen::None));
        assert_ne!(never, Renderer::new(&Format::text().color(Color::Always), Screen::None));
    }
}
