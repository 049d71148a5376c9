//! [`LineBuffer`]: the bytes of a line while it is rendered.
//!
//! A line consists of a dozen short pieces: names, numbers, words. A `Vec<u8>` copies each of them by a call of `memcpy`, because their
//! lengths are not known when the program is compiled. This buffer is always as long as its capacity, so that a piece can be written as one or
//! two whole words or blocks, which may overlap or go beyond the end of the line; only then is the line made longer, by the length of the
//! piece. [`extend_unless`](LineBuffer::extend_unless) also searches each block before it is written, so that a text is copied and searched for
//! characters to be escaped in one pass.

mod search;

use std::fmt;
use std::io;
use std::ops::{Deref, DerefMut};

use search::finds_in_short;
pub(crate) use search::{BLOCK, Search, finds};

/// The most bytes of a piece that is copied without a call.
const SHORT: usize = 2 * BLOCK;

/// The most bytes of a line that is copied into another without a call.
const LONG: usize = 6 * BLOCK;

/// A line that is being rendered. It has the methods of `Vec<u8>` that rendering needs.
#[derive(Default)]
pub(crate) struct LineBuffer {
    /// As long as its capacity. What stands beyond the line means nothing.
    bytes: Vec<u8>,
    /// The length of the line.
    len: usize,
}

impl LineBuffer {
    /// Makes an empty buffer without memory.
    pub(crate) const fn new() -> Self {
        LineBuffer { bytes: Vec::new(), len: 0 }
    }

    /// Makes an empty buffer for `capacity` bytes.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        LineBuffer { bytes: vec![0; capacity], len: 0 }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    /// Shortens the line to `len` bytes, if it is longer.
    #[inline]
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    #[inline]
    pub(crate) fn pop(&mut self) {
        self.len = self.len.saturating_sub(1);
    }

    #[inline]
    pub(crate) fn push(&mut self, byte: u8) {
        match self.bytes.get_mut(self.len) {
            Some(place) => {
                *place = byte;
                self.len += 1;
            }
            None => self.extend_long(&[byte]),
        }
    }

    /// Appends `piece`. One that is a constant becomes a few moves.
    #[inline]
    pub(crate) fn extend_from_slice(&mut self, piece: &[u8]) {
        if piece.len() <= SHORT
            && let Some(room) = self.room::<SHORT>()
        {
            copy_short(room, piece);
            self.len += piece.len();
        } else {
            self.extend_long(piece);
        }
    }

    /// The same as [`extend_from_block`](LineBuffer::extend_from_block), if there is room. Appends nothing and returns false if not, so that what
    /// is quick calls nothing.
    #[inline]
    pub(crate) fn try_extend_from_block<const N: usize>(&mut self, block: &[u8; N], len: usize) -> bool {
        match self.room::<N>() {
            Some(room) if len <= N => {
                *room = *block;
                self.len += len;
                true
            }
            _ => false,
        }
    }

    /// The same, with `first` before the block: with one look at the room.
    #[inline]
    pub(crate) fn try_extend_after(&mut self, first: u8, block: &[u8; SHORT], len: usize) -> bool {
        match self.room::<{ SHORT + 1 }>() {
            Some([place, room @ ..]) if len <= SHORT => {
                *place = first;
                *room = *block;
                self.len += 1 + len;
                true
            }
            _ => false,
        }
    }

    #[inline]
    pub(crate) fn extend_from_piece(&mut self, piece: &Piece) {
        if !self.try_extend_from_block(&piece.block, piece.len) {
            self.extend_long(piece.bytes());
        }
    }

    /// Appends `line`. One that is not long is copied as one block.
    #[inline]
    pub(crate) fn extend_from_line(&mut self, line: &LineBuffer) {
        match (line.bytes.first_chunk(), line.bytes.first_chunk()) {
            (Some(block), _) if self.try_extend_from_block::<SHORT>(block, line.len) => {}
            (_, Some(block)) if self.try_extend_from_block::<LONG>(block, line.len) => {}
            _ => self.extend_from_slice(line),
        }
    }

    /// Appends `first` and `piece`, if that is short and there is room, and returns whether it was and there was.
    #[inline]
    pub(crate) fn try_extend_from_piece_after(&mut self, first: u8, piece: &Piece) -> bool {
        self.try_extend_after(first, &piece.block, piece.len)
    }

    /// Appends the first `len` bytes of `block`, which is copied as a whole.
    #[inline]
    pub(crate) fn extend_from_block<const N: usize>(&mut self, block: &[u8; N], len: usize) {
        if !self.try_extend_from_block(block, len) {
            self.extend_long(&block[..len.min(N)]);
        }
    }

    /// Appends `piece`, unless the search finds something in it; then nothing is appended, and the result is false.
    #[inline]
    pub(crate) fn extend_unless<S: Search>(&mut self, piece: &[u8]) -> bool {
        if piece.len() > BLOCK {
            return self.extend_unless_in_blocks::<S>(piece);
        }
        if finds_in_short::<S>(piece) {
            return false;
        }
        self.extend_from_slice(piece);
        true
    }

    #[inline(never)]
    fn extend_unless_in_blocks<S: Search>(&mut self, piece: &[u8]) -> bool {
        self.reserve(piece.len());
        let Some(last) = piece.last_chunk::<BLOCK>() else { return false };
        let (blocks, _) = piece.as_chunks::<BLOCK>();
        let end = self.len + piece.len();
        // The last block overlaps the one before it, so that no byte is looked at alone.
        let Some(room) = self.bytes.get_mut(self.len..end) else { return false };
        let mut odd = S::finds_in_block(last);
        for (block, place) in blocks.iter().zip(room.as_chunks_mut::<BLOCK>().0) {
            if odd {
                return false;
            }
            odd = S::finds_in_block(block);
            *place = *block;
        }
        if odd {
            return false;
        }
        if let Some(place) = room.last_chunk_mut::<BLOCK>() {
            *place = *last;
        }
        self.len = end;
        true
    }

    /// Fills up the line with `byte`, or shortens it, to `len` bytes.
    pub(crate) fn resize(&mut self, len: usize, byte: u8) {
        if len > self.len {
            self.reserve(len - self.len);
            self.bytes[self.len..len].fill(byte);
        }
        self.len = len;
    }

    /// Removes the byte at `place`.
    pub(crate) fn remove(&mut self, place: usize) {
        self.bytes.copy_within(place + 1..self.len, place);
        self.len -= 1;
    }

    /// Replaces the bytes from `start` to `end` by `bytes`.
    pub(crate) fn replace(&mut self, start: usize, end: usize, bytes: &[u8]) {
        let (len, new_end) = (self.len, start + bytes.len());
        if new_end > end {
            self.resize(len + (new_end - end), 0);
        }
        self.bytes.copy_within(end..len, new_end);
        self.bytes[start..new_end].copy_from_slice(bytes);
        self.len = new_end + (len - end);
    }

    /// Takes the first `count` bytes of the [`room`](LineBuffer::room), which were written, into the line.
    #[inline]
    pub(crate) fn advance(&mut self, count: usize) {
        debug_assert!(self.len + count <= self.bytes.len());
        self.len = (self.len + count).min(self.bytes.len());
    }

    /// Returns the `N` bytes behind the line, to be written and then [taken](LineBuffer::advance), unless the buffer would have to grow for that.
    #[inline]
    pub(crate) fn room<const N: usize>(&mut self) -> Option<&mut [u8; N]> {
        let end = self.len.checked_add(N)?;
        self.bytes.get_mut(self.len..end)?.first_chunk_mut()
    }

    // Out of line, and cold, so that what appends short pieces saves no registers for it.
    #[cold]
    #[inline(never)]
    fn extend_long(&mut self, piece: &[u8]) {
        self.reserve(piece.len());
        self.bytes[self.len..self.len + piece.len()].copy_from_slice(piece);
        self.len += piece.len();
    }

    /// Makes room for `more` bytes.
    #[inline]
    fn reserve(&mut self, more: usize) {
        if self.bytes.len() - self.len < more {
            self.grow(more);
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, more: usize) {
        // Zeroed and copied once for each doubling. Not `resize`, which would also copy what stands beyond the line.
        let capacity = (self.len + more.max(SHORT)).max(self.bytes.len() * 2);
        let mut bytes = vec![0; capacity];
        bytes[..self.len].copy_from_slice(&self.bytes[..self.len]);
        self.bytes = bytes;
    }
}

/// Copies `piece`, which is no longer than `room`, as two words or blocks that may overlap.
#[inline]
fn copy_short(room: &mut [u8; SHORT], piece: &[u8]) {
    #[inline]
    fn copy_ends<const N: usize>(room: &mut [u8; SHORT], piece: &[u8]) -> bool {
        let (Some(first), Some(last)) = (piece.first_chunk::<N>(), piece.last_chunk::<N>()) else { return false };
        if let Some(end) = room.get_mut(..piece.len()).and_then(|room| room.last_chunk_mut()) {
            *end = *last;
        }
        if let Some(start) = room.first_chunk_mut() {
            *start = *first;
        }
        true
    }
    if copy_ends::<16>(room, piece) || copy_ends::<8>(room, piece) || copy_ends::<4>(room, piece) {
        return;
    }
    // At most three bytes.
    if let [first, .., last] = *piece {
        room[1] = piece[1];
        room[0] = first;
        room[piece.len().min(3) - 1] = last;
    } else if let [only] = *piece {
        room[0] = only;
    }
}

/// A text that many lines contain. A short one is copied as one block, whatever its length.
#[derive(Debug)]
pub(crate) struct Piece {
    block: [u8; SHORT],
    /// More than a block for a long text, which so never finds room.
    len: usize,
    long: Box<[u8]>,
}

impl Piece {
    pub(crate) fn new(text: &[u8]) -> Self {
        let mut block = [0; SHORT];
        match block.get_mut(..text.len()) {
            Some(place) => place.copy_from_slice(text),
            None => return Piece { block, len: text.len(), long: text.into() },
        }
        Piece { block, len: text.len(), long: Box::default() }
    }

    fn bytes(&self) -> &[u8] {
        self.block.get(..self.len).unwrap_or(&self.long)
    }
}

impl Deref for LineBuffer {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl DerefMut for LineBuffer {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.len]
    }
}

impl From<&[u8]> for LineBuffer {
    fn from(line: &[u8]) -> Self {
        LineBuffer { bytes: line.to_vec(), len: line.len() }
    }
}

impl From<LineBuffer> for Vec<u8> {
    fn from(line: LineBuffer) -> Self {
        let mut bytes = line.bytes;
        bytes.truncate(line.len);
        bytes
    }
}

impl io::Write for LineBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for LineBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(self), f)
    }
}

#[cfg(test)]
mod tests;
