//! The lines of the fallback.

use std::fmt;

use crate::format::escape::is_escaped;

/// The most bytes of a line. A longer one is cut.
pub(super) const MAX_MESSAGE: usize = 1024;

/// A line of bounded length, built without allocating.
pub(super) struct Message {
    bytes: [u8; MAX_MESSAGE],
    len: usize,
    cut: bool,
}

impl Message {
    const PREFIX: &str = "logscope: ";
    pub(super) const CUT: &str = "…\n";

    pub(super) fn new() -> Self {
        let mut message = Message { bytes: [0; MAX_MESSAGE], len: 0, cut: false };
        message.push(Message::PREFIX);
        message
    }

    /// A copy of a line that ends with `\n`, cut if it is long.
    pub(super) fn of_line(line: &[u8]) -> Self {
        let mut message = Message { bytes: [0; MAX_MESSAGE], len: 0, cut: false };
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let most = MAX_MESSAGE - Message::CUT.len();
        message.cut = text.len() > most;
        message.len = text.len().min(most);
        // Not inside a character.
        while message.cut && text[message.len] & 0b1100_0000 == 0b1000_0000 {
            message.len -= 1;
        }
        message.bytes[..message.len].copy_from_slice(&text[..message.len]);
        message
    }

    /// Appends `text`. If there is no room for all of it, appends nothing, now and later.
    fn push(&mut self, text: &str) {
        let end = self.len + text.len();
        if self.cut || end > MAX_MESSAGE - Message::CUT.len() {
            self.cut = true;
            return;
        }
        self.bytes[self.len..end].copy_from_slice(text.as_bytes());
        self.len = end;
    }

    pub(super) fn finish(&mut self) -> &[u8] {
        let last = if self.cut { Message::CUT } else { "\n" };
        let end = self.len + last.len();
        self.bytes[self.len..end].copy_from_slice(last.as_bytes());
        &self.bytes[..end]
    }
}

impl fmt::Write for Message {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for char in text.chars() {
            // `escape_debug` escapes characters that control a terminal or reverse the direction of text. It also escapes quotes, which we
            // do not want, and leaves some invisible characters, which we escape.
            if char.is_ascii_graphic() || char == ' ' {
                self.push(char.encode_utf8(&mut [0; 4]));
            } else if !char.is_control() && is_escaped(char) {
                for escaped in char.escape_unicode() {
                    self.push(escaped.encode_utf8(&mut [0; 4]));
                }
            } else {
                for escaped in char.escape_debug() {
                    self.push(escaped.encode_utf8(&mut [0; 4]));
                }
            }
        }
        Ok(())
    }
}
