//! The options of a format as plain data: what the layouts look at.

use super::color::Color;
use super::times::{ElapsedStyle, Times};

/// Says what becomes of the colours in a message that another program has printed; for [`Format::ansi`](crate::Format::ansi).
///
/// Colours are the sequences `ESC [ … m`. Other escape sequences could move the cursor or change the title of the window, and are never kept.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Ansi {
    /// Kept if the line is [coloured](crate::Format::color), as on a terminal, and removed if not, as in a file.
    #[default]
    Auto,
    /// Kept, also in a file. A line that has a colour ends with the sequence that ends all colours.
    Keep,
    /// Removed, and so are all other escape sequences.
    Strip,
    /// Escaped like other control characters, as `\x1b[31m`.
    Escape,
}

/// The options of a format. Each layout has those that it knows.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Options {
    pub(super) color: Color,
    pub(super) times: Times,
    pub(super) context: bool,
    pub(super) context_fields: bool,
    pub(super) seq: bool,
    pub(super) target: bool,
    pub(super) location: bool,
    pub(super) thread_name: bool,
    pub(super) thread_id: bool,
    pub(super) multiline: bool,
    pub(super) aligned: bool,
    pub(super) flatten: bool,
    pub(super) current_span: bool,
    pub(super) span_list: bool,
    pub(super) fields: bool,
    pub(super) ansi: Ansi,
}

impl Options {
    /// What all layouts begin with.
    pub(super) const BARE: Options = Options {
        color: Color::Auto,
        times: Times::new(ElapsedStyle::Clock { digits: 6 }),
        context: false,
        context_fields: true,
        seq: false,
        target: false,
        location: false,
        thread_name: false,
        thread_id: false,
        multiline: false,
        aligned: false,
        flatten: false,
        current_span: true,
        span_list: true,
        fields: true,
        ansi: Ansi::Auto,
    };
}
