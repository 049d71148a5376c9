//! A format for one output, with what depends on the output decided, and the way from there to the layouts.

use std::time::Duration;

use super::build::Build;
use super::choice::{Custom, Format, Kind};
use super::color::{Color, Screen};
use super::json::{self, Json};
use super::layout::{FieldLook, Layout, Looks, contain};
use super::logfmt::{self, Logfmt};
use super::options::Options;
use super::pretty::Pretty;
use super::raw::Raw;
use super::text::{self, Text};
use super::times::Time;
use crate::clock::Origin;
use crate::line_buffer::LineBuffer;
use crate::record::{Record, Style};

/// A format for one screen. Equal renderers render equal lines.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Renderer {
    format: Format,
    colored: bool,
    /// True if a line has the parts that lines of its layout have by default, and nobody else's code writes the times: for these the layout is
    /// compiled once more.
    usual: bool,
    /// From where elapsed times count, if not from the origin of the record's context.
    origin: Option<Origin>,
}

impl Renderer {
    /// Creates the renderer of `format` for `screen`. Reads the environment.
    pub(crate) fn new(format: &Format, screen: Screen) -> Self {
        let can_be_colored = !matches!(format.layout, Kind::Json | Kind::Logfmt);
        let colored = can_be_colored && format.options.color.decide(screen, |name| std::env::var_os(name));
        // `colored` has the answer. Without the question, formats that differ in nothing else share their renderings. So with the time.
        let mut format = format.clone().color(Color::Auto);
        let auto = match format.layout {
            Kind::Json | Kind::Logfmt => Some(Time::Both),
            Kind::Build | Kind::Raw => Some(Time::Elapsed),
            Kind::Text | Kind::Pretty | Kind::Custom(_) => None,
        };
        format.options.times.decide(auto, screen);
        let default = match format.layout {
            Kind::Text => Some(Options::TEXT),
            Kind::Json | Kind::Logfmt => Some(Options::RECORD),
            Kind::Build | Kind::Pretty | Kind::Raw | Kind::Custom(_) => None,
        };
        let has = |default: Options| format.options == default.with_times_of(&format.options);
        let usual = !colored && format.timer.is_none() && default.is_some_and(has);
        Renderer { format, colored, usual, origin: None }
    }

    /// Returns the same renderer with another origin; with that of each record's context, if it is `None`.
    pub(crate) fn with_origin(self, origin: Option<Origin>) -> Self {
        Renderer { origin, ..self }
    }

    /// Returns the origin, if it is not that of each record's context.
    pub(crate) fn origin(&self) -> Option<Origin> {
        self.origin
    }

    /// Returns the elapsed time of `record` by the origin of this renderer.
    #[inline]
    pub(crate) fn elapsed(&self, record: &Record<'_>) -> Duration {
        self.origin.as_ref().map_or(record.elapsed, |origin| record.elapsed_from(origin))
    }

    /// Returns true if its lines are coloured.
    #[cfg(feature = "file")]
    pub(super) fn is_colored(&self) -> bool {
        self.colored
    }

    /// Calls `f` with `record`, whose elapsed time counts from the origin of this renderer.
    #[inline]
    pub(crate) fn with_origin_of<R>(&self, record: &Record<'_>, f: impl FnOnce(&Record<'_>) -> R) -> R {
        match &self.origin {
            Some(origin) => f(&record.counted_from(origin)),
            None => f(record),
        }
    }

    /// Appends `record` as one whole line, with its `\n`.
    pub(crate) fn render(&self, record: &Record<'_>, out: &mut LineBuffer) {
        let counted;
        let record = match &self.origin {
            None => record,
            Some(origin) => {
                counted = record.counted_from(origin);
                &counted
            }
        };
        match &self.format.layout {
            Kind::Custom(custom) => self.render_custom(custom, record, out),
            _ => self.render_ours(record, out),
        }
        out.push(b'\n');
    }

    #[inline(never)]
    fn render_custom(&self, Custom { layout, styles, fields }: &Custom, record: &Record<'_>, out: &mut LineBuffer) {
        let start = out.len();
        contain(&mut self.looks(&**layout, *styles, Some(&**fields)).writer(out), |line| layout.render(record, line));
        // The layout may have ended the line, too.
        let ends = out[start..].iter().rev().take_while(|byte| **byte == b'\n').count();
        out.truncate(out.len() - ends);
    }

    /// Appends the line that a layout of this crate makes, without its end.
    #[inline]
    fn render_ours(&self, record: &Record<'_>, out: &mut LineBuffer) {
        const TEXT: [Style; 2] = [Style::TEXT, Style::TEXT_COLORED];
        match &self.format.layout {
            Kind::Build => self.render_by(&Build, TEXT, record, out),
            Kind::Text if self.usual => text::push_usual_line(record, &mut self.looks(&Text, TEXT, None).writer(out)),
            Kind::Json if self.usual => {
                json::push_usual_line(record, &mut self.looks(&Json, [Style::JSON; 2], None).writer(out));
            }
            Kind::Logfmt if self.usual => {
                logfmt::push_usual_line(record, &mut self.looks(&Logfmt, [Style::LOGFMT; 2], None).writer(out));
            }
            Kind::Text => self.render_by(&Text, TEXT, record, out),
            Kind::Pretty => self.render_by(&Pretty, Pretty::STYLES, record, out),
            Kind::Json => self.render_by(&Json, [Style::JSON; 2], record, out),
            Kind::Logfmt => self.render_by(&Logfmt, [Style::LOGFMT; 2], record, out),
            Kind::Raw => self.render_by(&Raw, TEXT, record, out),
            Kind::Custom(_) => unreachable!("`render` has done that"),
        }
    }

    #[inline]
    fn render_by<L: Layout>(&self, layout: &L, styles: [Style; 2], record: &Record<'_>, out: &mut LineBuffer) {
        layout.render(record, &mut self.looks(layout, styles, None).writer(out));
    }

    #[inline]
    fn looks<'a>(&'a self, layout: &'a dyn Layout, styles: [Style; 2], fields: Option<&'a FieldLook>) -> Looks<'a> {
        let Format { options, timer, .. } = &self.format;
        Looks { options, timer: timer.as_ref(), colored: self.colored, styles, layout, fields }
    }

    /// Returns the same renderer, which renders usual lines as it renders all others.
    #[cfg(test)]
    pub(super) fn without_usual_lines(&self) -> Self {
        Renderer { usual: false, ..self.clone() }
    }

    /// Returns the format.
    pub(crate) fn format(&self) -> &Format {
        &self.format
    }
}

impl Format {
    /// Renders `record` as a sink with this format would, with the `\n` at its end, for a [`RecordOutput`](crate::sink::RecordOutput).
    ///
    /// ```
    /// use logscope::{Format, OutputContext, Record, sink};
    ///
    /// struct Printed(std::sync::mpsc::Sender<String>);
    ///
    /// impl sink::RecordOutput for Printed {
    ///     fn write(&self, record: &Record<'_>) -> std::io::Result<()> {
    ///         self.0.send(Format::build().render(record)).map_err(std::io::Error::other)
    ///     }
    /// }
    ///
    /// logscope::init();
    /// let (sender, lines) = std::sync::mpsc::channel();
    /// OutputContext::builder("uno").sink(sink::records(Printed(sender))).build().scope(|| tracing::warn!("slow"));
    /// assert!(lines.recv()?.ends_with(" WARNING: slow\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// There is no output here that [`Color::Auto`] or [`Time::Auto`] could suit: the line is not coloured, and shows the elapsed time.
    #[must_use]
    pub fn render(&self, record: &Record<'_>) -> String {
        let mut line = LineBuffer::new();
        Renderer::new(self, Screen::None).render(record, &mut line);
        // Every layout writes UTF-8.
        String::from_utf8_lossy(&line).into_owned()
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
        // In a file the time is the wall clock's, unless that is asked for elsewhere, too.
        assert_ne!(never, Renderer::new(&Format::text(), Screen::File));
        let wall = Format::text().time(Time::Wall).color(Color::Never);
        assert_eq!(Renderer::new(&Format::text(), Screen::File), Renderer::new(&wall, Screen::Terminal));
    }
}
