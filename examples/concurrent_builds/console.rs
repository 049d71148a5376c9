//! The terminal: one line per event of any build, with the time, the name and the step of the build.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use logscope::sink::RecordOutput;
use logscope::{Level, Record};
use tracing::field::{Field, Visit};

use crate::build::Plan;

/// Standard output, as a sink for records. Clones are the same terminal.
#[derive(Clone, Debug)]
pub(crate) struct Console {
    paint: Paint,
    names: Arc<[String]>,
    width: usize,
}

impl Console {
    /// A console for these builds, with a colour for each and one width for all names.
    pub(crate) fn on_stdout(plans: &[Plan]) -> Console {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let names: Arc<[String]> = plans.iter().map(|plan| plan.name.clone()).collect();
        let width = names.iter().map(String::len).max().unwrap_or(0);
        Console { paint: Paint { on: io::stdout().is_terminal() && !no_color }, names, width }
    }

    pub(crate) fn paint(&self) -> Paint {
        self.paint
    }

    /// Prints one event; `visit` visits its fields.
    pub(crate) fn show(
        &self,
        name: &str,
        elapsed: Duration,
        level: Level,
        visit: &mut dyn FnMut(&mut dyn Visit),
    ) -> io::Result<()> {
        let mut said = Said::default();
        visit(&mut said);
        let paint = self.paint;
        let (seconds, hundredths) = (elapsed.as_secs(), elapsed.subsec_millis() / 10);
        let time = paint.dim(format_args!("{:02}:{:02}.{hundredths:02}", seconds / 60, seconds % 60));
        let who = paint.with(self.color(name), format_args!("{name:width$}", width = self.width));
        let line = format!("  {time}  {who}  {}\n", said.text(level, paint));
        // One write for each line, past the buffer of `Stdout`, which breaks lines when it is full.
        let mut stdout = io::stdout().lock();
        stdout.write_all(line.as_bytes())?;
        stdout.flush()
    }

    /// The colour of a build's name.
    pub(crate) fn color(&self, name: &str) -> Color {
        let place = self.names.iter().position(|known| known == name).unwrap_or(0);
        NAMES[place % NAMES.len()]
    }
}

impl RecordOutput for Console {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        let name = record.context().name();
        self.show(name, record.elapsed(), record.level(), &mut |visitor| record.visit(visitor))
    }

    fn describe(&self) -> String {
        String::from("console")
    }
}

/// The fields of an event that the terminal shows.
#[derive(Default)]
struct Said {
    message: String,
    kind: String,
    phase: u64,
    phases: u64,
}

impl Said {
    fn text(&self, level: Level, paint: Paint) -> String {
        // Children may print any bytes, and some of them control the terminal.
        let message = self.message.replace(char::is_control, "\u{fffd}");
        match (self.kind.as_str(), level) {
            ("phase", _) => {
                let phase = paint.with(Color::CYAN, format_args!("[{}/{}]", self.phase, self.phases));
                format!("{phase} {message}")
            }
            ("success", _) => paint.with(Color::GREEN, format_args!("✓ {message}")),
            ("failure", _) => paint.with(Color::RED, format_args!("✗ {message}")),
            (_, Level::ERROR) => paint.with(Color::RED, format_args!("      {message}")),
            (_, Level::WARN) => paint.with(Color::YELLOW, format_args!("      {message}")),
            (_, Level::INFO) => format!("      {message}"),
            (_, _) => paint.dim(format_args!("      {message}")),
        }
    }
}

impl Visit for Said {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            "build" => value.clone_into(&mut self.kind),
            _ => {}
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "phase" => self.phase = value,
            "phases" => self.phases = value,
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}

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
    pub(crate) const CYAN: Color = Color("36");
}

const NAMES: [Color; 8] = [
    Color("1;34"),
    Color("1;35"),
    Color("1;36"),
    Color("1;33"),
    Color("1;94"),
    Color("1;95"),
    Color("1;96"),
    Color("1;93"),
];

impl Paint {
    pub(crate) fn with(self, color: Color, text: impl fmt::Display) -> String {
        if self.on { format!("\x1b[{}m{text}\x1b[0m", color.0) } else { text.to_string() }
    }

    pub(crate) fn dim(self, text: impl fmt::Display) -> String {
        self.with(Color::DIM, text)
    }
}
