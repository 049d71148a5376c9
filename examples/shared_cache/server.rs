//! The server of the toolchains, as far as the builds see it: a slow line, which breaks off once. It keeps its own account of what it has sent.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;
use std::time::Duration;

use logscope::lock::{Digest, FetchPolicy};

/// What a build needs.
#[derive(Debug)]
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    bytes: usize,
    /// It changes with every download.
    pub(crate) is_index: bool,
    /// The line breaks off in the first download.
    breaks: bool,
}

pub(crate) const TOOLS: [Tool; 4] = [
    Tool { name: "gcc-arm@13.2.0", bytes: 768 << 10, is_index: false, breaks: false },
    Tool { name: "gcc-avr@7.3.0", bytes: 512 << 10, is_index: false, breaks: false },
    Tool { name: "esptool@4.8.1", bytes: 96 << 10, is_index: false, breaks: true },
    Tool { name: "index.json", bytes: 32 << 10, is_index: true, breaks: false },
];

/// In how many pieces a tool comes, and how long each takes.
const PIECES: usize = 16;
const PIECE: Duration = Duration::from_millis(2);

impl Tool {
    pub(crate) fn policy(&self) -> FetchPolicy {
        if self.is_index { FetchPolicy::Always } else { FetchPolicy::IfMissing }
    }

    /// What everybody knows the tool to be; the index is always another.
    pub(crate) fn digest(&self) -> Option<Digest> {
        (!self.is_index)
            .then(|| Digest::of(&*self.contents(0)).unwrap_or_else(|error| unreachable!("memory is read: {error}")))
    }

    /// What the download `number` sends.
    pub(crate) fn contents(&self, number: usize) -> Vec<u8> {
        let number = if self.is_index { number } else { 0 };
        let mut contents = format!("{} {number}\n", self.name).into_bytes();
        let mut state =
            number as u64 + self.name.bytes().fold(1, |sum: u64, byte| sum.wrapping_mul(31) + u64::from(byte));
        while contents.len() < self.bytes {
            // xorshift64
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            contents.extend(state.to_le_bytes());
        }
        contents
    }

    /// Returns the number of the download that `contents` are of, if they are whole.
    pub(crate) fn number_of(&self, contents: &[u8]) -> Option<usize> {
        let line = contents.split(|byte| *byte == b'\n').next()?;
        let number = std::str::from_utf8(line).ok()?.strip_prefix(self.name)?.trim().parse().ok()?;
        (self.contents(number) == contents).then_some(number)
    }
}

/// Returns how many downloads of `tool` have begun.
pub(crate) fn begun(folder: &Path, tool: &Tool) -> usize {
    fs::read_dir(folder.join("server").join(tool.name)).map_or(0, Iterator::count)
}

/// A download that has begun.
pub(crate) struct Download {
    contents: Vec<u8>,
    /// After so many pieces the line breaks off.
    breaks_after: Option<usize>,
    sent: usize,
}

impl Download {
    /// Begins a download, and notes that in the server's account.
    pub(crate) fn begin(folder: &Path, tool: &Tool) -> io::Result<Download> {
        let account = folder.join("server").join(tool.name);
        fs::create_dir_all(&account)?;
        let mut number = 1;
        while let Err(error) = File::create_new(account.join(number.to_string())) {
            if error.kind() != ErrorKind::AlreadyExists {
                return Err(error);
            }
            number += 1;
        }
        let breaks_after = (tool.breaks && number == 1).then_some(PIECES / 2);
        Ok(Download { contents: tool.contents(number), breaks_after, sent: 0 })
    }

    /// Writes the next piece to `file`. Returns how long to wait for the one after it; none at the end.
    pub(crate) fn next(&mut self, file: &mut File) -> io::Result<Option<Duration>> {
        if self.breaks_after == Some(self.sent) {
            tracing::warn!("the line broke off");
            return Err(io::Error::new(ErrorKind::ConnectionReset, "the line broke off"));
        }
        let size = self.contents.len().div_ceil(PIECES);
        let Some(piece) = self.contents.chunks(size).nth(self.sent) else { return Ok(None) };
        self.sent += 1;
        file.write_all(piece)?;
        Ok(Some(PIECE))
    }
}
