//! How a document stands on disk and in a cache: JSON, with what a store needs to know of it on the first line.
//!
//! ```json
//! {"logscope_store":2,"schema":"project-state","epoch":1700000000000000,"generation":7,"token":"00a1…","by":"pid 4711 (uno) on build7: nightly","fence":3,"digest":"9f3c…","document":
//! {"name":"uno"}
//! }
//! ```
//!
//! All of it is one JSON object, for other programs to read. A store reads the first line alone to learn whether a document has changed.

use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::limits::STORE_HEADER_BYTES;
use crate::lock::{Digest, Token};

/// The version of the format that this code writes, and the only one that it reads. The first one had no epoch.
const FORMAT: u32 = 2;
const START: &str = "{\"logscope_store\":";
/// Ends the first line, behind the fields of the header.
const DOCUMENT: &str = ",\"document\":";
/// Stands behind the value.
const END: &[u8] = b"\n}\n";

/// Which save of a document this is. A number alone would not do: who deletes a document and begins anew gives the numbers again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Stamp {
    pub(super) generation: u64,
    /// Names the guard that saved it.
    pub(super) token: Token,
}

/// Says which of two copies of a document was saved later; for a [`DocumentCache`](super::DocumentCache).
///
/// The later one is the greater one. First the epochs are compared, then the fences, then the generations: a document that was removed and begun anew
/// counts its generations anew, and a copy that somebody has brought back goes on with low ones. So one that was begun anew goes before all that was
/// saved of the one before, also if that was saved later, elsewhere.
///
/// ```
/// use logscope::store::DocumentVersion;
///
/// let old = DocumentVersion { epoch: 1, fence: 312, generation: 5 };
/// let new = DocumentVersion { epoch: 1, fence: 314, generation: 2 };
/// assert!(new > old);
/// assert!(new.to_string() > old.to_string(), "for a cache that compares texts");
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DocumentVersion {
    /// When the document was begun, or was written past its locks last, in microseconds since 1970. Zero if it was never saved.
    pub epoch: u64,
    /// The highest fencing number that it was saved under in this epoch.
    pub fence: u64,
    /// How often it was saved.
    pub generation: u64,
}

impl DocumentVersion {
    /// Returns an epoch that is later than `before`, and than all that were begun before now.
    pub(super) fn epoch_after(before: u64) -> u64 {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(now.as_micros()).unwrap_or_default().max(before.saturating_add(1))
    }

    /// True if two copies of a document cannot be of one row of saves, each over the one before.
    pub(super) fn is_fork_of(self, other: Self) -> bool {
        let (low, high) = if self < other { (self, other) } else { (other, self) };
        low.epoch != high.epoch || low.generation > high.generation
    }
}

/// All in digits of one width: the texts are in the order of the versions.
impl fmt::Display for DocumentVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:020}.{:020}.{:020}", self.epoch, self.fence, self.generation)
    }
}

/// What a store knows of a document without reading the value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Header {
    pub(super) schema: String,
    pub(super) stamp: Stamp,
    /// Who has saved it, for people: its process, and the owner of its lease.
    pub(super) by: String,
    /// See [`DocumentVersion::epoch`].
    pub(super) epoch: u64,
    /// The highest fencing number that it was saved under in this epoch. Zero if it never was under a lease.
    pub(super) fence: u64,
}

/// Why bytes are no document.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Fault {
    /// Something else than a store has written it.
    Foreign,
    /// A later version of this library has written it.
    Newer(u32),
    /// An earlier version of this library has written it.
    Older(u32),
    /// It is cut, or was changed by something else.
    Damaged(&'static str),
}

#[derive(Deserialize, Serialize)]
struct Line {
    logscope_store: u32,
    schema: String,
    epoch: u64,
    generation: u64,
    token: String,
    by: String,
    fence: u64,
    /// Of this line with an empty digest, and the value.
    digest: String,
}

impl Header {
    /// Returns the document with this header and `value`, which is JSON.
    pub(super) fn write(&self, value: &[u8]) -> Vec<u8> {
        let line = Line {
            logscope_store: FORMAT,
            schema: self.schema.clone(),
            epoch: self.epoch,
            generation: self.stamp.generation,
            token: self.stamp.token.to_string(),
            by: self.by.clone(),
            fence: self.fence,
            digest: String::new(),
        };
        let digest = line.digest_with(value);
        let line = Line { digest, ..line }.to_text();
        let fields = line.strip_suffix('}').unwrap_or(&line);
        [fields.as_bytes(), DOCUMENT.as_bytes(), b"\n", value, END].concat()
    }

    /// Returns which copy of the document this is.
    pub(super) fn version(&self) -> DocumentVersion {
        DocumentVersion { epoch: self.epoch, fence: self.fence, generation: self.stamp.generation }
    }

    /// True if this is what the disk has, and `cached` is no save before it. Each save is on disk first.
    pub(super) fn disagrees_with(&self, cached: &Self) -> bool {
        let (own, cached_version) = (self.version(), cached.version());
        cached_version > own || cached_version.is_fork_of(own) || self.is_twin_of(cached)
    }

    /// True if both are of the same version, and of two saves: each was made without the other.
    pub(super) fn is_twin_of(&self, other: &Self) -> bool {
        self.version() == other.version() && self.stamp != other.stamp
    }

    /// Reads the first line of a document, and no more than that.
    pub(super) fn read(document: impl Read) -> io::Result<Result<Self, Fault>> {
        let mut line = Vec::new();
        BufReader::with_capacity(1 << 10, document).take(STORE_HEADER_BYTES).read_until(b'\n', &mut line)?;
        Ok(Line::parse(&line).and_then(|line| line.header()))
    }

    /// Returns the header of a document and its value. Checks that both are as they were written.
    pub(super) fn parse(document: &[u8]) -> Result<(Self, &[u8]), Fault> {
        let end_of_line = document.iter().position(|byte| *byte == b'\n').map_or(document.len(), |end| end + 1);
        let (line, rest) = document.split_at(end_of_line);
        let line = Line::parse(line)?;
        let value = rest.strip_suffix(END).ok_or(Fault::Damaged("it has no end"))?;
        if line.digest_with(value) != line.digest {
            return Err(Fault::Damaged("it has not its digest"));
        }
        Ok((line.header()?, value))
    }
}

impl Line {
    fn parse(line: &[u8]) -> Result<Self, Fault> {
        let Some(text) = str::from_utf8(line).ok().filter(|text| text.starts_with(START)) else {
            // What a crash of the system leaves of a file that was never synced.
            let is_blank = line.iter().all(|byte| *byte == 0);
            return Err(if is_blank { Fault::Damaged("it is empty") } else { Fault::Foreign });
        };
        // The version first: a later one may have another header.
        let digits =
            text[START.len()..].find(|c: char| !c.is_ascii_digit()).map_or(text.len(), |end| START.len() + end);
        match text[START.len()..digits].parse() {
            Ok(version) if version > FORMAT => return Err(Fault::Newer(version)),
            Ok(version) if version < FORMAT => return Err(Fault::Older(version)),
            _ => {}
        }
        let fields = text.strip_suffix('\n').and_then(|text| text.strip_suffix(DOCUMENT));
        let fields = fields.ok_or(Fault::Damaged("its first line has no end"))?;
        serde_json::from_str(&format!("{fields}}}")).map_err(|_| Fault::Damaged("its first line is no header"))
    }

    fn header(&self) -> Result<Header, Fault> {
        let token = self.token.parse().map_err(|_| Fault::Damaged("its token is none"))?;
        let stamp = Stamp { generation: self.generation, token };
        Ok(Header { schema: self.schema.clone(), stamp, by: self.by.clone(), epoch: self.epoch, fence: self.fence })
    }

    fn to_text(&self) -> String {
        // Numbers and strings alone, which have a JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    fn digest_with(&self, value: &[u8]) -> String {
        let Line { logscope_store, epoch, generation, fence, .. } = *self;
        let (schema, token, by) = (self.schema.clone(), self.token.clone(), self.by.clone());
        let line =
            Line { logscope_store, schema, epoch, generation, token, by, fence, digest: String::new() }.to_text();
        // Reading from memory does not fail.
        Digest::of(line.as_bytes().chain(value)).map_or_else(|_| String::new(), |digest| digest.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        let stamp = Stamp { generation: 7, token: Token::random() };
        Header { schema: "a \"b\"\n".to_owned(), stamp, by: "pid 7".to_owned(), epoch: 9, fence: 3 }
    }

    #[test]
    fn a_document_is_read_as_it_was_written_and_is_json() {
        let header = header();
        let document = header.write(b"{\"a\":1}");
        assert_eq!(Header::parse(&document), Ok((header.clone(), &b"{\"a\":1}"[..])));
        assert_eq!(Header::read(&document[..]).unwrap(), Ok(header));
        let json: serde_json::Value = serde_json::from_slice(&document).unwrap();
        assert_eq!((&json["generation"], &json["document"]["a"]), (&7.into(), &1.into()));
    }

    #[test]
    fn a_document_that_was_cut_or_changed_anywhere_is_found_out() {
        let document = header().write(b"{\"a\":1}");
        for end in 0..document.len() {
            assert!(Header::parse(&document[..end]).is_err(), "cut at {end}");
        }
        for index in 0..document.len() {
            let mut changed = document.clone();
            changed[index] ^= 1;
            assert!(Header::parse(&changed).is_err(), "changed at {index}");
        }
    }

    #[test]
    fn versions_and_their_texts_are_in_the_order_of_saves() {
        let version = |epoch, fence, generation| DocumentVersion { epoch, fence, generation };
        let rising = [(0, 0, 0), (1, 0, 7), (1, 0, 10), (1, 9, 1), (1, 10, 1), (2, 0, 1), (u64::MAX, 0, 0)];
        let rising = rising.map(|(epoch, fence, generation)| version(epoch, fence, generation));
        assert!(rising.is_sorted() && rising.map(|version| version.to_string()).is_sorted());
        assert!(version(1, 9, 4).is_fork_of(version(1, 8, 5)) && version(1, 0, 1).is_fork_of(version(2, 0, 2)));
        assert!(!version(1, 9, 4).is_fork_of(version(1, 8, 3)) && !version(1, 0, 1).is_fork_of(version(1, 0, 2)));
        assert!(DocumentVersion::epoch_after(u64::MAX - 1) == u64::MAX && DocumentVersion::epoch_after(0) > 1 << 50);
    }

    #[test]
    fn what_others_have_written_is_told_apart() {
        let fault = |document: &[u8]| Header::parse(document).unwrap_err();
        assert_eq!(fault(b"{\"name\": 1}\n"), Fault::Foreign);
        assert_eq!(fault(b"\xff\xfe"), Fault::Foreign);
        assert_eq!(fault(b""), Fault::Damaged("it is empty"));
        assert_eq!(fault(&[0; 512]), Fault::Damaged("it is empty"));
        assert_eq!(fault(b"{\"logscope_store\":3,\"new\":true}"), Fault::Newer(3));
        // Without an epoch.
        assert_eq!(fault(b"{\"logscope_store\":1,\"schema\":\"count\",\"document\":\n"), Fault::Older(1));
    }
}
