//! [`Format`]: a layout and its options, as a program chooses them. The options are set in `setters`.

use std::fmt;
use std::hash::{Hash, Hasher};

use super::layout::{FieldLook, Layout, SharedTimer};
use super::options::{Notation, Options, TextParts};
use super::times::{ElapsedStyle, Times};
use crate::record::Style;
use crate::sync::Arc;

/// Turns records into lines: a layout, and the parts of a record that it shows.
///
/// A format belongs to a sink. The sinks of one context may have different formats.
///
/// ```
/// use logscope::{Color, Format, Time};
///
/// let console = Format::build();
/// let log = Format::text().time(Time::Both).color(Color::Never);
/// let machine = Format::json().thread_name(true);
/// assert_ne!(console, log);
/// assert_eq!(machine, Format::json().thread_name(true));
/// ```
///
/// | option | `text`, `pretty` | `build` | `json`, `logfmt` | shows |
/// |---|---|---|---|---|
/// | [`time`](Format::time) | date and time in files, else elapsed | elapsed | both | which times |
/// | [`context`](Format::context) | yes | with [`aligned`](Format::aligned) | yes | the context's name and fields |
/// | [`seq`](Format::seq) | | | yes | the record's number in its context |
/// | [`target`](Format::target) | yes | | yes | the target |
/// | [`location`](Format::location) | `pretty` | | | the source file and line |
/// | [`thread_name`](Format::thread_name) | | | | the thread's name |
/// | [`thread_id`](Format::thread_id) | | | | the thread's id |
/// | [`fields`](Format::fields) | yes | yes | always | the fields of the record |
/// | [`multiline`](Format::multiline) | | | never | a message of several lines as several lines |
///
/// All layouts but [`raw`](Format::raw) show the level, the message and the fields (`build` shows levels from WARN), and all but `build` and
/// `raw` show the spans. A [layout of one's own](Format::custom) shows what it likes.
///
/// Control characters, line separators, characters that change the direction of text, and invisible characters are escaped in all text that
/// a program logs, so that one record is one line and looks like what it is. The joiners U+200C and U+200D and the variation selectors
/// U+FE00 to U+FE0F are not escaped, because emoji and some scripts cannot be written without them.
///
/// [`Format::parse`] reads lines of text, JSON and logfmt back, with all options but [`timer`](Format::timer). The other layouts are for people.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[must_use = "a format does nothing until it is given to a sink, with `.format(…)`"]
pub struct Format {
    pub(super) layout: Kind,
    pub(super) options: Options,
    /// Writes the times in place of what the options say.
    pub(super) timer: Option<SharedTimer>,
}

/// Which layout makes the lines.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Kind {
    Build,
    Text,
    Pretty,
    Json,
    Logfmt,
    Raw,
    Custom(Custom),
}

/// A layout of the program's own. Clones are equal, and no others.
#[derive(Clone)]
pub(super) struct Custom {
    pub(super) layout: Arc<dyn Layout>,
    /// The styles of its spans and contexts, without and with colour.
    pub(super) styles: [Style; 2],
    /// What is known of how it shows fields.
    pub(super) fields: Arc<FieldLook>,
}

impl PartialEq for Custom {
    fn eq(&self, other: &Self) -> bool {
        self.styles == other.styles
    }
}

impl Eq for Custom {}

impl Hash for Custom {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.styles.hash(state);
    }
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Custom").field("name", &self.layout.name()).finish_non_exhaustive()
    }
}

impl fmt::Display for Format {
    /// Writes the name of the layout: `build`, `text`, `pretty`, `json`, `logfmt`, `raw`, or what a layout of the program's own is called.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.layout {
            Kind::Build => "build",
            Kind::Text => "text",
            Kind::Pretty => "pretty",
            Kind::Json => "json",
            Kind::Logfmt => "logfmt",
            Kind::Raw => "raw",
            Kind::Custom(custom) => custom.layout.name(),
        })
    }
}

impl Format {
    /// Returns whether the fields of a record are in its line. A layout of the program's own is taken to show them.
    pub(crate) fn has_fields(&self) -> bool {
        match self.layout {
            Kind::Raw => false,
            Kind::Json | Kind::Logfmt | Kind::Custom(_) => true,
            Kind::Build | Kind::Text | Kind::Pretty => self.options.fields,
        }
    }

    /// Returns how lines of this format are read; `None` if they are for people only.
    pub(crate) fn notation(&self) -> Option<Notation> {
        let Options { context, target, location, fields, .. } = self.options;
        match self.layout {
            Kind::Text if self.timer.is_none() => Some(Notation::Text(TextParts { context, target, location, fields })),
            Kind::Json => Some(Notation::Json),
            Kind::Logfmt => Some(Notation::Logfmt),
            Kind::Text | Kind::Build | Kind::Pretty | Kind::Raw | Kind::Custom(_) => None,
        }
    }

    fn of(layout: Kind, options: Options) -> Self {
        Format { layout, options, timer: None }
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
    /// line but an empty one begins with the elapsed time. In colour, warnings are yellow, errors red and successes green. With [`aligned`](Format::aligned) there is a column for the context. Backslashes are
    /// shown as they are, so the lines cannot be read back.
    ///
    /// The level is part of the text, so a message `ERROR: disk full` or `[2/9] Linking` at INFO looks like an error or a phase, except for
    /// its colour. If that matters, or if a program reads the log, use [`text`](Format::text), [`json`](Format::json) or
    /// [`logfmt`](Format::logfmt).
    pub fn build() -> Self {
        Format::of(Kind::Build, Options { times: Times::new(ElapsedStyle::Clock { digits: 2 }), ..Options::BARE })
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
    pub fn text() -> Self {
        Format::of(Kind::Text, Options::TEXT)
    }

    /// Returns the format for people who read a log on a screen, with several lines for each record.
    ///
    /// ```text
    ///   00:01.234567 INFO  uno linker: linking main.o, size: 12, path: "a b"
    ///     at src/link.rs:12
    ///     in link with unit: core
    ///     in build
    ///
    ///   00:01.234567 WARN  uno linker: unused symbol
    ///     at src/link.rs:12
    ///     in build
    ///
    /// ```
    ///
    /// The innermost span comes first, and a blank line ends each record. The name of the thread, if it is shown, stands after the location:
    /// `at src/link.rs:12 on main`. Lines of this format cannot be read back.
    ///
    /// It looks like the `pretty` format of `tracing_subscriber::fmt`, with these differences:
    ///
    /// | what | `fmt` | here |
    /// |---|---|---|
    /// | the time | date and time in UTC | as [`time`](Format::time) says: by default date and time in files, and the elapsed time elsewhere |
    /// | the level | filled up on the left: `" INFO"` | filled up on the right: `"INFO "` |
    /// | the context | | before the target |
    /// | the name of a span | with its target: `in app::link` | alone: `in link` |
    /// | a text that is one plain word | in quotes: `unit: "core"` | without: `unit: core` |
    /// | a message of several lines | as it is, so its lines can look like other records | one line with `\n`, or with [`multiline`](Format::multiline) all lines, each after `      \| ` |
    pub fn pretty() -> Self {
        Format::of(Kind::Pretty, Options { context: true, target: true, location: true, ..Options::BARE })
    }

    /// Returns JSON Lines: one object per record, a superset of the objects of `tracing_subscriber::fmt().json()`.
    ///
    /// ```text
    /// {"timestamp":"2026-11-21T09:08:00.123456Z","level":"INFO","fields":{"message":"linking","size":12},
    ///  "target":"linker","span":{"unit":"core","name":"build"},"spans":[{"unit":"core","name":"build"}],
    ///  "context":{"name":"uno","id":7,"fields":{"env":"uno"}},"elapsed":1.234567,"seq":42}
    /// ```
    ///
    /// (one line, broken here). The context of a [child](crate::OutputContext::child) has the id of its parent as `"parent"`, after its own
    /// id. With [`location`](Format::location), `"filename"` and `"line_number"` follow the target. With [`thread_name`](Format::thread_name) and
    /// [`thread_id`](Format::thread_id), `"threadName"` and `"threadId"` (`"ThreadId(2)"`) follow the spans; for a thread without a name,
    /// `"threadName"` is its id, and absent if the id is shown too. `"span"` is the innermost of `"spans"`; both are absent outside spans.
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
    /// | a field called like a key of the record, with [`flatten`](Format::flatten) | as it is | `field.level` and the like |
    /// | the record of a span that is made or closed | `"spans"` without that span | with it |
    /// | bytes in a span | a list of numbers | a string, as in events |
    /// | a record of the `log` crate | its source in `log.target`, `log.file`, … too | only in the places for it |
    pub fn json() -> Self {
        Format::of(Kind::Json, Options::RECORD)
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
    pub fn logfmt() -> Self {
        Format::of(Kind::Logfmt, Options::RECORD)
    }

    /// Returns the format that shows the message alone: for what another program has printed.
    ///
    /// ```
    /// use logscope::{Ansi, Format, OutputContext, sink};
    ///
    /// logscope::init();
    /// let (memory, lines) = sink::memory();
    /// let log = OutputContext::builder("rustc").sink(memory.format(Format::raw().ansi(Ansi::Strip))).build();
    /// log.scope(|| tracing::info!("\x1b[33mwarning\x1b[0m:\tunused variable"));
    /// assert_eq!(lines.text(), "warning:\tunused variable\n");
    /// ```
    ///
    /// Tabs pass, and [`ansi`](Format::ansi) says what becomes of colours. Other control characters are escaped, line ends too, unless
    /// [`multiline`](Format::multiline) keeps them. Fields are not shown, but a notice about missing records has its count. Since nothing stands before
    /// the message, nothing tells one record from another, or from a notice.
    pub fn raw() -> Self {
        Format::of(Kind::Raw, Options::BARE)
    }

    /// Returns a format with a layout of the program's own: see [`Layout`], which has an example.
    ///
    /// Clones of the format are equal, and share renderings; two calls make formats that are not. Of the options, [`color`](Format::color),
    /// and those of the time ([`LayoutWriter::push_time`](super::LayoutWriter::push_time)), have an effect.
    pub fn custom(layout: impl Layout) -> Self {
        let fields = Arc::new(FieldLook::of(&layout));
        let custom = Custom { layout: Arc::new(layout), styles: Style::new_pair(), fields };
        Format::of(Kind::Custom(custom), Options::BARE)
    }
}
// A layout or a timer that panics ends its piece of the line, and is called again for the next record: who catches a panic can see no more than
// that.
impl std::panic::UnwindSafe for Format {}
impl std::panic::RefUnwindSafe for Format {}
