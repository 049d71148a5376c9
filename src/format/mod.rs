//! Formats: how a record becomes a line of bytes.
//!
//! A [`Format`] is a value that is chosen per sink; a [`Renderer`] is a format together with the answer to whether this
//! sink's stream shows colour. Rendering happens on the thread that logs, outside every lock, into a buffer of the
//! thread's own ([`scratch`]); sinks with equal renderers share one rendering.
//!
//! What every format keeps, whatever a program logs:
//! - a record is one start of line and ends in one `\n`; what is inside it cannot forge another ([`escape`]);
//! - a value whose `Debug` or `Display` panics or fails is cut there and marked, and the record is still whole;
//! - the message is the first field called `message`, whatever its type; a later field of a name that was used already is
//!   called `NAME#2`, or by the next number that is free;
//! - nothing is allocated once the thread's buffers are warm.

mod build;
pub(crate) mod escape;
mod head;
mod json;
mod logfmt;
mod names;
mod pairs;
mod parse;
pub(crate) mod scratch;
#[cfg(feature = "serde")]
mod serde;
pub(crate) mod spans;
#[cfg(test)]
pub(crate) mod test_support;
mod text;
pub(crate) mod timestamp;
mod value;

use std::ffi::OsString;
use std::fmt;

pub(crate) use scratch::{Scratch, with_scratch};
#[cfg(feature = "serde")]
pub(crate) use serde::parse_json_bytes;

use crate::record::{Record, Style};

/// How records become lines: a layout, and what it shows.
///
/// A format belongs to a sink; several sinks of one context may have different ones.
///
/// ```
/// use logscope::{Color, Format};
///
/// let console = Format::build();
/// let log = Format::text().timestamp(true).color(Color::Never);
/// let machine = Format::json().thread(true);
/// assert_ne!(console, log);
/// assert_eq!(machine, Format::json().thread(true));
/// ```
///
/// | option | `text` | `build` | `json`, `logfmt` | shows |
/// |---|---|---|---|---|
/// | [`timestamp`](Format::timestamp) | | | yes | the wall-clock time, in UTC to the microsecond |
/// | [`elapsed`](Format::elapsed) | yes | yes | yes | the time since the origin of the context |
/// | [`context`](Format::context) | yes | | yes | the context's name and fields |
/// | [`seq`](Format::seq) | | | yes | the record's number in its context |
/// | [`target`](Format::target) | yes | | yes | the target |
/// | [`location`](Format::location) | | | | the source file and line |
/// | [`thread`](Format::thread) | | | | the thread's name |
/// | [`multiline`](Format::multiline) | | | never | a message of several lines as such |
///
/// The level, the message and the fields are always shown (`build` shows levels from WARN); spans are, except by
/// `build`.
///
/// Control characters, line separators, characters that change the direction of text and characters that show nothing are
/// escaped in everything that a program logs, so that one record is one line and looks like what it is. (The joiners U+200C
/// and U+200D and the variation selectors U+FE00 to U+FE0F, without which emoji and some scripts cannot be written, are not.)
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[must_use = "a format does nothing until it is given to a sink, with `.format(…)`"]
pub struct Format {
    layout: Layout,
    color: Color,
    timestamp: bool,
    elapsed: bool,
    context: bool,
    seq: bool,
    target: bool,
    location: bool,
    thread: bool,
    multiline: bool,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Layout {
    Build,
    Text,
    Json,
    Logfmt,
}

/// Whether a sink's text is coloured. JSON and logfmt never are.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Color {
    /// If the stream is a terminal, unless the environment says otherwise: `NO_COLOR`, if it is not empty, turns colour
    /// off; else `CLICOLOR_FORCE`, if it is neither empty nor `0`, turns it on for stdout and stderr, terminals or not.
    /// Files and other outputs are never coloured by the environment.
    #[default]
    Auto,
    /// Always, whatever the stream and the environment are.
    Always,
    /// Never.
    Never,
}

/// What a sink writes to, as far as colour is concerned.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Screen {
    /// A terminal: a person watches.
    Terminal,
    /// stdout or stderr on its way to somebody who may show it.
    Piped,
    /// A file, a buffer, an output of the program's own.
    None,
}

impl Color {
    /// Decides for a sink; `variable` reads the environment.
    fn decide(self, screen: Screen, variable: impl Fn(&str) -> Option<OsString>) -> bool {
        match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto if variable("NO_COLOR").is_some_and(|value| !value.is_empty()) => false,
            Color::Auto => match screen {
                Screen::Terminal => true,
                Screen::Piped => variable("CLICOLOR_FORCE").is_some_and(|value| !value.is_empty() && value != "0"),
                Screen::None => false,
            },
        }
    }
}

impl fmt::Display for Format {
    /// The name of the layout: `build`, `text`, `json` or `logfmt`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.layout {
            Layout::Build => "build",
            Layout::Text => "text",
            Layout::Json => "json",
            Layout::Logfmt => "logfmt",
        })
    }
}

impl Format {
    const fn bare(layout: Layout) -> Self {
        Format {
            layout,
            color: Color::Auto,
            timestamp: false,
            elapsed: true,
            context: false,
            seq: false,
            target: false,
            location: false,
            thread: false,
            multiline: false,
        }
    }

    /// For people who watch a build: elapsed time as `MM:SS.cc`, the message and its fields; the level from WARN.
    ///
    /// ```text
    /// 00:00.00 Build System v1.2.4
    ///
    /// 00:00.01 [1/9] Parsing platformio.ini
    /// 00:00.52       [core] main.cpp (cached)
    /// 00:01.30 WARNING: unused variable line=3
    ///
    /// 00:12.34 Build time: 12.34s
    /// ```
    ///
    /// The first, second, third and last of these are words of the build vocabulary: events with a field `build` and
    /// the fields that it asks for (`build = "phase", phase = 1, phases = 9`). Other events, whatever their fields are
    /// called, are shown as they are. A line begins with the elapsed time, empty ones apart; in colour, warnings are
    /// yellow, errors red and successes green. Backslashes are shown as they are, so the lines are not meant to be read
    /// back.
    ///
    /// It is for people: levels and words are part of the text, and a message that says `ERROR: disk full` or
    /// `[2/9] Linking` at INFO looks like them, colour apart. Where that matters, or a program is to read the log, use
    /// [`text`](Format::text), [`json`](Format::json) or [`logfmt`](Format::logfmt).
    pub const fn build() -> Self {
        Format::bare(Layout::Build)
    }

    /// For people who read a log.
    ///
    /// ```text
    /// 00:01.234567 INFO  uno{env=x} build{unit=core}:link linker: linking main.o size=12 path="a b"
    /// ```
    ///
    /// | part | here | form |
    /// |---|---|---|
    /// | wall-clock time | | RFC 3339 in UTC, if asked for |
    /// | elapsed time | `00:01.234567` | `MM:SS.uuuuuu`, the minutes going on past 99 |
    /// | number | | `#42`, if asked for |
    /// | thread | | `[main]`, if asked for |
    /// | level | `INFO ` | five characters |
    /// | context | `uno{env=x}` | its name, and its fields in braces |
    /// | spans | `build{unit=core}:link` | outermost first, absent outside spans |
    /// | target | `linker:` | |
    /// | location | | `src/main.rs:12:`, if asked for |
    /// | message | `linking main.o` | without quotes, `\n` and the like escaped, a backslash doubled |
    /// | fields | `size=12 path="a b"` | in the order of the call; the message always comes first |
    ///
    /// Numbers, booleans and texts of one plain word are bare; other texts, and those that look like a number, a
    /// boolean or `null`, are quoted, and so are names, contexts and targets that are not plain. An error is its text,
    /// followed by what caused it: `err="cannot link" err.sources=["no such file"]`.
    /// [`RecordBuf::parse_text`](crate::RecordBuf::parse_text) reads lines back.
    pub const fn text() -> Self {
        Format { context: true, target: true, ..Format::bare(Layout::Text) }
    }

    /// JSON Lines: one object per record, a superset of what `tracing_subscriber::fmt().json()` writes.
    ///
    /// ```text
    /// {"timestamp":"2026-11-21T09:08:00.123456Z","level":"INFO","fields":{"message":"linking","size":12},
    ///  "target":"linker","span":{"unit":"core","name":"build"},"spans":[{"unit":"core","name":"build"}],
    ///  "context":{"name":"uno","id":7,"fields":{"env":"uno"}},"elapsed":1.234567,"seq":42}
    /// ```
    ///
    /// (one line, broken here). With the options, `"filename"` and `"line_number"` follow the target, and
    /// `"threadName"` the spans. `"span"` is the innermost of `"spans"`; both are absent outside spans.
    ///
    /// The keys of each object are unique. A field of a span that is called `name` is written as `field.name` (and one
    /// called `field.name` as `field.field.name`, and so on), and what an error is caused by follows it as
    /// `"NAME.sources":[…]`. As in `tracing-subscriber`'s JSON, integers of 128 bits, bytes and `Debug` values are
    /// strings, and floats that are not finite are `null`.
    ///
    /// What `tracing-subscriber` writes is here in the same place with the same value, but for these:
    ///
    /// | where | `tracing-subscriber` | here |
    /// |---|---|---|
    /// | an event with `parent: &span` | `"spans"` are the current ones, `"span"` is the parent | both are the parent's |
    /// | an event with `parent: None` | the current spans | no spans |
    /// | a name that is taken | the key twice | the second as `NAME#2`, or by the next number that is free |
    /// | a field of a span called `name` | the key twice | `field.name` |
    /// | bytes in a span | a list of numbers | a string, as in events |
    /// | a record of the `log` crate | its source in `log.target`, `log.file`, … too | only in the places for it |
    pub const fn json() -> Self {
        Format { timestamp: true, context: true, seq: true, target: true, ..Format::bare(Layout::Json) }
    }

    /// logfmt: one line of `key=value` pairs per record, for programs.
    ///
    /// ```text
    /// ts=2026-11-21T09:08:00.123456Z level=info elapsed=1.234567 context=uno context.env=x seq=42 target=linker
    /// spans="build{unit=core}:link" msg="linking main.o" size=12 path="a b"
    /// ```
    ///
    /// (one line, broken here). `elapsed` is in seconds; `context.` begins the names of the context's fields; with the
    /// options, `thread` and `location` (`src/main.rs:12`) follow the target. What a record has none of is left out. A
    /// field of the program's that is called like one of these, or begins with `context.` or `field.`, is written with
    /// `field.` before it. In names, blanks, `=`, quotes, backslashes and what cannot be seen are escaped, as in
    /// `a\x20b=1`. The rules for values are those of [`text`](Format::text), but for lists, which are quoted:
    /// `err.sources="[\"no such file\"]"`. [`RecordBuf::parse_logfmt`](crate::RecordBuf::parse_logfmt) reads every line
    /// back.
    pub const fn logfmt() -> Self {
        Format { timestamp: true, context: true, seq: true, target: true, ..Format::bare(Layout::Logfmt) }
    }

    /// Sets whether lines are coloured ([`Color::Auto`] unless set). JSON and logfmt never are.
    pub const fn color(mut self, color: Color) -> Self {
        self.color = color;
        self
    }

    /// Sets whether the wall-clock time is shown, in UTC to the microsecond.
    pub const fn timestamp(mut self, show: bool) -> Self {
        self.timestamp = show;
        self
    }

    /// Sets whether the time since the origin of the context is shown.
    pub const fn elapsed(mut self, show: bool) -> Self {
        self.elapsed = show;
        self
    }

    /// Sets whether the context is shown: its name and its fields, in JSON its id too.
    pub const fn context(mut self, show: bool) -> Self {
        self.context = show;
        self
    }

    /// Sets whether the record's number in its context is shown.
    pub const fn seq(mut self, show: bool) -> Self {
        self.seq = show;
        self
    }

    /// Sets whether the target is shown.
    pub const fn target(mut self, show: bool) -> Self {
        self.target = show;
        self
    }

    /// Sets whether the source file and line are shown.
    pub const fn location(mut self, show: bool) -> Self {
        self.location = show;
        self
    }

    /// Sets whether the name of the thread that logged is shown; for a thread without a name, its id.
    pub const fn thread(mut self, show: bool) -> Self {
        self.thread = show;
        self
    }

    /// Sets whether a message of several lines is written as several lines, rather than with `\n` in their place. The
    /// lines after the first are indented, so that none can be taken for the start of a record.
    ///
    /// JSON and logfmt have one line per record all the same.
    pub const fn multiline(mut self, keep: bool) -> Self {
        self.multiline = keep;
        self
    }
}

/// A format for one sink: with the answer to whether colour is shown. Equal renderers give equal lines.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Renderer {
    format: Format,
    color: bool,
}

impl Renderer {
    /// The renderer for a sink on such a screen. Reads the environment.
    pub(crate) fn new(format: &Format, screen: Screen) -> Self {
        let colored = matches!(format.layout, Layout::Build | Layout::Text);
        let color = colored && format.color.decide(screen, |name| std::env::var_os(name));
        // The question is answered; formats that differ in nothing else share their renderings.
        Renderer { format: format.clone().color(Color::Auto), color }
    }

    /// Appends `record` as one whole line, its `\n` included.
    pub(crate) fn render(&self, record: &Record<'_>, out: &mut Vec<u8>) {
        match self.format.layout {
            Layout::Build => build::render(self, record, out),
            Layout::Text => text::render(self, record, out),
            Layout::Json => json::render(self, record, out),
            Layout::Logfmt => logfmt::render(self, record, out),
        }
    }

    /// The style of the fragments that this renderer shares between records.
    pub(crate) fn format(&self) -> &Format {
        &self.format
    }

    fn style(&self) -> Style {
        match self.format.layout {
            Layout::Build | Layout::Text if self.color => Style::TextColor,
            Layout::Build | Layout::Text => Style::Text,
            Layout::Json => Style::Json,
            Layout::Logfmt => Style::Logfmt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decides for `Auto` with these variables: for a file, a console that is no terminal, and a terminal.
    fn auto(variables: &[(&str, &str)]) -> [bool; 3] {
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        [Screen::None, Screen::Piped, Screen::Terminal].map(|screen| Color::Auto.decide(screen, variable))
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
    }

    #[test]
    fn always_and_never_ask_nobody() {
        let all = |_: &str| Some(OsString::from("1"));
        assert!(Color::Always.decide(Screen::None, all));
        assert!(!Color::Never.decide(Screen::Terminal, all));
    }

    #[test]
    fn machine_formats_have_no_colour() {
        for format in [Format::json(), Format::logfmt()] {
            assert!(!Renderer::new(&format.color(Color::Always), Screen::Terminal).color);
        }
        assert_eq!(Renderer::new(&Format::text().color(Color::Always), Screen::None).style(), Style::TextColor);
    }

    #[test]
    fn equal_lines_make_equal_renderers() {
        let never = Renderer::new(&Format::text().color(Color::Never), Screen::Terminal);
        assert_eq!(never, Renderer::new(&Format::text().color(Color::Never), Screen::None));
        assert_ne!(never, Renderer::new(&Format::text().color(Color::Always), Screen::None));
    }
}
