//! Models of the queue, and weakened twins of them that must fail.

mod progress;

use loom::thread;

use super::reader::Reader;
use super::ring::{CLOSED, FLAGS, IDLE};
use super::*;
use crate::sync::Ordering::{AcqRel, Acquire, Relaxed};
use crate::sync::model::{Arc, Mutex};

/// What a record takes: a third one lies where the first one lay.
const SIZE: u64 = 32;

/// The bytes of the record with this tag, which are not zero.
fn line(tag: u32) -> [u8; 16] {
    [tag as u8 + 1; 16]
}

fn label(tag: u32) -> Label {
    Label { tag, stamp: u64::from(tag) + 100 }
}

type Push = fn(&Ring, u32) -> Result<Pushed, Refused>;

fn push(ring: &Ring, tag: u32) -> Result<Pushed, Refused> {
    ring.push(label(tag), &line(tag))
}

/// Pushes, waiting for room.
fn push_all(ring: &Ring, push: Push, tags: &[u32]) {
    for tag in tags {
        while push(ring, *tag).is_err() {
            thread::yield_now();
        }
    }
}

/// Takes out what there is and returns the tags, after a check that each record is whole.
fn take(ring: &Ring) -> Vec<u32> {
    let mut taken = Drained::default();
    ring.reader().take(&mut taken, usize::MAX);
    check(&taken)
}

fn check(taken: &Drained) -> Vec<u32> {
    let lines = taken.bytes.chunks(16);
    for (found, bytes) in taken.labels.iter().zip(lines) {
        assert!(*found == label(found.tag) && *bytes == line(found.tag), "a record is torn");
    }
    taken.labels.iter().map(|label| label.tag).collect()
}

/// Calls `f` on a thread of its own, and waits for it. loom runs threads in the order in which they were started and then looks for other
/// orders, for which it remembers the last access to each atomic only: a thread that looks at what others change must come last, else it
/// is always too early.
fn last<R: 'static>(ring: &Arc<Ring>, f: impl FnOnce(&Ring) -> R + 'static) -> R {
    let ring = Arc::clone(ring);
    thread::spawn(move || f(&ring)).join().unwrap()
}

/// Two threads push three records, while a third takes out, into a ring that has room for two.
fn each_record_comes_out_once_and_whole(push: Push, take: fn(&Ring) -> Vec<u32>) {
    loom::model(move || {
        let ring = Arc::new(Ring::new(64));
        let accepted = |tags: &'static [u32]| {
            let ring = Arc::clone(&ring);
            thread::spawn(move || tags.iter().copied().filter(|tag| push(&ring, *tag).is_ok()).collect::<Vec<_>>())
        };
        let (one, two) = (accepted(&[0, 1]), accepted(&[2]));
        let mut tags = last(&ring, take);
        let (one, two) = (one.join().unwrap(), two.join().unwrap());
        tags.extend(take(&ring));
        let of_one = tags.iter().copied().filter(|tag| *tag < 2);
        assert!(of_one.eq(one.iter().copied()), "a record was lost, doubled or moved");
        tags.sort_unstable();
        assert_eq!(tags, [one, two].concat(), "a record was lost, doubled or moved");
    });
}

#[test]
fn loom_each_record_comes_out_once_and_whole() {
    each_record_comes_out_once_and_whole(push, take);
}

/// As [`Ring::push`], with a header that shows nothing but itself.
fn push_with_a_relaxed_header(ring: &Ring, tag: u32) -> Result<Pushed, Refused> {
    let tail = ring.tail.0.load(Acquire);
    let start = tail & !FLAGS;
    if start + SIZE - ring.head.0.load(Acquire) > 64
        || ring.tail.0.compare_exchange(tail, start + SIZE, AcqRel, Acquire).is_err()
    {
        return Err(Refused::Full);
    }
    let word = |n: u64| &ring.words[(start / 8 + n) as usize % 8];
    word(1).store(label(tag).stamp, Relaxed);
    for (n, chunk) in (2..).zip(line(tag).chunks(8)) {
        word(n).store(u64::from_ne_bytes(chunk.try_into().unwrap()), Relaxed);
    }
    word(0).store(1 << 63 | u64::from(tag) << 32 | 16, Relaxed);
    Ok(Pushed { end: start + SIZE, wake: false, is_half: false })
}

#[test]
#[should_panic(expected = "a record is torn")]
fn loom_a_relaxed_header_tears_a_record() {
    each_record_comes_out_once_and_whole(push_with_a_relaxed_header, take);
}

/// As [`Reader::take`], but the space is free before it is zero.
fn take_that_publishes_first(ring: &Ring) -> Vec<u32> {
    let mut reader = ring.reader();
    let mut tags = Vec::new();
    loop {
        let end = reader.catch_up();
        if reader.head == end {
            return tags;
        }
        let word = |n: u64| &ring.words[(reader.head / 8 + n) as usize % 8];
        let header = word(0).load(Acquire);
        if header == 0 {
            return tags;
        }
        tags.push((header >> 32) as u32 & MAX_TAG);
        ring.head.0.store(reader.head + SIZE, crate::sync::Ordering::Release);
        for n in 0..4 {
            word(n).store(0, Relaxed);
        }
    }
}

#[test]
#[should_panic(expected = "lost, doubled or moved")]
fn loom_space_that_is_free_before_it_is_zero_swallows_a_record() {
    each_record_comes_out_once_and_whole(push, take_that_publishes_first);
}

/// One thread takes out and rests while another pushes: what it pushes is taken out, or it is told to wake somebody. The ring does not
/// begin at its beginning, so resting moves it.
fn nothing_is_left_in_a_ring_at_rest(push: Push, rest: fn(&Ring) -> bool) {
    loom::model(move || {
        let ring = Arc::new(Ring::new(64));
        push_all(&ring, self::push, &[0]);
        assert_eq!(take(&ring), [0]);
        let pushing: Vec<_> = [1, 2]
            .map(|tag| {
                let ring = Arc::clone(&ring);
                thread::spawn(move || push(&ring, tag))
            })
            .into_iter()
            .collect();
        let (mut tags, rests) = last(&ring, move |ring| (take(ring), rest(ring)));
        let pushed: Vec<_> = pushing.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(pushed.iter().all(Result::is_ok), "a ring with room was full");
        let woken = pushed.iter().flatten().filter(|pushed| pushed.wake).count();
        assert!(woken <= 1, "two threads were told to wake the reader");
        if !rests || woken == 1 {
            tags.extend(take(&ring));
        }
        tags.sort_unstable();
        assert_eq!(tags, [1, 2], "a record is left in a ring at rest");
    });
}

fn rest(ring: &Ring) -> bool {
    ring.reader().rest()
}

#[test]
fn loom_nothing_is_left_in_a_ring_at_rest() {
    nothing_is_left_in_a_ring_at_rest(push, rest);
}

/// Looks and rests in two steps.
fn rest_in_two_steps(ring: &Ring) -> bool {
    let reader = ring.reader();
    let empty = ring.end() == reader.head;
    if empty {
        ring.tail.0.fetch_or(IDLE, AcqRel);
    }
    empty
}

#[test]
#[should_panic(expected = "left in a ring at rest")]
fn loom_resting_in_two_steps_leaves_a_record() {
    nothing_is_left_in_a_ring_at_rest(push, rest_in_two_steps);
}

/// As [`Ring::push`], by one who leaves it to the reader to move the head.
fn push_without_moving_the_head(ring: &Ring, tag: u32) -> Result<Pushed, Refused> {
    loop {
        let tail = ring.tail.0.load(Acquire);
        let start = tail & !FLAGS;
        let used = start.saturating_sub(ring.head.0.load(Acquire));
        if used + SIZE > 64 {
            return Err(Refused::Full);
        }
        if ring.tail.0.compare_exchange(tail, start + SIZE, AcqRel, Acquire).is_ok() {
            ring.commit(start, label(tag), &line(tag));
            return Ok(Pushed { end: start + SIZE, wake: tail & IDLE != 0, is_half: false });
        }
    }
}

#[test]
#[should_panic(expected = "a ring with room was full")]
fn loom_a_head_that_is_not_moved_up_fills_the_ring() {
    nothing_is_left_in_a_ring_at_rest(push_without_moving_the_head, rest);
}

/// Two threads push while a third closes and takes out the rest.
fn a_push_into_a_closing_ring_is_accepted_or_refused(close: fn(&Ring) -> bool) {
    loom::model(move || {
        let ring = Arc::new(Ring::new(64));
        let pushing: Vec<_> = [1, 2]
            .map(|tag| {
                let ring = Arc::clone(&ring);
                thread::spawn(move || push(&ring, tag).is_ok().then_some(tag))
            })
            .into_iter()
            .collect();
        close(&ring);
        let mut tags = take(&ring);
        let mut accepted: Vec<_> = pushing.into_iter().filter_map(|thread| thread.join().unwrap()).collect();
        tags.extend(take(&ring));
        tags.sort_unstable();
        accepted.sort_unstable();
        assert_eq!(tags, accepted, "a record was accepted and lost, or refused and taken");
        assert!(ring.reader().is_finished(), "a closed and empty ring is not finished");
        assert_eq!(push(&ring, 3), Err(Refused::Closed));
    });
}

#[test]
fn loom_a_push_into_a_closing_ring_is_accepted_or_refused() {
    a_push_into_a_closing_ring_is_accepted_or_refused(Ring::close);
}

#[test]
#[should_panic(expected = "a closed and empty ring is not finished")]
fn loom_closing_in_two_steps_loses_a_record() {
    a_push_into_a_closing_ring_is_accepted_or_refused(|ring| {
        let tail = ring.tail.0.load(Acquire);
        ring.tail.0.store((tail | CLOSED) & !IDLE, crate::sync::Ordering::Release);
        tail & IDLE != 0
    });
}

/// One thread throws the oldest away to push, while another takes out: each record goes one way.
fn a_record_is_taken_or_thrown_away(reader: for<'a> fn(&'a Ring, &'a Mutex<()>) -> Reader<'a>) {
    loom::model(move || {
        let shared = Arc::new((Ring::new(64), Mutex::new(())));
        push_all(&shared.0, push, &[0, 1]);
        let pushing = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let mut lost = Vec::new();
                while push(&shared.0, 2).is_err() {
                    reader(&shared.0, &shared.1).make_room(16, |label| lost.push(label.tag));
                }
                lost
            })
        };
        let taking = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let mut taken = Drained::default();
                shared.0.reader().take(&mut taken, 1);
                check(&taken)
            })
        };
        let mut tags = taking.join().unwrap();
        tags.extend(pushing.join().unwrap());
        tags.extend(take(&shared.0));
        tags.sort_unstable();
        assert_eq!(tags, [0, 1, 2], "a record was taken and thrown away, or neither");
    });
}

#[test]
fn loom_a_record_is_taken_or_thrown_away() {
    a_record_is_taken_or_thrown_away(|ring, _| ring.reader());
}

#[test]
#[should_panic(expected = "a record was taken and thrown away")]
fn loom_without_turns_a_record_goes_both_ways() {
    a_record_is_taken_or_thrown_away(|ring, another| Reader {
        ring,
        head: ring.head.0.load(Acquire),
        _turn: another.lock(),
    });
}
