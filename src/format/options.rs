//! The options of a format: [`Format`], with its layouts and their defaults.

use std::fmt;

use super::color::Color;

/// Turns records into lines: a layout, and the parts of a record that it shows.
///
/// A format belongs to a sink. The sinks of one context may have different formats.
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
/// | [`multiline`](Format::multiline) | | | never | a message of several lines as several lines |
///
/// All layouts show the level, the message and the fields (`build` shows levels from WARN), and all but `build` show the spans.
///
/// Control characters, line separators, characters that change the direction of text, and invisible characters are escaped in all text that
/// a program logs, so that one record is one line and looks like what it is. The joiners U+200C and U+200D and the variation selectors
/// U+FE00 to U+FE0F are not escaped, because emoji and some scripts cannot be written without them.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[must_use = "a format does nothing until it is given to a sink, with `.format(…)`"]
pub struct Format {
    pub(super) layout: Layout,
    pub(super) color: Color,
    pub(super) timestamp: bool,
    pub(super) elapsed: bool,
    pub(super) context: bool,
    pub(super) seq: bool,
    pub(super) target: bool,
    pub(super) location: bool,
    pub(super) thread: bool,
    pub(super) multiline: bool,
}

/// Which renderer makes the lines.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Layout {
    Build,
    Text,
    Json,
    Logfmt,
}

impl fmt::Display for Format {
    /// Writes the name of the layout: `build`, `text`, `json` or `logfmt`.
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

    /// Returns the format for people who watch a build: elapsed time as `MM:SS.cc`, message, fields, and the level from WARN.
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
    /// The first, second, third and last of these lines are events of the build vocabulary: they have a field `build`, and the fields that
    /// it needs (`build = "phase", phase = 1, phases = 9`). Other events are shown as they are, whatever their fields are called. Each
    /// line but an empty one begins with the elapsed time. In colour, warnings are yellow, errors red and successes green. Backslashes are
    /// shown as they are, so the lines cannot be read back.
    ///
    /// The level is part of the text, so a message `ERROR: disk full` or `[2/9] Linking` at INFO looks like an error or a phase, except for
    /// its colour. If that matters, or if a program reads the log, use [`text`](Format::text), [`json`](Format::json) or
    /// [`logfmt`](Format::logfmt).
    pub const fn build() -> Self {
        Format::bare(Layout::Build)
    }

    /// Returns the format for people who read a log.
    ///
    /// ```text
    /// 00:01.234567 INFO  uno{env=x} build{unit=core}:link linker: linking main.o size=12 path="a b"
    /// ```
    ///
    /// | part | here | form |
    /// |---|---|---|
    /// | wall-clock time | | RFC 3339 in UTC, if set |
    /// | elapsed time | `00:01.234567` | `MM:SS.uuuuuu`, the minutes going on past 99 |
    /// | number | | `#42`, if set |
    /// | thread | | `[main]`, if set |
    /// | level | `INFO ` | five characters |
    /// | context | `uno{env=x}` | its name, and its fields in braces |
    /// | spans | `build{unit=core}:link` | outermost first, absent outside spans |
    /// | target | `linker:` | |
    /// | location | | `src/main.rs:12:`, if set |
    /// | message | `linking main.o` | without quotes, `\n` and the like escaped, a backslash doubled |
    /// | fields | `size=12 path="a b"` | in the order of the call; the message always comes first |
    ///
    /// Numbers, booleans and texts of one plain word stand without quotes. Other texts are quoted, and so are texts that look like a
    /// number, a boolean or `null`, and names, contexts and targets that are not plain words. A string or a path that its `Debug` has quoted
    /// (`?path`) is quoted once. An error is its text, followed by its causes: `err="cannot link" err.sources=["no such file"]`.
    /// [`RecordBuf::parse_text`](crate::RecordBuf::parse_text) reads lines back.
    pub const fn text() -> Self {
        Format { context: true, target: true, ..Format::bare(Layout::Text) }
    }

    /// Returns JSON Lines: one object per record, a superset of the objects of `tracing_subscriber::fmt().json()`.
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
    /// An event to which the log call gives a name (`info!(name: "order.paid", …)`) has it as `"name"`, after the target.
    ///
    /// The keys of each object are unique. A field of a span that is called `name` is written as `field.name` (and a field `field.name`
    /// as `field.field.name`, and so on). The causes of an error follow it as `"NAME.sources":[…]`. As in `tracing-subscriber`'s JSON,
    /// integers of 128 bits, bytes and `Debug` values are strings, and floats that are not finite are `null`.
    ///
    /// All keys of `tracing-subscriber` are in the same place with the same value, except these:
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

    /// Returns logfmt: one line of `key=value` pairs per record, for programs.
    ///
    /// ```text
    /// ts=2026-11-21T09:08:00.123456Z level=info elapsed=1.234567 context=uno context.env=x seq=42 target=linker
    /// spans="build{unit=core}:link" msg="linking main.o" size=12 path="a b"
    /// ```
    ///
    /// (one line, broken here). `elapsed` is in seconds; `context.` begins the names of the context's fields; with the options, `thread`
    /// and `location` (`src/main.rs:12`) follow the target. A key without a value is left out. A field of the program's that is called
    /// like one of these keys, or begins with `context.` or `field.`, is written with `field.` before it. In names, blanks, `=`, quotes,
    /// backslashes and invisible characters are escaped, as in `a\x20b=1`. The rules for values are those of [`text`](Format::text), except
    /// that what `Debug` has quoted is quoted again, and that lists are quoted: `err.sources="[\"no such file\"]"`. [`RecordBuf::parse_logfmt`](crate::RecordBuf::parse_logfmt) reads every
    /// line back.
    pub const fn logfmt() -> Self {
        Format { timestamp: true, context: true, seq: true, target: true, ..Format::bare(Layout::Logfmt) }
    }

    /// Sets whether lines are coloured; [`Color::Auto`] if it is not set. JSON and logfmt never are.
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

    /// Sets whether a message of several lines is written as several lines, instead of as one line with `\n`.
    ///
    /// The lines after the first are indented, so that none looks like the start of a record. JSON and logfmt always have one line per
    /// record.
    pub const fn multiline(mut self, keep: bool) -> Self {
        self.multiline = keep;
        self
    }
}
