//! The options of a format as plain data: what the layouts look at.

use super::color::Color;
use super::times::{ElapsedStyle, Times};

/// Says what becomes of the colours in a message that another program has printed; for [`Format::ansi`](crate::Format::ansi).
///
/// Nothing that is kept can move the cursor or give the terminal an order. (A colour can still make text hard to see, as black on black.)
///
/// | in the message | with `Keep` | with `Strip` |
/// |---|---|---|
/// | colours and other attributes of text: `ESC [ … m` | kept | removed |
/// | other sequences that begin with `ESC [`: they move the cursor and clear lines | removed | removed |
/// | `ESC ] …`, which ends in BEL or `ESC \`: the title of the window, and the link of a text (OSC 8) | removed | removed |
/// | other sequences of two characters, from `ESC 0` to `ESC ~`: `ESC c` resets the terminal | removed | removed |
/// | ESC before anything else, and sequences longer than 64 bytes, such as a link with a long address | escaped | escaped |
/// | a tab | kept | kept |
/// | `\n` | escaped, unless [`multiline`](crate::Format::multiline) keeps it | the same |
/// | `\r`, backspace, BEL and all other control characters | escaped | escaped |
///
/// - A `\r` moves the cursor to the beginning of the line, so what follows would be printed over what stands there and hide it. A `\r` at the
///   end of a line, from a program that ends its lines as Windows does, is shown as `\r`, too: trim each line before you log it. Of a progress
///   bar that is drawn again and again, log what follows the last `\r`.
/// - An `ESC ]` sequence gives an order to the terminal. It can change the title of the window and, in some terminals, write to the clipboard or
///   have the terminal answer with text that the shell then reads as if it were typed. So none is kept, not even a link: its text stays, and its
///   address does not.
///
/// [`Ansi::Auto`] is one of the two, and [`Ansi::Escape`] escapes all that begins with ESC.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Ansi {
    /// Kept if the line is [coloured](crate::Format::color), as on a terminal, and removed if not, as in a file.
    #[default]
    Auto,
    /// Kept, also in a file. If a colour is still on at the end of the message, `ESC [ 0 m` is added there, so that it does not colour what follows.
    Keep,
    /// Removed, and so are all other escape sequences.
    Strip,
    /// Escaped like other control characters, as `\x1b[31m`.
    Escape,
}

/// How the lines of a format are read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Notation {
    Text(TextParts),
    Json,
    Logfmt,
}

/// Which parts a line of text has, of those that show themselves only where it is known that they are there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextParts {
    pub(crate) context: bool,
    pub(crate) target: bool,
    pub(crate) location: bool,
    pub(crate) fields: bool,
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

    /// What `text` begins with.
    pub(super) const TEXT: Options = Options { context: true, target: true, ..Options::BARE };

    /// What `json` and `logfmt` begin with.
    pub(super) const RECORD: Options = Options { context: true, seq: true, target: true, ..Options::BARE };

    /// Returns these options with the times and the colour of `other`.
    pub(super) const fn with_times_of(self, other: &Options) -> Options {
        Options { times: other.times, color: other.color, ..self }
    }
}
