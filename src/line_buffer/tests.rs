//! Tests of `line_buffer`.

use super::*;

/// Bytes that are all different, as far as bytes can be.
fn piece(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n * 7 % 251) as u8).collect()
}

#[test]
fn a_piece_of_any_length_is_appended_as_by_a_vec() {
    for capacity in [0, 1, 31, 32, 33, 64, 200] {
        for before in [0, 1, 5, 31] {
            for len in (0..100).chain([500]) {
                let (mut line, mut expected) = (LineBuffer::with_capacity(capacity), vec![b'-'; before]);
                line.extend_from_slice(&expected.clone());
                line.extend_from_slice(&piece(len));
                expected.extend_from_slice(&piece(len));
                line.push(b'!');
                expected.push(b'!');
                assert_eq!(&line[..], expected, "{len} bytes after {before}, in {capacity}");
                assert_eq!(Vec::from(line), expected);
            }
        }
    }
}

/// Defines what to look for.
macro_rules! search {
    ($name:ident, $byte:ident => $is_found:expr) => {
        struct $name;
        impl Search for $name {
            fn finds_in_block(block: &[u8; BLOCK]) -> bool {
                block.iter().any(|$byte| $is_found)
            }
        }
    };
}

search!(O, byte => *byte == b'o');
search!(NotX, byte => *byte != b'x');
search!(NeitherXNorO, byte => !b"xo".contains(byte));

#[test]
fn a_piece_is_appended_unless_any_of_its_bytes_is_odd() {
    for len in 0..100 {
        let mut line = LineBuffer::from(&b"ab"[..]);
        assert!(line.extend_unless::<NotX>(&vec![b'x'; len]), "{len}");
        assert_eq!(&line[..], [&b"ab"[..], &vec![b'x'; len]].concat());
        for place in 0..len {
            let (mut line, mut odd) = (LineBuffer::from(&b"ab"[..]), vec![b'x'; len]);
            odd[place] = b'o';
            assert!(!line.extend_unless::<O>(&odd), "{place} of {len}");
            assert_eq!(&line[..], b"ab");
            assert!(finds::<O>(&odd));
            assert!(!finds::<NeitherXNorO>(&odd));
            assert!(line.extend_unless::<NeitherXNorO>(&odd));
            assert_eq!(&line[2..], odd);
        }
    }
}

#[test]
fn a_block_is_appended_as_far_as_it_counts() {
    for capacity in [0, 3, 8, 100] {
        for len in 0..=8 {
            let mut line = LineBuffer::with_capacity(capacity);
            line.extend_from_block(b"abcdefgh", len);
            line.push(b'.');
            assert_eq!(line[..], [&b"abcdefgh"[..len], b"."].concat());
            let before = line.len();
            let was_room = line.try_extend_after(b',', &[b'x'; 32], len);
            assert_eq!((was_room, line.len()), (capacity == 100, before + if was_room { 1 + len } else { 0 }));
            assert_eq!(line[before..], [&b","[..], &vec![b'x'; len]].concat()[..line.len() - before]);
        }
    }
}

#[test]
fn room_is_taken_as_far_as_it_is_advanced() {
    let mut line = LineBuffer::with_capacity(9);
    for _ in 0..4 {
        *line.room().unwrap() = *b"xyz";
        line.advance(2);
    }
    assert_eq!(line.room::<2>(), None);
    assert_eq!(line[..], *b"xyxyxyxy");
}

#[test]
fn a_line_can_be_changed_as_a_vec() {
    let mut line = LineBuffer::from(&b"abcdef"[..]);
    line.remove(1);
    assert_eq!(line[..], *b"acdef");
    line.replace(1, 3, b"---");
    assert_eq!(line[..], *b"a---ef");
    line.resize(8, b'.');
    assert_eq!(line[..], *b"a---ef..");
    line.resize(2, b'.');
    assert_eq!(line[..], *b"a-");
    line.truncate(5);
    line.pop();
    assert_eq!((&line[..], line.len(), line.is_empty()), (&b"a"[..], 1, false));
    line[0] = b'b';
    assert_eq!(format!("{line:?}"), "\"b\"");
    line.clear();
    line.pop();
    assert!(line.is_empty());
}
