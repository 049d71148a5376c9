//! The options of a format, as a program sets them.

use time::UtcOffset;

use super::choice::Format;
use super::color::Color;
use super::layout::{LayoutWriter, SharedTimer};
use super::local::local_offset;
use super::options::Ansi;
use super::times::{ElapsedStyle, Time};
use super::timestamp::Offset;
use crate::record::Record;

impl Format {
    /// Sets whether lines are coloured; [`Color::Auto`] if it is not set. JSON and logfmt never are.
    pub fn color(mut self, color: Color) -> Self {
        self.options.color = color;
        self
    }

    /// Sets which times are shown; [`Time::Auto`] if it is not set.
    pub fn time(mut self, time: Time) -> Self {
        self.options.times.shown = time;
        self
    }

    /// Sets how far the wall-clock time is ahead of UTC. Seconds of the offset are cut.
    ///
    /// ```
    /// use logscope::{Format, Time, UtcOffset};
    ///
    /// let format = Format::text().time(Time::Wall).offset(UtcOffset::from_hms(2, 0, 0)?); // 2026-11-21T11:08:00.123456+02:00
    /// # drop(format);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [`UtcOffset`] is the type of the crate `time` 0.3: see [the types of other crates](crate#types-of-other-crates).
    pub fn offset(mut self, offset: UtcOffset) -> Self {
        self.options.times.offset = Offset::new(offset);
        self
    }

    /// Sets the offset of the wall-clock time to that of this machine's time zone now: it is looked up in this call, and does not change when
    /// summer time begins or ends.
    ///
    /// Where the time zone is not known, it is UTC.
    pub fn local(self) -> Self {
        self.offset(local_offset())
    }

    /// Sets how the elapsed time is written. JSON and logfmt write seconds with six digits, whatever is set.
    ///
    /// ```
    /// use logscope::{ElapsedStyle, Format};
    ///
    /// let format = Format::build().elapsed_style(ElapsedStyle::Seconds { digits: 1, width: 6 }); // `  83.4 linking`
    /// # drop(format);
    /// ```
    pub fn elapsed_style(mut self, style: ElapsedStyle) -> Self {
        self.options.times.style = style;
        self
    }

    /// Sets a function that writes the time, in place of what [`time`](Format::time) says. JSON and logfmt do not use it.
    ///
    /// ```
    /// use logscope::{Format, OutputContext, sink};
    ///
    /// logscope::init();
    /// let seconds = Format::text().timer(|record, line| line.push_display(format_args!("t+{}s", record.elapsed().as_secs())));
    /// let (memory, lines) = sink::memory();
    /// OutputContext::builder("uno").sink(memory.format(seconds.target(false))).build().scope(|| tracing::info!("hello"));
    /// assert_eq!(lines.text(), "t+0s INFO  uno: hello\n");
    /// ```
    ///
    /// In the function, [`push_time`](LayoutWriter::push_time) pushes what would stand there without it, so it can be decorated.
    /// Clones of the format are equal; two formats that were each given a function are not.
    pub fn timer(mut self, timer: impl Fn(&Record<'_>, &mut LayoutWriter<'_>) + Send + Sync + 'static) -> Self {
        self.timer = Some(SharedTimer::new(timer));
        self
    }

    /// Sets whether the context is shown: its name and its fields, in JSON its id too.
    pub fn context(mut self, show: bool) -> Self {
        self.options.context = show;
        self
    }

    /// Sets whether the fields of the context are shown in JSON, if the context is; true unless set.
    pub fn context_fields(mut self, show: bool) -> Self {
        self.options.context_fields = show;
        self
    }

    /// Sets whether the record's number in its context is shown.
    pub fn seq(mut self, show: bool) -> Self {
        self.options.seq = show;
        self
    }

    /// Sets whether the target is shown.
    ///
    /// Without it, the colon before the message of [`text`](Format::text) follows the context and the spans, as in
    /// `INFO  uno build:link: linking main.o`. [`Format::parse`] reads such a line back.
    pub fn target(mut self, show: bool) -> Self {
        self.options.target = show;
        self
    }

    /// Sets whether the source file and line are shown. In JSON they are `"filename"` and `"line_number"`.
    pub fn location(mut self, show: bool) -> Self {
        self.options.location = show;
        self
    }

    /// Sets whether the name of the thread that logged is shown; for a thread without a name, its id. In JSON it is `"threadName"`.
    pub fn thread_name(mut self, show: bool) -> Self {
        self.options.thread_name = show;
        self
    }

    /// Sets whether the id of the thread that logged is shown, as `ThreadId(2)`. In JSON it is `"threadId"`.
    pub fn thread_id(mut self, show: bool) -> Self {
        self.options.thread_id = show;
        self
    }

    /// Sets whether the fields of the record are shown, beside its message; true unless set. JSON and logfmt always show them.
    ///
    /// For people who watch: fields that a program needs in its log may be too much for the screen.
    pub fn fields(mut self, show: bool) -> Self {
        self.options.fields = show;
        self
    }

    /// Sets whether a message of several lines is written as several lines, instead of as one line with `\n`.
    ///
    /// The lines after the first are indented, so that none looks like the start of a record ([`raw`](Format::raw) writes them as they are). JSON
    /// and logfmt always have one line per record.
    pub fn multiline(mut self, keep: bool) -> Self {
        self.options.multiline = keep;
        self
    }

    /// Sets whether lines of [`build`](Format::build) have a column for the context: its name, with a colour for each name.
    ///
    /// ```text
    /// 00:00.03  uno       [1/3] compiling core
    /// 00:00.04  due       [1/3] compiling core
    /// 00:00.31  due             WARNING: unused variable
    /// 00:00.95  uno       ✓ built in 0.95 s
    /// ```
    ///
    /// For several builds on one terminal. The column is as wide as the longest name so far, from 8 to 20 characters; a
    /// longer name is shown in full, and its lines stick out. `success!` and `failure!` get the marks `✓` and `✗`, and `header!` and `finished!`
    /// have no empty lines. There are seven colours, so that two names can have the same. What is neither a phase nor an
    /// end of a build stands six characters further to the right, in the colour of its level.
    pub fn aligned(mut self, align: bool) -> Self {
        self.options.aligned = align;
        self
    }

    /// Sets whether the fields of an event stand in the object of the record in JSON, and not in `"fields"`.
    ///
    /// A field that is called like a key of the format, as `level`, is then written with `field.` before its name.
    pub fn flatten(mut self, flatten: bool) -> Self {
        self.options.flatten = flatten;
        self
    }

    /// Sets whether JSON has the innermost span as `"span"`; true unless set.
    pub fn current_span(mut self, show: bool) -> Self {
        self.options.current_span = show;
        self
    }

    /// Sets whether JSON has the list of all spans as `"spans"`; true unless set.
    pub fn span_list(mut self, show: bool) -> Self {
        self.options.span_list = show;
        self
    }

    /// Sets what becomes of colours in the messages of [`raw`](Format::raw); [`Ansi::Auto`] if it is not set. In other layouts they are always
    /// escaped.
    pub fn ansi(mut self, ansi: Ansi) -> Self {
        self.options.ansi = ansi;
        self
    }
}
