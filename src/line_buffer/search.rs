//! Searches of texts for bytes, many at once.

/// How many bytes are searched at once.
pub(crate) const BLOCK: usize = 16;

/// What to look for in a text.
pub(crate) trait Search {
    /// Looks through a block.
    fn finds_in_block(block: &[u8; BLOCK]) -> bool;

    /// Looks through the bytes of a text that is no longer than a block, in two words.
    #[inline(always)]
    fn finds_in_words(first: u64, last: u64) -> bool {
        // Put together in registers: an array that is written word by word and read as a whole would have to wait for the writes.
        Self::finds_in_block(&(u128::from(first) | (u128::from(last) << 64)).to_le_bytes())
    }
}

/// Returns true if the search finds something in `bytes`.
#[inline]
pub(crate) fn finds<S: Search>(bytes: &[u8]) -> bool {
    match bytes.last_chunk::<BLOCK>() {
        None => finds_in_short::<S>(bytes),
        // The last block overlaps the one before it.
        Some(last) => S::finds_in_block(last) || bytes.as_chunks::<BLOCK>().0.iter().any(S::finds_in_block),
    }
}

/// The same for at most 16 bytes.
#[inline]
pub(super) fn finds_in_short<S: Search>(bytes: &[u8]) -> bool {
    spread(bytes).is_some_and(|(first, last)| S::finds_in_words(first, last))
}

/// Returns two words that have each byte of `piece`, which is no longer than a block, and no others. `None` if it is empty.
#[inline]
fn spread(piece: &[u8]) -> Option<(u64, u64)> {
    if let (Some(first), Some(last)) = (piece.first_chunk(), piece.last_chunk()) {
        return Some((u64::from_le_bytes(*first), u64::from_le_bytes(*last)));
    }
    let word = if let (Some(first), Some(last)) = (piece.first_chunk(), piece.last_chunk()) {
        u64::from(u32::from_le_bytes(*first)) | (u64::from(u32::from_le_bytes(*last)) << 32)
    } else {
        let (first, middle, last) = (piece.first()?, piece.get(piece.len() / 2)?, piece.last()?);
        u64::from(u32::from_le_bytes([*first, *middle, *last, *last])) * 0x1_0000_0001
    };
    Some((word, word))
}
