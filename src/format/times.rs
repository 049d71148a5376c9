//! Which times a line shows, and how.

use super::color::Screen;
use super::timestamp::{Offset, push_clock, push_seconds, push_timestamp};
use crate::line_buffer::LineBuffer;
use crate::record::Record;

/// Says which times a line shows; for [`Format::time`](crate::Format::time).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Time {
    /// What suits the output, which is looked up when the sink is made, or gets a format: [`Wall`](Time::Wall) in files, so that two runs in one
    /// file can be told apart, and [`Elapsed`](Time::Elapsed) elsewhere. JSON and logfmt always show [`Both`](Time::Both), and
    /// [`Format::build`](crate::Format::build) the elapsed time.
    #[default]
    Auto,
    /// The time since the origin of the context.
    Elapsed,
    /// Date and time, in RFC 3339 to the microsecond.
    Wall,
    /// Date and time, and the time since the origin.
    Both,
    /// No time.
    None,
}

/// Says how the time since the origin is written; for [`Format::elapsed_style`](crate::Format::elapsed_style).
///
/// The last digit is cut, not rounded. At most nine digits are written.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ElapsedStyle {
    /// Minutes and seconds, as `01:23.45` with two digits after the point. The minutes go on past 99.
    Clock {
        /// How many digits follow the point; with 0 there is no point.
        digits: u8,
    },
    /// Seconds, as `83.45` with two digits after the point, filled up with blanks on the left.
    Seconds {
        /// How many digits follow the point; with 0 there is no point.
        digits: u8,
        /// The fewest characters that are written.
        width: u8,
    },
}

/// The options of a format that concern times.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Times {
    pub(super) shown: Time,
    pub(super) offset: Offset,
    pub(super) style: ElapsedStyle,
}

impl Times {
    pub(super) const fn new(style: ElapsedStyle) -> Self {
        Times { shown: Time::Auto, offset: Offset::UTC, style }
    }

    /// Decides [`Time::Auto`]: `auto` if the layout always shows that, and else what suits `screen`.
    pub(super) fn decide(&mut self, auto: Option<Time>, screen: Screen) {
        if self.shown == Time::Auto {
            self.shown = auto.unwrap_or(if screen == Screen::File { Time::Wall } else { Time::Elapsed });
        }
    }

    pub(super) fn shows_wall(&self) -> bool {
        matches!(self.shown, Time::Wall | Time::Both)
    }

    pub(super) fn shows_elapsed(&self) -> bool {
        // `Auto` is decided when a sink gets the format; `Format::render` has no sink.
        matches!(self.shown, Time::Elapsed | Time::Both | Time::Auto)
    }

    /// Appends the times that are shown.
    #[inline(always)]
    pub(super) fn push(&self, record: &Record<'_>, out: &mut LineBuffer) {
        if self.shows_wall() {
            self.push_wall(record, out);
        }
        if self.shows_elapsed() {
            self.push_elapsed(record, out);
        }
    }

    /// Appends the wall-clock time, and a blank if another time follows.
    #[inline(never)]
    fn push_wall(&self, record: &Record<'_>, out: &mut LineBuffer) {
        push_timestamp(out, record, self.offset);
        if self.shows_elapsed() {
            out.push(b' ');
        }
    }

    #[inline(always)]
    pub(super) fn push_elapsed(&self, record: &Record<'_>, out: &mut LineBuffer) {
        match self.style {
            ElapsedStyle::Clock { digits } => push_clock(out, record.elapsed(), digits),
            ElapsedStyle::Seconds { digits, width } => push_seconds(out, record.elapsed(), digits, width),
        }
    }
}
